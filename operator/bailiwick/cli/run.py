"""`bailiwick run`: the operator."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from datetime import timedelta
from pathlib import Path

import click

from bailiwick.cli.logs import LogFormat, set_up_logging
from bailiwick.cli.options import DURATION, PODS
from bailiwick.cli.program import Program
from bailiwick.cli.sources import load_sources
from bailiwick.engine.options import (
    EvidenceForm,
    EvidenceOptions,
    FeedOptions,
    Options,
    ScannerOptions,
    WebhookOptions,
)
from bailiwick.kube.credentials import find
from bailiwick.policy.settings import ALWAYS_EXEMPT, PodsOf, Settings
from bailiwick.scanners.configuration import InvalidSources, SourceConfiguration

logger = logging.getLogger(__name__)

DEFAULTS = Settings()
_OBJECTS_BEFORE_COLLECTION = 5_000
_TOKEN_FILE = Path("/var/run/bailiwick/scanner-token/token")
_WEBHOOK_TOKEN_FILE = Path("/var/run/bailiwick/webhook-token/token")


@click.command(context_settings={"auto_envvar_prefix": "BAILIWICK", "show_default": True})
@click.option("--context", help="Context of the kubeconfig, where not run in a cluster.")
@click.option(
    "--namespace",
    envvar=["BAILIWICK_NAMESPACE", "POD_NAMESPACE"],
    default="bailiwick-system",
    help="The operator's own namespace: its Lease, evidence and templates are there.",
)
@click.option(
    "--identity",
    envvar=["BAILIWICK_IDENTITY", "POD_NAME"],
    default=socket.gethostname,
    show_default="the host's name",
    help="The name of this replica in the Lease.",
)
@click.option(
    "--enforcer",
    default="",
    help="What enforces NetworkPolicy in this cluster, such as Cilium. While that is not known, "
    "no namespace is Compliant.",
)
@click.option(
    "--exempt-namespace",
    "exempt_namespaces",
    multiple=True,
    help="A further namespace that is never isolated; kube-system, kube-public, kube-node-lease "
    "and the operator's own always are exempt.",
)
@click.option(
    "--cluster-cidr",
    "cluster_cidrs",
    multiple=True,
    help="A range of pod or Service addresses that neither ServiceCIDRs nor nodes name.",
)
@click.option(
    "--ingress-controller",
    "ingress_controllers",
    type=PODS,
    multiple=True,
    help="Pods of the ingress controller: NAMESPACE or NAMESPACE:key=value,key=value.",
)
@click.option(
    "--dns-namespace",
    default=DEFAULTS.dns_namespace,
    help="Where the cluster's DNS is; OpenShift's openshift-dns is looked at as well.",
)
@click.option(
    "--dns-service",
    "dns_services",
    multiple=True,
    default=DEFAULTS.dns_services,
    help="A name that the DNS Service may have there.",
)
@click.option(
    "--node-local-dns",
    multiple=True,
    default=DEFAULTS.node_local_dns,
    help="An address on which NodeLocal DNSCache answers, where it runs.",
)
@click.option("--node-limit", default=250, help="Addresses of nodes that one rule may become.")
@click.option(
    "--review-warning", type=DURATION, default="14d", help="Warn this long before reviewBy."
)
@click.option(
    "--exception-warning",
    type=DURATION,
    default="14d",
    help="Warn this long before an exception for vulnerabilities ends.",
)
@click.option("--heartbeat", type=DURATION, default="6h", help="Renew each status this often.")
@click.option("--resync", type=DURATION, default="10m", help="Read everything anew this often.")
@click.option("--scanner-url", default="", help="The scanner's API: http://HOST:PORT/api/v1.")
@click.option(
    "--scanners-file",
    type=click.Path(path_type=Path),
    help="A YAML file that lists several sources of scans, in place of --scanner-url.",
)
@click.option(
    "--scanner-token-file",
    type=click.Path(path_type=Path),
    default=_TOKEN_FILE,
    help="A file with the bearer token for the scanner.",
)
@click.option(
    "--scanner-poll",
    type=DURATION,
    default="5m",
    help="Ask the scanner this often how old its database is. With a newer one every image is "
    "scanned again, the worst first.",
)
@click.option(
    "--scan-timeout", type=DURATION, default="15m", help="The longest time that one scan may take."
)
@click.option(
    "--parallel-scans",
    type=click.IntRange(min=1),
    default=4,
    help="Scans that run at the same time. One of them is kept free of what is only renewed.",
)
@click.option(
    "--parallel-scans-per-registry",
    type=click.IntRange(min=1),
    default=4,
    help="How many of them may read from one registry.",
)
@click.option(
    "--rescan-interval",
    type=DURATION,
    default="1m",
    help="The least time between two scans of one image, whoever asks.",
)
@click.option("--image-grace", type=DURATION, default="1h", help="Keep images that nobody runs.")
@click.option(
    "--allow-loopback-registries", is_flag=True, help="Scan images of registries on 127.0.0.1."
)
@click.option(
    "--known-exploited",
    default="",
    help="The list of known exploited vulnerabilities in the form of CISA's catalogue (JSON): a "
    "file, or the address of your mirror.",
)
@click.option(
    "--epss",
    default="",
    help="EPSS scores in the form of FIRST's CSV, plain or gzip: a file, or the address of your "
    "mirror.",
)
@click.option("--list-poll", type=DURATION, default="1h", help="Read both lists this often.")
@click.option(
    "--list-max-age",
    type=DURATION,
    default="14d",
    help="A list older than this makes no evidence fresh.",
)
@click.option(
    "--evidence",
    type=click.Choice([form.value for form in EvidenceForm]),
    default=EvidenceForm.CONFIG_MAPS.value,
    help="Where findings are kept: compressed in ConfigMaps of the operator's namespace, or in a "
    "PostgreSQL database. `bailiwick evidence move` carries them from one to the other.",
)
@click.option(
    "--evidence-dsn-file",
    type=click.Path(path_type=Path),
    help="A file with the connection string of that database: "
    "postgresql://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full. Without it libpq's environment "
    "counts (PGHOST, PGUSER, PGPASSFILE and so on).",
)
@click.option(
    "--evidence-connections",
    type=click.IntRange(min=1),
    default=4,
    help="Connections to that database.",
)
@click.option("--workers", default=24, help="Namespaces that are worked on at the same time.")
@click.option(
    "--health-host",
    default="0.0.0.0",  # noqa: S104  # probes come from the node, metrics from anywhere
    help="Address of the probes and metrics.",
)
@click.option("--health-port", default=8080, help="Port of the probes and metrics; 0 is any.")
@click.option(
    "--webhook-port",
    type=int,
    help="Port on which registries tell of pushes and scans; without it there is none.",
    show_default=False,
)
@click.option(
    "--webhook-token-file",
    type=click.Path(path_type=Path),
    default=_WEBHOOK_TOKEN_FILE,
    help="A file with the token that they show.",
)
@click.option("--lease-seconds", default=15, help="How long a lost leader keeps the Lease.")
@click.option(
    "--log-format",
    type=click.Choice([form.value for form in LogFormat]),
    default=LogFormat.AUTO.value,
    help="text, json, or auto: text on a terminal.",
)
def run(  # click hands over one argument for each option
    context: str | None,
    namespace: str,
    identity: str,
    enforcer: str,
    exempt_namespaces: tuple[str, ...],
    cluster_cidrs: tuple[str, ...],
    ingress_controllers: tuple[PodsOf, ...],
    dns_namespace: str,
    dns_services: tuple[str, ...],
    node_local_dns: tuple[str, ...],
    node_limit: int,
    review_warning: timedelta,
    exception_warning: timedelta,
    heartbeat: timedelta,
    resync: timedelta,
    scanner_url: str,
    scanners_file: Path | None,
    scanner_token_file: Path,
    scanner_poll: timedelta,
    scan_timeout: timedelta,
    parallel_scans: int,
    parallel_scans_per_registry: int,
    rescan_interval: timedelta,
    image_grace: timedelta,
    allow_loopback_registries: bool,
    known_exploited: str,
    epss: str,
    list_poll: timedelta,
    list_max_age: timedelta,
    evidence: str,
    evidence_dsn_file: Path | None,
    evidence_connections: int,
    workers: int,
    health_host: str,
    health_port: int,
    webhook_port: int | None,
    webhook_token_file: Path,
    lease_seconds: int,
    log_format: str,
) -> None:
    """Run the operator until it is told to stop."""
    set_up_logging(LogFormat(log_format))
    settings = Settings(
        operator_namespace=namespace,
        exempt_namespaces=ALWAYS_EXEMPT | frozenset(exempt_namespaces),
        enforcer=enforcer,
        cluster_cidrs=cluster_cidrs,
        ingress_controllers=ingress_controllers,
        dns_namespace=dns_namespace,
        dns_services=dns_services,
        node_local_dns=node_local_dns,
        node_limit=node_limit,
        review_warning=review_warning,
        exception_warning=exception_warning,
        heartbeat=heartbeat,
        allow_loopback_registries=allow_loopback_registries,
    )
    options = Options(
        settings=settings,
        scanner=ScannerOptions(
            sources=_sources(scanners_file, scanner_url, scan_timeout),
            url=scanner_url,
            token_file=scanner_token_file,
            parallel=parallel_scans,
            per_registry=parallel_scans_per_registry,
            timeout=scan_timeout,
            metadata_every=scanner_poll,
            minimum_interval=rescan_interval,
            grace=image_grace,
        ),
        feeds=FeedOptions(known_exploited, epss, list_poll, list_max_age),
        evidence=EvidenceOptions(EvidenceForm(evidence), evidence_dsn_file, evidence_connections),
        identity=identity,
        workers=workers,
        resync_every=resync,
        health_host=health_host,
        health_port=health_port,
        webhook=(
            None
            if webhook_port is None
            else WebhookOptions(webhook_token_file, webhook_port, health_host)
        ),
        lease_seconds=lease_seconds,
    )
    _spare_the_garbage_collector()
    asyncio.run(Program(options, find(context)).run())


def _sources(file: Path | None, url: str, scan_time: timedelta) -> tuple[SourceConfiguration, ...]:
    if file is None:
        return ()
    if url:
        raise click.UsageError(
            "--scanners-file and --scanner-url do not go together: list the adapter in the file."
        )
    try:
        return load_sources(file, scan_time)
    except InvalidSources as error:
        problems = "\n".join(f"  {each}" for each in error.problems)
        raise click.UsageError(f"--scanners-file {file} cannot be used:\n{problems}") from error


def _spare_the_garbage_collector() -> None:
    """Have cycles looked for more rarely: each look walks all that is known of the cluster."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
