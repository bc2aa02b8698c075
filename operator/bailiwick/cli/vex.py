"""`bailiwick vex`: OpenVEX documents as exceptions, and exceptions as OpenVEX documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import click

from bailiwick.api.meta import GROUP
from bailiwick.cli.options import DURATION
from bailiwick.cli.reading import cannot_read, echo, printable
from bailiwick.cli.yaml_text import as_yaml
from bailiwick.offline.documents import documents
from bailiwick.offline.parts import InvalidDocument
from bailiwick.offline.sources import CannotRead, sources
from bailiwick.offline.vex.exporting import KINDS, document_of
from bailiwick.offline.vex.importing import Terms, exceptions_of
from bailiwick.policy.exceptions.openvex import InvalidVex, read_document


@click.group()
def vex() -> None:
    """Exchange what is known of vulnerabilities as OpenVEX documents."""


@vex.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--namespace", "-n", default="", help="Where the exceptions are made.")
@click.option(
    "--cluster", is_flag=True, help="Make ClusterVulnerabilityExceptions, for every namespace."
)
@click.option("--author", required=True, help="Who you are to the API server: spec.author.")
@click.option("--for", "duration", type=DURATION, help="How long from now they last, such as 30d.")
@click.option(
    "--expires-at", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]), help="When they end."
)
@click.option("--ticket", default="", help="Where they are followed up.")
def import_(
    file: IO[bytes],
    namespace: str,
    cluster: bool,
    author: str,
    duration: timedelta | None,
    expires_at: datetime | None,
    ticket: str,
) -> None:
    """Write the exceptions that an OpenVEX document comes to, to standard output.

    FILE is a document of OpenVEX 0.2.0, or - for standard input. What it says of products that
    are not images known by digest or repository is refused. Nothing is written into a cluster.
    """
    if bool(namespace) == cluster:
        raise click.UsageError("Write either --namespace or --cluster.")
    if (duration is None) == (expires_at is None):
        raise click.UsageError("Write either --for or --expires-at: every exception ends.")
    now = datetime.now(UTC)
    ends = expires_at.replace(tzinfo=UTC) if expires_at else now + (duration or timedelta())
    try:
        made = exceptions_of(read_document(file.read()), Terms(namespace, author, ends, ticket))
    except InvalidVex as error:
        cannot_read(f"{getattr(file, 'name', '<stdin>')}: {error}")
    echo("---\n".join(as_yaml(each) for each in made))


@vex.command("export")
@click.argument("paths", nargs=-1, required=True, metavar="DIR|FILE|-...")
@click.option("--author", required=True, help="Who says so: the author of the document.")
@click.option("--all", "all_states", is_flag=True, help="Those too that are not in force.")
def export(paths: tuple[str, ...], author: str, all_states: bool) -> None:
    """Write exceptions as one OpenVEX document, to standard output.

    They are read from manifests, or from a cluster:
    kubectl get vulnex -A -o yaml | bailiwick vex export - --author me@example.com

    What OpenVEX cannot say, and what is not in force, is left out and told on standard error.
    """
    made = document_of(_exceptions(paths), author, datetime.now(UTC), all_states=all_states)
    for each in made.left_out:
        click.echo(printable(f"left out: {each}"), err=True)
    if made.document is None:
        cannot_read("there is no exception that a document could be made of")
    echo(json.dumps(made.document, indent=2, ensure_ascii=False))


def _exceptions(paths: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    try:
        for source in sources(paths):
            with source.open() as stream:
                try:
                    for document in documents(stream, source.name):
                        if document.api_group == GROUP and document.kind in KINDS:
                            yield document.body
                except InvalidDocument as error:
                    cannot_read(f"{source.name}:{error.line}: {error.message}")
    except CannotRead as error:
        cannot_read(str(error))
