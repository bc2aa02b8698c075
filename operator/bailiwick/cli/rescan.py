"""`bailiwick rescan`: have images of a namespace scanned again, and see how it goes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click

from bailiwick.api.meta import API_VERSION, ConditionType
from bailiwick.cli.cluster import with_cluster
from bailiwick.cli.options import DURATION
from bailiwick.cli.reading import cannot_read, echo, printable
from bailiwick.kube.client import Client
from bailiwick.kube.credentials import CredentialsError, Source
from bailiwick.kube.errors import ApiError, NotFound
from bailiwick.kube.resources import RESCAN_REQUESTS
from bailiwick.kube.session import Session

JSON = Mapping[str, Any]

FAILED = 1
"""The exit code where an image could not be scanned."""
NOT_YET = 3
"""The exit code where the rescan was not over in time; it goes on all the same."""
_POLL_SECONDS = 1.0
_UNHEARD_SECONDS = 15.0
_UNHEARD = "The operator has not taken it yet. Does it run?"


@click.command()
@click.option("--namespace", "-n", help="The namespace.  [default: that of the context]")
@click.option(
    "--image",
    "images",
    multiple=True,
    help="An image that runs there, as a workload names it or by its repository; all without.",
)
@click.option("--digest", "digests", multiple=True, help="An image that runs there, by digest.")
@click.option("--reason", help="Why, for the status of the intent.")
@click.option("--wait", is_flag=True, help="Wait until it is over, and tell how far it is.")
@click.option(
    "--timeout",
    type=DURATION,
    default="30m",
    show_default=True,
    help="Wait no longer than this; the rescan goes on all the same.",
)
@with_cluster
def rescan(
    namespace: str | None,
    images: tuple[str, ...],
    digests: tuple[str, ...],
    reason: str | None,
    wait: bool,
    timeout: timedelta,
    source: Source,
) -> None:
    """Have the images of a namespace scanned again, now, with your own rights.

    It makes a RescanRequest, which needs the right to create them there: the cluster's own role
    edit has it. With --wait it ends with 1 where an image could not be scanned, and with 3 where
    that took longer than --timeout.
    """
    spec = {
        **({"images": sorted({*images, *digests})} if images or digests else {}),
        **({"reason": reason} if reason else {}),
    }
    try:
        code = asyncio.run(_rescan(source, namespace, spec, timeout if wait else None))
    except (CredentialsError, ApiError) as error:
        cannot_read(str(error))
    sys.exit(code)


async def _rescan(
    source: Source, namespace: str | None, spec: JSON, timeout: timedelta | None
) -> int:
    async with await Session.open(source) as session:
        client = Client(session, field_manager="bailiwick-rescan")
        where = namespace or session.namespace
        body = {
            "apiVersion": API_VERSION,
            "kind": RESCAN_REQUESTS.kind,
            "metadata": {"generateName": "rescan-", "namespace": where},
            "spec": spec,
        }
        made = await client.create(RESCAN_REQUESTS, body, where)
        name = made["metadata"]["name"]
        echo(f"rescanrequest/{name} created in {where}")
        if timeout is None:
            return 0
        return await _wait(client, where, name, timeout.total_seconds())


async def _wait(client: Client, namespace: str, name: str, seconds: float) -> int:
    begun, told = time.monotonic(), ""
    while True:
        try:
            status = (await client.get(RESCAN_REQUESTS, name, namespace)).get("status") or {}
        except NotFound:
            cannot_read(f"rescanrequest/{name} was deleted before it was over")
        waited = time.monotonic() - begun
        words = progress(status) or (_UNHEARD if waited > _UNHEARD_SECONDS else "")
        if words and words != told:
            click.echo(printable(words), err=True)
            told = words
        if status.get("completed"):
            return end(status)
        if waited > seconds:
            click.echo(f"not over after {seconds:.0f} s; rescanrequest/{name} goes on", err=True)
            return NOT_YET
        await asyncio.sleep(_POLL_SECONDS)


def progress(status: JSON) -> str:
    """Say how far a request is; empty before the operator has said anything."""
    for condition in status.get("conditions") or ():
        if condition["type"] == ConditionType.COMPLETE:
            return str(condition["message"])
    return ""


def end(status: JSON) -> int:
    """Say what could not be scanned, each on a line; returns the exit code."""
    failed: Sequence[JSON] = status.get("failed") or ()
    for each in failed:
        echo(f"{each['image']}: {each['message']}")
    if status.get("failedOmitted"):
        echo(f"and {status['failedOmitted']} more")
    return FAILED if failed else 0
