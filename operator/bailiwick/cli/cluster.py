"""Options of commands that speak with a cluster."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from bailiwick.kube.credentials import Kubeconfig, find

Command = Callable[..., Any]

operator_namespace = click.option(
    "--namespace",
    "-n",
    default="bailiwick-system",
    show_default=True,
    help="Namespace of the operator.",
)


def with_cluster(command: Command) -> Command:
    """Add the options to a command, which gets a `source` of credentials."""

    @click.option("--kubeconfig", type=click.Path(path_type=Path), help="Kubeconfig to use.")
    @click.option("--context", "context_name", help="Context of the kubeconfig to use.")
    @wraps(command)
    def with_it(
        *arguments: Any, kubeconfig: Path | None, context_name: str | None, **others: Any
    ) -> Any:
        source = Kubeconfig((kubeconfig,), context_name) if kubeconfig else find(context_name)
        return command(*arguments, source=source, **others)

    return with_it
