"""A small vulnerability database for grype, with true advisories, made without any network.

Schema 6 is SQLite; `grype db import` adds the tables and the metadata that are missing here.
A file put in place without the import is what a broken installation looks like.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

_SCHEMA = """
create table db_metadata (build_timestamp datetime not null, model integer not null,
  revision integer not null, addition integer not null);
create table providers (id text primary key, version text, processor text,
  date_captured datetime, input_digest text);
create table blobs (id integer primary key, value text not null);
create table vulnerability_handles (id integer primary key, name text not null,
  status text not null, published_date datetime, modified_date datetime,
  withdrawn_date datetime, provider_id text not null, blob_id integer unique);
create table vulnerability_aliases (name text, alias text not null, primary key (name, alias));
create table packages (id integer primary key, ecosystem text, name text);
create table operating_systems (id integer primary key, name text, release_id text,
  major_version text, minor_version text, label_version text, codename text, channel text,
  eol_date datetime, eoas_date datetime);
create table affected_package_handles (id integer primary key, vulnerability_id integer not null,
  operating_system_id integer, package_id integer, blob_id integer);
create table known_exploited_vulnerability_handles (id integer primary key, cve text not null,
  blob_id integer);
create table epss_handles (id integer primary key, cve text not null, epss real not null,
  percentile real not null);
create table epss_metadata (date datetime not null);
create table cwe_handles (id integer primary key, cve text not null, cwe text not null,
  source text, type text);
