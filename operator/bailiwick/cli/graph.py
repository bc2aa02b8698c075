"""`bailiwick graph`: who can reach whom, as a picture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from bailiwick.cli.cluster import with_cluster
from bailiwick.cli.live import cluster_inventory
from bailiwick.cli.reading import cannot_read, end_with, inventory_of, passed_over, warn_of
from bailiwick.cli.settings import with_settings
from bailiwick.kube.credentials import Source
from bailiwick.offline.explaining import Explainer
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.picture.compose import compose
from bailiwick.offline.picture.dot import as_dot
from bailiwick.offline.picture.mermaid import as_mermaid
from bailiwick.offline.picture.model import Picture
from bailiwick.offline.picture.page import as_page
from bailiwick.offline.plan_text import not_known
from bailiwick.offline.planning import Plan, plan
from bailiwick.policy.settings import Settings

_FORMS: Final[Mapping[str, Callable[[Picture, Plan], str]]] = {
    "html": lambda picture, made: as_page(picture, Explainer(made).reasons),
    "dot": lambda picture, _: as_dot(picture),
    "mermaid": lambda picture, _: as_mermaid(picture),
}


@click.command()
@click.argument("paths", nargs=-1, metavar="[DIR|FILE|-]...")
@click.option(
    "--output",
    "-o",
    type=click.Choice(list(_FORMS)),
    default="html",
    show_default=True,
    help="A page to look at in a browser, or text for Graphviz or Mermaid.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
@click.option(
    "--namespace",
    "-n",
    "namespaces",
    multiple=True,
    help="Only what touches this namespace. The first is also that of objects that name none.",
)
@click.option(
    "--against-cluster",
    is_flag=True,
    help="Take the cluster for everything that the manifests do not have.",
)
@with_cluster
@with_settings
def graph(
    paths: tuple[str, ...],
    output: str,
    target: Path | None,
    namespaces: tuple[str, ...],
    against_cluster: bool,
    source: Source,
    settings: Settings,
    now: datetime,
) -> None:
    """Draw who can reach whom: what is declared, and where what is possible differs from it.

    Reads manifests: directories, files, or standard input (-); without any, the cluster, with the
    rights of the caller. What may not be read there makes the answer unknown.
    """
    if output == "html" and target is None and sys.stdout.isatty():
        raise click.UsageError("a page is not for a terminal: write it to a file (--to graph.html)")
    inventory = _inventory(paths, namespaces, source, against_cluster=against_cluster)
    is_live = against_cluster or not paths
    made = plan(inventory, settings, now, complete=is_live)
    if inventory.problems:
        end_with(inventory)
    _write(_FORMS[output](compose(made, namespaces), made), target)
    warn_of(inventory)
    for line in not_known(made.unreadable):
        click.echo(line, err=True)
    others = passed_over(made.passed_over)
    if others:
        click.echo(f"note: {others}", err=True)


def _inventory(
    paths: tuple[str, ...],
    namespaces: tuple[str, ...],
    source: Source,
    *,
    against_cluster: bool,
) -> Inventory:
    """Read the manifests, the cluster, or the cluster as the manifests would change it."""
    if not paths:
        return cluster_inventory(source, namespaces)
    inventory = inventory_of(paths, namespaces[0] if namespaces else "default")
    if not against_cluster:
        return inventory
    return cluster_inventory(source, sorted(inventory.populated())).changed_by(inventory)


def _write(text: str, target: Path | None) -> None:
    """Write a picture, the same bytes wherever it goes."""
    data = text.encode("utf-8", "replace")
    if target is None:
        sys.stdout.buffer.write(data)
        return
    try:
        target.write_bytes(data)
    except OSError as error:
        cannot_read(f"{target}: {error.strerror}")
