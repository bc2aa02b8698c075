"""What the scanner service may be told; the defaults suit one replica with 2 CPUs and 2 GiB."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one scanner process; seconds and bytes.

    `database` is grype's cache directory; updates come into directories below it, and it may be
    read-only where `update_every` is 0. `plain_http` are registries, `host:port`, that are
    spoken to without TLS; those on loopback are too where `allow_loopback` opens them. Addresses in
    `refused_networks`, such as the cluster's own, are not contacted whatever a name resolves to.
    `file_bytes` bounds each file that syft writes, a layer of an image as well as its output,
    `scan_bytes` everything that one scan writes, `scan_memory` the memory of its programs, and
    `cache_bytes` what is kept of images that were read. `archive` is a database to import
    whenever that file is another one. `vex_keys` are files of public keys: attestations that are
    signed with one of them are read from the registry.
    """

    database: Path
    token_file: Path
    work: Path | None = None
    syft: str = "syft"
    grype: str = "grype"
    allow_loopback: bool = False
    plain_http: frozenset[str] = frozenset()
    refused_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    ca_certificate: Path | None = None
    vex_keys: tuple[Path, ...] = ()
    parallel: int = 2
    queue: int = 200
    scan_seconds: float = 600.0
    results: int = 200
    results_seconds: float = 900.0
    output_bytes: int = 256 * 1024 * 1024
    file_bytes: int = 4 * 1024 * 1024 * 1024
    scan_bytes: int = 4 * 1024 * 1024 * 1024
    scan_memory: int = 800 * 1024 * 1024
    cache_bytes: int = 1024 * 1024 * 1024
    database_max_age: float = 5 * 24 * 3600.0
    archive: Path | None = None
    update_every: float = 0.0
    update_url: str = ""
    update_seconds: float = 900.0