"""


_ENDS = {("debian", "12"): "2028-06-30 00:00:00+00:00"}


@dataclass(frozen=True)
class Advisory:
    """A vulnerability in versions of one package; `distribution` as (name, major version)."""

    id: str
    package: str
    affected: str
    severity: str
    description: str
    fixed: str = ""
    ecosystem: str = "deb"
    provider: str = "debian"
    distribution: tuple[str, str] | None = ("debian", "12")
    aliases: tuple[str, ...] = ()
    exploited: bool = False
    version_type: str = "dpkg"
    epss: tuple[float, float] | None = None
    nvd: str = ""
    """How NVD rates it, as a vector of CVSS 3.1."""

    @property
    def link(self) -> str:
        base = "https://security-tracker.debian.org/tracker/"
        if self.provider == "github":
            base = "https://github.com/advisories/"
        return base + self.id


OPENSSL = Advisory(
    "CVE-2023-5363",
    "openssl",
    "< 3.0.11-1~deb12u2",
    "high",
    "Incorrect cipher key and IV length processing",
    fixed="3.0.11-1~deb12u2",
)
GLIBC = Advisory(
    "CVE-2023-4911",
    "glibc",
    "< 2.36-9+deb12u3",
    "high",
    "Buffer overflow in the dynamic loader while it reads GLIBC_TUNABLES",
    fixed="2.36-9+deb12u3",
    exploited=True,
    epss=(0.75, 0.99),
    nvd="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
)
CURL = Advisory(
    "CVE-2023-38545",
    "curl",
    "< 7.88.1-10+deb12u4",
    "critical",
    "Heap overflow in the SOCKS5 proxy handshake",
    fixed="7.88.1-10+deb12u4",
)
TAR = Advisory("CVE-2005-2541", "tar", "", "negligible", "Set-user-ID bits survive unpacking")
LODASH = Advisory(
    "GHSA-35jh-r3h4-6jhm",
    "lodash",
    "< 4.17.21",
    "high",
    "Command injection through templates",
    fixed="4.17.21",
    ecosystem="npm",
    provider="github",
    distribution=None,
    aliases=("CVE-2021-23337",),
    version_type="semver",
)
ADVISORIES = (OPENSSL, GLIBC, CURL, TAR, LODASH)


@dataclass
class _Writer:
    connection: sqlite3.Connection
    operating_systems: dict[tuple[str, str], int] = field(default_factory=dict)
    packages: dict[tuple[str, str], int] = field(default_factory=dict)

    def insert(self, table: str, **values: object) -> int:
        marks = ", ".join("?" * len(values))
        statement = f"insert into {table} ({', '.join(values)}) values ({marks})"
        return self.connection.execute(statement, tuple(values.values())).lastrowid or 0

    def blob(self, value: object) -> int:
        return self.insert("blobs", value=json.dumps(value))

    def operating_system(self, name: str, major: str) -> int:
        if (name, major) not in self.operating_systems:
            self.operating_systems[name, major] = self.insert(
                "operating_systems",
                name=name,
                release_id=name,
                major_version=major,
                minor_version="",
                label_version="",
                codename="bookworm" if (name, major) == ("debian", "12") else "",
                channel="",
                eol_date=_ENDS.get((name, major)),
            )
        return self.operating_systems[name, major]

    def package(self, ecosystem: str, name: str) -> int:
        if (ecosystem, name) not in self.packages:
            self.packages[ecosystem, name] = self.insert("packages", ecosystem=ecosystem, name=name)
        return self.packages[ecosystem, name]

    def advisory(self, advisory: Advisory) -> None:
        vulnerability = self.insert(
            "vulnerability_handles",
            name=advisory.id,
            status="active",
            provider_id=advisory.provider,
            blob_id=self.blob(
                {
                    "id": advisory.id,
                    "description": advisory.description,
                    "refs": [{"url": advisory.link}],
                    "aliases": list(advisory.aliases),
                    "severities": [{"scheme": "CHMLN", "value": advisory.severity, "rank": 1}],
                }
            ),
        )
        for alias in advisory.aliases:
            self.insert("vulnerability_aliases", name=advisory.id, alias=alias)
        fix = {"state": "not-fixed"}
        if advisory.fixed:
            fix = {"version": advisory.fixed, "state": "fixed"}
        version = {"type": advisory.version_type, "constraint": advisory.affected}
        self.insert(
            "affected_package_handles",
            vulnerability_id=vulnerability,
            operating_system_id=(
                self.operating_system(*advisory.distribution) if advisory.distribution else None
            ),
            package_id=self.package(advisory.ecosystem, advisory.package),
            blob_id=self.blob({"ranges": [{"version": version, "fix": fix}]}),
        )
        if advisory.exploited:
            for cve in (advisory.id, *advisory.aliases):
                added = self.blob(
                    {
                        "cve": cve,
                        "date_added": "2023-11-21T00:00:00Z",
                        "due_date": "2023-12-12T00:00:00Z",
                        "known_ransomware_campaign_use": "known",
                    }
                )
                self.insert("known_exploited_vulnerability_handles", cve=cve, blob_id=added)
        if advisory.epss:
            score, percentile = advisory.epss
            self.insert("epss_handles", cve=advisory.id, epss=score, percentile=percentile)
        if advisory.nvd:
            cvss = {"vector": advisory.nvd, "version": "3.1"}
            severities = [{"scheme": "CVSS", "value": cvss, "rank": 1}]
            self.insert(
                "vulnerability_handles",
                name=advisory.id,
                status="active",
                provider_id="nvd",
                blob_id=self.blob({"id": advisory.id, "severities": severities}),
            )


def write_database(
    path: Path, built: datetime, advisories: Sequence[Advisory] = ADVISORIES
) -> Path:
    """Write the SQLite file of a database that was built at an instant."""
    stamp = built.strftime("%Y-%m-%d %H:%M:%S+00:00")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCHEMA)
        writer = _Writer(connection)
        writer.insert("db_metadata", build_timestamp=stamp, model=6, revision=1, addition=10)
        for provider in sorted({"nvd", *(advisory.provider for advisory in advisories)}):
            writer.insert(
                "providers",
                id=provider,
                version="1",
                processor="bailiwick-tests",
                date_captured=stamp,
                input_digest="",
            )
        writer.insert("epss_metadata", date=stamp)
        for advisory in advisories:
            writer.advisory(advisory)
        connection.commit()
    return path


def import_database(grype: Path, cache: Path, database: Path) -> None:
    """Put a database in place as an air-gapped installation does."""
    environment = {
        **os.environ,
        "GRYPE_DB_CACHE_DIR": str(cache),
        "GRYPE_DB_AUTO_UPDATE": "false",
        "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    }
    subprocess.run(
        [grype, "db", "import", database], env=environment, check=True, capture_output=True
    )
