"""`bailiwick init`: a first intent for a namespace, written to standard output and nowhere else."""

from __future__ import annotations

import click

from bailiwick.api.meta import PROFILE_LABEL
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.cli.cluster import with_cluster
from bailiwick.cli.live import cluster_inventory
from bailiwick.cli.reading import cannot_read, echo, end_with, inventory_of
from bailiwick.kube.credentials import Source
from bailiwick.offline.declared import Declarations, declarations
from bailiwick.offline.drafting import draft
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.world import world


@click.command()
@click.option("--namespace", "-n", required=True, help="The namespace to write an intent for.")
@click.option(
    "--file",
    "-f",
    "paths",
    multiple=True,
    metavar="DIR|FILE|-",
    help="Manifests to look at, instead of the cluster.",
)
@click.option("--profile", help="The profile to name; that of the namespace's label, or default.")
@with_cluster
def init(namespace: str, paths: tuple[str, ...], profile: str | None, source: Source) -> None:
    """Write a first intent for a namespace, from what is there, to standard output.

    It has what the namespace's policies, Ingresses and routes open today, each with a reason to
    fill in. Nothing is written into the cluster.
    """
    inventory = inventory_of(paths, namespace) if paths else cluster_inventory(source, [namespace])
    declared = declarations(inventory)
    if inventory.problems:
        end_with(inventory)
    if namespace in inventory.intents:
        place = inventory.place("SecurityIntent", namespace, "default")
        cannot_read(f"namespace {namespace} has an intent already, in {place}")
    if namespace not in inventory.populated():
        cannot_read(f"there is nothing of namespace {namespace}: correct its name")
    named = profile or _profile(inventory, declared, namespace)
    spec = declared.profiles.get(named)
    cluster = inventory.cluster()
    today = world(cluster, inventory.policies.values())
    has_dns = spec is not None and _opens_dns(spec)
    made = draft(inventory, namespace, cluster, today.workloads, has_dns=has_dns)
    echo(made.as_yaml(named))


def _profile(inventory: Inventory, declared: Declarations, namespace: str) -> str:
    """Return the profile of the namespace's label, or the default one; empty where none is."""
    known = inventory.namespaces.get(namespace)
    label = known.labels.get(PROFILE_LABEL, "") if known else ""
    defaults = [name for name, spec in declared.profiles.items() if spec.default]
    return label or next(iter(defaults), "")


def _opens_dns(spec: SecurityProfileSpec) -> bool:
    return any(allowance.entity == "DNS" for allowance in spec.network.allowances)
