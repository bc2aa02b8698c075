"""`bailiwick scanner`: the default scanner as a process of its own."""

from __future__ import annotations

import logging
import ssl
from ipaddress import ip_network
from pathlib import Path

import click
from aiohttp import web

from bailiwick.cli.logs import set_up_logging
from bailiwick.cli.options import RANGE
from bailiwick.scanners.service.app import Service
from bailiwick.scanners.service.envelope import KeyProblem, read_keys
from bailiwick.scanners.service.settings import Settings

log = logging.getLogger("bailiwick.scanner")

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
_SHUTDOWN_SECONDS = 3.0


@click.command(context_settings={"auto_envvar_prefix": "BAILIWICK_SCANNER", "show_default": True})
@click.option("--host", default="0.0.0.0", help="Address to listen on.")  # noqa: S104  # a pod's own
@click.option("--port", default=8080, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--tls-certificate", type=_FILE, help="Serve TLS with this certificate chain.")
@click.option("--tls-key", type=_FILE, help="The key of the certificate.")
@click.option(
    "--token-file", type=_FILE, required=True, help="File with the token that callers must show."
)
@click.option(
    "--database",
    type=_DIRECTORY,
    required=True,
    help="Directory of the vulnerability database, as `grype db import` lays it out.",
)
@click.option("--work", type=_DIRECTORY, help="Directory for images while they are scanned.")
@click.option("--syft", default="syft", help="The syft program.")
@click.option("--grype", default="grype", help="The grype program.")
@click.option(
    "--allow-loopback", is_flag=True, help="Let images come from a registry on this machine."
)
@click.option(
    "--plain-http",
    multiple=True,
    metavar="HOST:PORT",
    help="A registry that is spoken to without TLS; may be given several times.",
)
@click.option(
    "--refuse-cidr",
    "refused",
    multiple=True,
    type=RANGE,
    help="A range that is never contacted whatever a name resolves to, such as the cluster's pods "
    "and Services; may be given several times.",
)
@click.option("--ca-certificate", type=_FILE, help="The CA of private registries.")
@click.option(
    "--vex-key-file",
    "vex_keys",
    type=_FILE,
    multiple=True,
    help="A public key in PEM form: OpenVEX attestations that are signed with it count. It is "
    "called by the file's name; may be given several times.",
)
@click.option("--parallel", default=2, type=click.IntRange(1, 64), help="Scans at a time.")
@click.option("--queue", default=200, type=click.IntRange(1), help="Scans that may wait.")
@click.option(
    "--scan-seconds", default=600.0, type=click.FloatRange(1), help="Longest time for one scan."
)
@click.option(
    "--file-bytes",
    default=4 * 1024**3,
    type=click.IntRange(1024 * 1024),
    help="Largest file while an image is scanned, such as an unpacked layer.",
)
@click.option(
    "--scan-bytes",
    default=4 * 1024**3,
    type=click.IntRange(1024 * 1024),
    help="The most that one scan may write: an image, unpacked.",
)
@click.option(
    "--scan-memory",
    default=800 * 1024**2,
    type=click.IntRange(64 * 1024**2),
    help="The most memory, in bytes, that the programs of one scan may use.",
)
@click.option(
    "--cache-bytes",
    default=1024**3,
    type=click.IntRange(1024 * 1024),
    help="How much is kept of what was found in images, by digest: those are not pulled again.",
)
@click.option(
    "--output-bytes",
    default=256 * 1024**2,
    type=click.IntRange(1024 * 1024),
    help="Largest list of what is in an image.",
)
@click.option("--results", default=200, type=click.IntRange(1), help="Results that are kept.")
@click.option(
    "--results-seconds", default=900.0, type=click.FloatRange(1), help="How long they are kept."
)
@click.option(
    "--database-max-age",
    default=5 * 24 * 3600.0,
    type=click.FloatRange(0),
    help="Seconds after which a database is too old to rely on; 0 for never.",
)
@click.option(
    "--database-archive",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A database's archive to import, and to import anew whenever this file is another one; "
    "in place of updates, where there is no network.",
)
@click.option(
    "--update-every",
    default=0.0,
    type=click.FloatRange(0),
    help="Seconds between updates of the database; 0 for none.",
)
@click.option("--update-url", default="", help="Where updates come from, if not from upstream.")
def scanner(
    host: str,
    port: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    token_file: Path,
    database: Path,
    work: Path | None,
    syft: str,
    grype: str,
    allow_loopback: bool,
    plain_http: tuple[str, ...],
    refused: tuple[str, ...],
    ca_certificate: Path | None,
    vex_keys: tuple[Path, ...],
    parallel: int,
    queue: int,
    scan_seconds: float,
    file_bytes: int,
    scan_bytes: int,
    scan_memory: int,
    cache_bytes: int,
    output_bytes: int,
    results: int,
    results_seconds: float,
    database_max_age: float,
    database_archive: Path | None,
    update_every: float,
    update_url: str,
) -> None:
    """Serve the scanner adapter API, scanning images with syft and grype.

    Every option can be given as an environment variable too: --token-file as
    BAILIWICK_SCANNER_TOKEN_FILE. It needs no right on the Kubernetes API.
    """
    settings = Settings(
        database=database.resolve(),
        token_file=token_file,
        work=work,
        syft=syft,
        grype=grype,
        allow_loopback=allow_loopback,
        plain_http=frozenset(plain_http),
        refused_networks=tuple(ip_network(each) for each in refused),
        ca_certificate=ca_certificate.resolve() if ca_certificate else None,
        vex_keys=tuple(file.absolute() for file in vex_keys),
        parallel=parallel,
        queue=queue,
        scan_seconds=scan_seconds,
        file_bytes=file_bytes,
        scan_bytes=scan_bytes,
        scan_memory=scan_memory,
        cache_bytes=cache_bytes,
        output_bytes=output_bytes,
        results=results,
        results_seconds=results_seconds,
        database_max_age=database_max_age,
        archive=database_archive,
        update_every=update_every,
        update_url=update_url,
    )
    if database_archive is not None and update_every > 0:
        raise click.UsageError(
            "--database-archive and --update-every do not go together: name one of them."
        )
    if not token_file.read_bytes().strip():
        raise click.UsageError(f"{token_file} is empty: write the token that callers show into it.")
    try:
        read_keys(settings.vex_keys)
    except KeyProblem as error:
        raise click.UsageError(f"--vex-key-file: {error}.") from error
    set_up_logging()
    log.info("scanner serves on %s:%d", host, port)
    web.run_app(
        Service(settings).application(),
        host=host,
        port=port,
        ssl_context=_tls(tls_certificate, tls_key),
        print=lambda *_: None,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-certificate and --tls-key go together.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
