"""`bailiwick approve`: let an exception be in force, after having read it."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from bailiwick.cli.cluster import with_cluster
from bailiwick.cli.reading import cannot_read, echo
from bailiwick.kube.client import Client
from bailiwick.kube.credentials import CredentialsError, Source
from bailiwick.kube.errors import ApiError
from bailiwick.kube.resources import SELF_SUBJECT_REVIEWS, VULNERABILITY_EXCEPTIONS
from bailiwick.kube.session import Session
from bailiwick.policy.assessment.history import stamp

JSON = dict[str, Any]


@click.command()
@click.argument("name")
@click.option("--namespace", "-n", required=True, help="The namespace of the exception.")
@click.option("--revoke", is_flag=True, help="Take the approval back, whoever gave it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_cluster
def approve(name: str, namespace: str, revoke: bool, yes: bool, source: Source) -> None:
    """Approve the VulnerabilityException NAME as it stands now, in your own name.

    It is printed first. The approval is void once the exception changes. Needs the ClusterRole
    bailiwick-exception-approver in the namespace; the author's own approval does not count.
    """
    try:
        asyncio.run(_approve(source, namespace, name, revoke=revoke, yes=yes))
    except (CredentialsError, ApiError) as error:
        cannot_read(str(error))


async def _approve(source: Source, namespace: str, name: str, *, revoke: bool, yes: bool) -> None:
    async with await Session.open(source) as session:
        client = Client(session, field_manager="bailiwick-approve")
        found = await client.get(VULNERABILITY_EXCEPTIONS, name, namespace)
        echo(_summary(found))
        if revoke:
            if yes or click.confirm("Take the approval back?", abort=True):
                await _write(client, found, None)
            return
        me = await client.create(SELF_SUBJECT_REVIEWS, {"metadata": {}})
        user = me["status"]["userInfo"]["username"]
        if yes or click.confirm(f"Approve it as {user}?", abort=True):
            # What was read and nothing newer: the API server compares the generation.
            generation = found["metadata"]["generation"]
            at = stamp(datetime.now(UTC))
            await _write(client, found, {"by": user, "at": at, "generation": generation})


async def _write(client: Client, found: JSON, approval: JSON | None) -> None:
    metadata = found["metadata"]
    await client.patch(
        VULNERABILITY_EXCEPTIONS,
        metadata["name"],
        {"status": {"approval": approval}},
        metadata["namespace"],
        subresource="status",
    )
    echo("approved" if approval else "no longer approved")


def _summary(found: Mapping[str, Any]) -> str:
    """Say what there is to approve, for a person."""
    spec, status, metadata = found["spec"], found.get("status") or {}, found["metadata"]
    scope = {key: spec[key] for key in ("packages", "images", "digests", "workload") if key in spec}
    lines = [
        f"{metadata['namespace']}/{metadata['name']}, generation {metadata['generation']}, by "
        f"{spec.get('author') or 'nobody that is named'}",
        f"  for       {', '.join(spec['vulnerabilities'])}",
        *(f"  {key:<9} {_short(value)}" for key, value in scope.items()),
        f"  status    {spec['status']} {spec.get('justification') or ''}".rstrip(),
        f"  because   {spec['reason']}",
        f"  until     {spec['expiresAt']}",
        *([f"  now       {status['message']}"] if status.get("message") else []),
    ]
    return "\n".join(_wrapped(line) for line in lines)


def _wrapped(line: str) -> str:
    return textwrap.fill(line, 100, subsequent_indent=" " * 12, break_on_hyphens=False)


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_short(each) for each in value)
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_short(each)}" for key, each in value.items())
    return str(value)
