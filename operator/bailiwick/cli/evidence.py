"""`bailiwick evidence`: what scans found, carried from one form of the store to the other."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import click

from bailiwick.cli.cluster import operator_namespace, with_cluster
from bailiwick.cli.evidence_forms import open_shelf
from bailiwick.cli.leading import lease_of_the_operator, only_as_leader
from bailiwick.engine.images.knowledge import OUT_OF_REACH
from bailiwick.engine.options import EvidenceForm, EvidenceOptions
from bailiwick.evidence.moving import Moved, move
from bailiwick.evidence.shelf import Kind
from bailiwick.kube.client import Client
from bailiwick.kube.credentials import CredentialsError, Source
from bailiwick.kube.session import Session

_FORMS = click.Choice([form.value for form in EvidenceForm])
_LEASE_SECONDS = 15
_DAMAGED_SHOWN = 10


@click.group()
def evidence() -> None:
    """Carry what scans found from one store to another."""


@evidence.command("move")
@click.option("--from", "old", type=_FORMS, required=True, help="Where it is.")
@click.option("--to", "new", type=_FORMS, required=True, help="Where it is to be.")
@click.option(
    "--dsn-file",
    type=click.Path(path_type=Path),
    help="A file with the connection string of the database: "
    "postgresql://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full. Without it libpq's environment "
    "counts (PGHOST, PGUSER, PGPASSFILE and so on).",
)
@with_cluster
@operator_namespace
@click.option(
    "--delete-source", is_flag=True, help="Delete what proved to be in the new store from the old."
)
def move_(
    old: str,
    new: str,
    dsn_file: Path | None,
    source: Source,
    namespace: str,
    delete_source: bool,
) -> None:
    """Copy all findings, and since when each is known, and check what was copied.

    Stop the operator first: scale its Deployment to 0. It is kept from starting meanwhile. What
    is in the new store already is not copied again, so that the move can be interrupted and
    repeated. Then start the operator with --evidence set to the new store.
    """
    if old == new:
        raise click.UsageError("--from and --to are the same store.")
    try:
        moved = asyncio.run(
            _move(
                source,
                namespace,
                EvidenceOptions(EvidenceForm(old), dsn_file),
                EvidenceOptions(EvidenceForm(new), dsn_file),
                delete=delete_source,
            )
        )
    except* (CredentialsError, *OUT_OF_REACH) as errors:
        raise click.ClickException(str(_first(errors))) from errors
    _report(moved, old, new, delete=delete_source)


async def _move(
    credentials: Source,
    namespace: str,
    source: EvidenceOptions,
    target: EvidenceOptions,
    *,
    delete: bool,
) -> Moved:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(await Session.open(credentials))
        identity = f"bailiwick-evidence-move-{socket.gethostname()}"
        lease = lease_of_the_operator(session, namespace, identity, seconds=_LEASE_SECONDS)
        lease.start()
        stack.push_async_callback(lease.release)
        try:
            # One that its holder did not give back is free after its time.
            await asyncio.wait_for(lease.acquired.wait(), 2 * _LEASE_SECONDS)
        except TimeoutError:
            raise click.ClickException(
                f"The operator runs ({lease.holder or lease.message}), and would write meanwhile. "
                f"Stop it first: kubectl -n {namespace} scale deployment bailiwick-operator "
                "--replicas=0"
            ) from None
        client = Client(session, fence=lease.seconds_left)
        shelves = [
            await stack.enter_async_context(
                open_shelf(options, client, namespace, lambda: only_as_leader(lease))
            )
            for options in (source, target)
        ]
        return await move(shelves[0], shelves[1], delete=delete, say=_say)


def _say(done: int, total: int) -> None:
    click.echo(f"{done} of {total} copied or there already", err=True)


def _report(moved: Moved, source: str, target: str, *, delete: bool) -> None:
    reports, repositories = moved.count(Kind.REPORT), moved.count(Kind.SEEN)
    click.echo(
        f"{reports} reports and {repositories} repositories are in {target} and read back as they "
        f"were written: {len(moved.copied)} copied, {len(moved.unchanged)} were there."
    )
    if delete:
        click.echo(f"{len(moved.deleted)} deleted from {source}.")
    for words in sorted(moved.damaged.values())[:_DAMAGED_SHOWN]:
        click.echo(f"not copied, since it cannot be read: {words}", err=True)
    if not moved.complete:
        raise click.ClickException(
            f"{len(moved.damaged)} could not be read in {source}, and {len(moved.wrong)} are not "
            f"in {target} as they were written. Run this again; what is damaged is made anew by a "
            "scan, but not since when its findings are known."
        )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
