"""`bailiwick reach`: who can reach whom, by every policy that is there."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime

import click

from bailiwick.cli.cluster import with_cluster
from bailiwick.cli.live import cluster_inventory, recorded_edges
from bailiwick.cli.reading import (
    CANNOT_READ,
    echo_lines,
    end_with,
    inventory_of,
    passed_over,
    warn_of,
)
from bailiwick.cli.settings import with_settings
from bailiwick.kube.credentials import Source
from bailiwick.offline import reach_report, recorded
from bailiwick.offline.connlist import connection_list
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.plan_text import not_known
from bailiwick.offline.planning import plan
from bailiwick.offline.world import World, world
from bailiwick.policy.reach.cluster_network import (
    OUTSIDE_ONLY,
    ClusterNetwork,
    cluster_network,
)
from bailiwick.policy.settings import Settings

_ON_NODES = (
    "listed as netpol-analyzer lists them, as if policies held for them: they do not, and "
    "--output text says so"
)


@click.command()
@click.argument("paths", nargs=-1, metavar="[DIR|FILE|-]...")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "json", "connlist"]),
    default="text",
    show_default=True,
    help="A table, JSON, or lines as netpol-analyzer writes them.",
)
@click.option(
    "--namespace",
    "-n",
    "namespaces",
    multiple=True,
    help="Only what touches this namespace. The first is also that of objects that name none.",
)
@with_cluster
@with_settings
def reach(
    paths: tuple[str, ...],
    output: str,
    namespaces: tuple[str, ...],
    source: Source,
    settings: Settings,
    now: datetime,
) -> None:
    """Say who can reach whom, by every policy that is there or that an intent would give.

    Reads manifests: directories, files, or standard input (-); without any, the cluster, with the
    rights of the caller. What may not be read there makes the answer unknown, unless the operator
    has written down what it found in the namespaces that are asked for (their NetworkReach). Where
    nothing at all is known, the exit code is 2.
    """
    if paths:
        inventory = inventory_of(paths, namespaces[0] if namespaces else "default")
    else:
        inventory = cluster_inventory(source, namespaces)
        if output != "connlist" and recorded.NEEDED & inventory.unreadable.keys():
            edges = recorded_edges(source, namespaces)
            if edges:
                is_text = output == "text"
                echo_lines(recorded.as_text(edges) if is_text else [recorded.as_json(edges)])
                kinds = ", ".join(sorted(inventory.unreadable))
                click.echo(f"note: you may not list {kinds} in all namespaces", err=True)
                return
    on_nodes = sum(pod.host_network for pod in inventory.running())
    if output == "connlist":
        inventory.forget_networks()
        network = OUTSIDE_ONLY
    else:
        network = cluster_network(settings, inventory.nodes.values())
    found = _world(inventory, settings, network, now, is_live=not paths)
    if output == "connlist":
        if on_nodes:
            who = (
                "1 pod on the network of its node is"
                if on_nodes == 1
                else f"{on_nodes} pods on the network of their node are"
            )
            click.echo(f"note: {who} {_ON_NODES}", err=True)
        lines: Iterable[str] = connection_list(found)
    elif output == "json":
        lines = reach_report.as_json(reach_report.as_data(found, namespaces))
    else:
        is_known = not inventory.unreadable
        lines = reach_report.as_text(found, namespaces, is_known=is_known)
    echo_lines(lines)
    warn_of(inventory)
    for line in not_known(inventory.unreadable):
        click.echo(line, err=True)
    others = passed_over(inventory.other_kinds)
    if others and output == "text":
        click.echo(f"note: {others}", err=True)
    if inventory.unreadable and next(reach_report.edges(found, namespaces), None) is None:
        sys.exit(CANNOT_READ)


def _world(
    inventory: Inventory,
    settings: Settings,
    network: ClusterNetwork,
    now: datetime,
    *,
    is_live: bool,
) -> World:
    """Return who can reach whom; of a cluster by the policies that are there, and no others."""
    if is_live:
        cluster = inventory.cluster()
        return world(cluster, inventory.policies.values(), inventory.all_entrances(), network)
    found = plan(inventory, settings, now, of=(), network=network).world
    if inventory.problems:
        end_with(inventory)
    return found
