"""`bailiwick explain`: why a connection is possible or not, policy by policy."""

from __future__ import annotations

import json
import sys
from datetime import datetime

import click

from bailiwick.cli.cluster import with_cluster
from bailiwick.cli.live import cluster_inventory
from bailiwick.cli.reading import cannot_read, echo, end_with, inventory_of, warn_of
from bailiwick.cli.settings import with_settings
from bailiwick.kube.credentials import Source
from bailiwick.offline.ends import Directory
from bailiwick.offline.explaining import Explainer
from bailiwick.offline.plan_text import not_known
from bailiwick.offline.planning import plan
from bailiwick.offline.sources import CannotRead
from bailiwick.policy.reach.halves import Outcome
from bailiwick.policy.settings import Settings

NOT_ALLOWED = 1
"""The exit code where the connection is denied, or nobody can tell."""


@click.command()
@click.argument("source_end", metavar="FROM")
@click.argument("target_end", metavar="TO[:PORT]")
@click.option(
    "--file",
    "-f",
    "paths",
    multiple=True,
    metavar="DIR|FILE|-",
    help="Manifests to look at, instead of the cluster.",
)
@click.option(
    "--namespace",
    "-n",
    default="default",
    show_default=True,
    help="The namespace of what is named without one.",
)
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write the answer.",
)
@with_cluster
@with_settings
def explain(
    source_end: str,
    target_end: str,
    paths: tuple[str, ...],
    namespace: str,
    output: str,
    source: Source,
    settings: Settings,
    now: datetime,
) -> None:
    """Say why FROM can reach TO or not, and what to add if it should.

    FROM and TO are workloads or Services (shop/checkout), addresses, or the word internet; TO has
    a port: shop/payments:8443, 10.0.0.1:53/UDP, shop/api:grpc. Without one, all ports that TO
    declares are looked at. Ends with 0 where all of it is allowed, else with 1.
    """
    inventory = inventory_of(paths, namespace) if paths else cluster_inventory(source, [namespace])
    made = plan(inventory, settings, now, complete=not paths)
    if inventory.problems:
        end_with(inventory)
    directory = Directory(made.cluster, made.world.workloads, namespace)
    try:
        start, end = directory.find(source_end), directory.find(target_end)
        ports = directory.ports(end)
    except CannotRead as error:
        unread = " ".join(not_known(inventory.unreadable))
        cannot_read(f"{error}, as far as it may be read. {unread}" if unread else str(error))
    explainer = Explainer(made)
    answers = explainer.answers(start, end, ports)
    if output == "json":
        data = [explainer.as_data(each) for each in answers]
        echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        told = ["\n".join(explainer.as_text(each)) for each in answers]
        echo("\n\n".join([*told, *["\n".join(not_known(made.unreadable))]]))
    warn_of(inventory)
    allowed = all(each.explanation.outcome is Outcome.ALLOWED for each in answers)
    sys.exit(0 if allowed else NOT_ALLOWED)
