"""Options of the offline commands that stand for the operator's settings in a cluster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click

from bailiwick.cli.options import PODS, RANGE
from bailiwick.policy.settings import ALWAYS_EXEMPT, PodsOf, Settings

Command = Callable[..., Any]


def with_settings(command: Command) -> Command:
    """Add the options to a command, which gets `settings`, and the instant `now` to go by."""

    @click.option(
        "--enforcer",
        default="",
        help="What enforces NetworkPolicy in the cluster, such as Calico or Cilium. While that is "
        "not known, it is not known either whether an ipBlock covers pods.",
    )
    @click.option(
        "--cluster-cidr",
        "cluster_cidrs",
        type=RANGE,
        multiple=True,
        help="A range of the cluster's pod or Service addresses, where manifests name none.",
    )
    @click.option(
        "--ingress-controller",
        "ingress_controllers",
        type=PODS,
        multiple=True,
        help="Pods of the ingress controller: NAMESPACE or NAMESPACE:key=value,key=value.",
    )
    @click.option(
        "--exempt-namespace",
        "exempt_namespaces",
        multiple=True,
        help="A namespace that the operator never isolates, besides kube-system and the like.",
    )
    @click.option(
        "--at",
        type=click.DateTime(["%Y-%m-%d"]),
        help="The day on which to look, for reviewBy; today where it is left out.",
    )
    @wraps(command)
    def with_them(
        *arguments: Any,
        enforcer: str,
        cluster_cidrs: tuple[str, ...],
        ingress_controllers: tuple[PodsOf, ...],
        exempt_namespaces: tuple[str, ...],
        at: datetime | None,
        **others: Any,
    ) -> Any:
        settings = Settings(
            enforcer=enforcer,
            exempt_namespaces=ALWAYS_EXEMPT | frozenset(exempt_namespaces),
            cluster_cidrs=cluster_cidrs,
            ingress_controllers=ingress_controllers,
        )
        now = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
        return command(*arguments, settings=settings, now=now, **others)

    return with_them
