"""`bailiwick reach`: who can reach whom, by every policy that is there."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from bailiwick.cli.reading import end_with, inventory_of, passed_over
from bailiwick.cli.settings import with_settings
from bailiwick.offline import reach_report
from bailiwick.offline.connlist import connection_list
from bailiwick.offline.planning import plan
from bailiwick.policy.settings import Settings

_ON_NODES = (
    "listed as netpol-analyzer lists them, as if policies held for them: they do not, and "
    "--output text says so"
)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="DIR|FILE|-...")
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
@with_settings
def reach(
    paths: tuple[str, ...], output: str, namespaces: tuple[str, ...], settings: Settings
) -> None:
    """Say who can reach whom, by every policy that is there or that an intent would give.

    Reads manifests: directories, files, or standard input (-).
    """
    inventory = inventory_of(paths, namespaces[0] if namespaces else "default")
    on_nodes = sum(pod.host_network for pod in inventory.running())
    if output == "connlist":
        inventory.off_host_networks()
    found = plan(inventory, settings, datetime.now(UTC)).world
    if inventory.problems:
        end_with(inventory)
    if output == "connlist":
        if on_nodes:
            who = (
                "1 pod on the network of its node is"
                if on_nodes == 1
                else (f"{on_nodes} pods on the network of their node are")
            )
            click.echo(f"note: {who} {_ON_NODES}", err=True)
        lines = connection_list(found)
    elif output == "json":
        lines = [json.dumps(reach_report.as_data(found, namespaces), indent=2)]
    else:
        lines = reach_report.as_text(found, namespaces)
    for line in lines:
        click.echo(line)
    others = passed_over(inventory.other_kinds)
    if others and output == "text":
        click.echo(f"note: {others}", err=True)
