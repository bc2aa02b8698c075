"""`bailiwick uninstall`: stop the operator, set its policies free, delete its kinds."""

from __future__ import annotations

import asyncio
import sys

import click

from bailiwick.cli import own_policies, removal
from bailiwick.cli.cluster import operator_namespace, with_cluster
from bailiwick.cli.own_policies import RemovalError
from bailiwick.kube import errors
from bailiwick.kube.client import Client
from bailiwick.kube.credentials import CredentialsError, Source
from bailiwick.kube.session import Session


@click.command()
@with_cluster
@operator_namespace
@click.option(
    "--deployment",
    default="bailiwick-operator",
    show_default=True,
    help="Name of the operator's Deployment.",
)
@click.option(
    "--remove-policies",
    is_flag=True,
    help="Delete the policies: what they isolate is then open.",
)
@click.option(
    "--keep-crds",
    is_flag=True,
    help="Keep profiles, intents, exceptions and scans, for a later installation.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--wait",
    type=click.FloatRange(min=1),
    default=60,
    show_default=True,
    help="Seconds to wait for each step.",
)
def uninstall(
    source: Source,
    namespace: str,
    deployment: str,
    remove_policies: bool,
    keep_crds: bool,
    dry_run: bool,
    yes: bool,
    wait: float,
) -> None:
    """Take Bailiwick out of a cluster and leave its namespaces isolated.

    Stops the operator, then takes from its policies the owner with which they would be
    deleted, then deletes the custom resource definitions and with them all profiles, intents,
    exceptions and scans. The policies stay as they are and belong to nobody.

    Suspend Argo CD or Flux for the operator first, or they start it again.
    """
    try:
        asyncio.run(
            _uninstall(
                source,
                namespace,
                deployment,
                remove_policies=remove_policies,
                keep_crds=keep_crds,
                dry_run=dry_run,
                yes=yes,
                wait=wait,
            )
        )
    except (RemovalError, CredentialsError, errors.ApiError) as error:
        raise click.ClickException(str(error)) from error


async def _uninstall(
    source: Source,
    namespace: str,
    deployment: str,
    *,
    remove_policies: bool,
    keep_crds: bool,
    dry_run: bool,
    yes: bool,
    wait: float,
) -> None:
    async with await Session.open(source) as session:
        client = Client(session, field_manager="bailiwick-uninstall")
        found = await removal.survey(client, namespace, deployment)
        click.echo(f"In the cluster at {session.server} this will")
        for line in plan(found, namespace, deployment, remove_policies, keep_crds):
            click.echo(f"  - {line}")
        if dry_run:
            click.echo("Nothing was changed (--dry-run).")
            return
        if not yes:
            _ask()
        await removal.stop(client, namespace, deployment, wait=wait)
        if found.replicas is not None:
            click.echo("The operator is stopped.")
        # Read again: until it stopped, the operator may have changed policies.
        found = await removal.survey(client, namespace, deployment)
        if remove_policies:
            count = await own_policies.remove(client, found.policies, found.shared)
            click.echo(f"{_count(count, 'policy', 'policies')} deleted.")
        else:
            _refuse_half_done(found, namespace, deployment)
            count = await own_policies.orphan(client, found.policies)
            click.echo(f"{_count(count, 'policy', 'policies')} set free, unchanged otherwise.")
        if not keep_crds:
            await removal.delete_definitions(client, found.definitions, wait=wait)
            click.echo(f"{_count(len(found.definitions), 'definition', 'definitions')} deleted.")
    click.echo("The Deployment, roles and namespace are left: remove them as you installed them,")
    click.echo("for example by: kubectl delete -k manifests/base")
    if not remove_policies:
        kinds = ",".join(own_policies.plurals(found.policies))
        click.echo(f"The policies that stay: kubectl get {kinds} -A -l {own_policies.LABEL}")


def plan(
    found: removal.Survey,
    namespace: str,
    deployment: str,
    remove_policies: bool,
    keep_crds: bool,
) -> list[str]:
    """Return what will be done, one sentence for each step."""
    where = f"Deployment {namespace}/{deployment}"
    policies = (
        f"{_count(len(found.policies), 'policy', 'policies')} "
        f"in {_count(found.namespaces, 'namespace', 'namespaces')}"
    )
    steps = [
        f"go on without stopping the operator: there is no {where}"
        if found.replicas is None
        else f"stop the operator ({where}, {_count(found.replicas, 'replica', 'replicas')})"
    ]
    if remove_policies:
        steps.append(f"delete {policies}: what they isolate is then open")
    else:
        free = len(found.policies) - len(found.owned)
        already = f" ({free} of them belong to no intent already)" if free else ""
        steps.append(f"keep {policies} in force, belonging to nobody{already}")
    if keep_crds:
        steps.append("keep the definitions and all objects of their kinds")
    elif found.definitions:
        steps.append(f"delete with all their objects: {', '.join(found.definitions)}")
    else:
        steps.append("find no definitions to delete")
    return steps


def _refuse_half_done(found: removal.Survey, namespace: str, deployment: str) -> None:
    """Raise where freezing the policies as they are would leave a namespace open."""
    if found.changing:
        raise RemovalError(
            f"The operator stopped in the middle of a change in: {', '.join(found.changing)}. "
            "Nothing else was changed. Let it finish, then run this again: "
            f"kubectl scale -n {namespace} deployment {deployment} --replicas=1"
        )


def _ask() -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: add --yes, or --dry-run to look.")
    click.confirm("Go on?", abort=True)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
