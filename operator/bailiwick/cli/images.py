"""`bailiwick images` and `bailiwick image`: what is known of images, and why."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

import click

from bailiwick.api.meta import INTENT_NAME
from bailiwick.cli.cluster import with_cluster
from bailiwick.cli.reading import cannot_read, echo_lines
from bailiwick.kube.client import Client
from bailiwick.kube.credentials import CredentialsError, Source
from bailiwick.kube.errors import ApiError, Forbidden, NotFound
from bailiwick.kube.resources import IMAGE_SCANS, SECURITY_INTENTS
from bailiwick.kube.session import Session
from bailiwick.offline import images_report

JSON = Mapping[str, Any]

_DIGEST = re.compile(r"sha256[:-][0-9a-f]{64}")
_OUTPUT = click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table, or JSON as the API has it.",
)


@click.command()
@click.option("--namespace", "-n", help="The namespace.  [default: that of the context]")
@_OUTPUT
@with_cluster
def images(namespace: str | None, output: str, source: Source) -> None:
    """Say what is known of the images of a namespace: what is due, and what to do.

    Reads the status of the namespace's intent with your own rights, which a team has in its own
    namespace. Where the operator has said nothing of images yet, the exit code is 2.
    """
    where, status = _run(_intent_status(source, namespace))
    if not status.get("images"):
        cannot_read(f"the intent of {where} does not say which images run there yet")
    if output == "json":
        echo_lines([json.dumps(status["images"], indent=2)])
    else:
        echo_lines(images_report.of_namespace(where, status))


@click.command()
@click.argument("digest")
@click.option("--namespace", "-n", help="Say also what it means for this namespace.")
@_OUTPUT
@with_cluster
def image(digest: str, namespace: str | None, output: str, source: Source) -> None:
    """Say all that is known of one image, and why.

    Reads its ImageScan with your own rights, which needs those on the whole cluster; with
    --namespace also the status of that namespace's intent, which is enough by itself.
    """
    found = _DIGEST.search(digest)
    if found is None:
        raise click.UsageError(f'"{digest}" names no digest: write sha256:… with its 64 digits')
    name = found[0].replace("-", ":", 1)
    scan, refused = _run(_scan(source, name))
    where, status = _run(_intent_status(source, namespace)) if namespace else ("", {})
    if scan is None and not namespace:
        cannot_read(refused)
    if output == "json":
        shown = {"scan": scan, "images": status.get("images")} if namespace else scan
        echo_lines([json.dumps(shown, indent=2)])
        return
    echo_lines(images_report.of_digest(scan) if scan else [f"{name}: {refused}"])
    if namespace:
        echo_lines(images_report.in_namespace(name, where, status))


def _run(work: Any) -> Any:
    try:
        return asyncio.run(work)
    except (CredentialsError, ApiError) as error:
        cannot_read(str(error))


async def _intent_status(source: Source, namespace: str | None) -> tuple[str, JSON]:
    async with await Session.open(source) as session:
        where = namespace or session.namespace
        try:
            intent = await Client(session).get(SECURITY_INTENTS, INTENT_NAME, where)
        except NotFound:
            cannot_read(f"{where} has no intent, so nobody looks at its images")
        return where, intent.get("status") or {}


async def _scan(source: Source, digest: str) -> tuple[JSON | None, str]:
    async with await Session.open(source) as session:
        try:
            return await Client(session).get(IMAGE_SCANS, digest.replace(":", "-", 1)), ""
        except NotFound:
            return None, "no namespace that has an intent runs this image, or it is an index"
        except Forbidden as error:
            return None, f"its ImageScan may not be read: {error.message}"
