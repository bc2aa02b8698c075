"""How an operator process is run, besides what the platform team set for intents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from bailiwick.policy.settings import Settings
from bailiwick.scanners.configuration import SourceConfiguration


@dataclass(frozen=True, slots=True)
class ScannerOptions:
    """Where images are scanned: by `sources`, or else by the adapter at `url`, or by nobody.

    `parallel` scans run at a time, of one registry `per_registry` at most. `minimum_interval` is
    the least time between two scans of one digest that somebody asked for.
    """

    sources: tuple[SourceConfiguration, ...] = ()
    url: str = ""
    token_file: Path | None = None
    parallel: int = 4
    per_registry: int = 4
    timeout: timedelta = timedelta(minutes=15)
    minimum_interval: timedelta = timedelta(minutes=1)
    grace: timedelta = timedelta(hours=1)
    metadata_every: timedelta = timedelta(minutes=5)


class EvidenceForm(StrEnum):
    """Where findings are kept, and since when each is known."""

    CONFIG_MAPS = "configmaps"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """Which form the evidence store has.

    `dsn_file` holds a connection string of libpq; without one PostgreSQL is found by libpq's
    environment. `connections` are used at most.
    """

    form: EvidenceForm = EvidenceForm.CONFIG_MAPS
    dsn_file: Path | None = None
    connections: int = 4


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Where registries may send notifications, and the file of the token that they show."""

    token_file: Path
    port: int
    host: str = "0.0.0.0"  # noqa: S104  # registries come from anywhere; the token is what counts


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """Lists of known exploited vulnerabilities and of EPSS scores: paths or addresses, or empty.

    Each is read anew `every` so often, and does not count as fresh from `max_age` on.
    """

    known_exploited: str = ""
    epss: str = ""
    every: timedelta = timedelta(hours=1)
    max_age: timedelta = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Options:
    """What `bailiwick run` is told. Rates are per second; `health_port` 0 takes a free one."""

    settings: Settings = field(default_factory=Settings)
    scanner: ScannerOptions = field(default_factory=ScannerOptions)
    feeds: FeedOptions = field(default_factory=FeedOptions)
    evidence: EvidenceOptions = field(default_factory=EvidenceOptions)
    identity: str = ""
    workers: int = 24
    writes_per_second: float = 1000.0
    write_burst: int = 200
    resync_every: timedelta = timedelta(minutes=10)
    health_host: str = "0.0.0.0"  # noqa: S104  # probes come from the node, metrics from anywhere
    health_port: int = 8080
    webhook: WebhookOptions | None = None
    lease_seconds: int = 15
