"""A cluster's images for the benchmark: few bases, many repositories, some digests of each.

As in real ones, most of what is found in an image comes with the base that others are built on
too, and the digests of one repository differ by little.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any, Final

from bailiwick.evidence import layout
from bailiwick.policy.exceptions.model import DeclaredException, Scope
from bailiwick.policy.exceptions.ruling import Ruling, State
from bailiwick.policy.images.deadlines import Remediation
from bailiwick.policy.images.findings import Finding, HygieneFacts, ScanReport, Severity
from bailiwick.policy.images.inventory import ContainerUse, RunningImage
from bailiwick.policy.images.references import Reference
from bailiwick.policy.images.state import ScanTerms

NOW: Final = datetime(2026, 11, 25, 9, tzinfo=UTC)
FINDINGS_EACH: Final = 200
_OF_THE_BASE: Final = 120
_BASES: Final = 100
_DIGESTS_EACH: Final = 5
_IMAGES_EACH: Final = 10
_EXCEPTIONS_EACH: Final = 3
_POOL: Final = 20_000
_SEVERITIES: Final = (
    *[Severity.CRITICAL] * 2,
    *[Severity.HIGH] * 10,
    *[Severity.MEDIUM] * 35,
    *[Severity.LOW] * 30,
    *[Severity.NEGLIGIBLE] * 23,
)
_WITHIN: Final = {
    "knownExploited": timedelta(days=3),
    "critical": timedelta(days=15),
    "high": timedelta(days=30),
    "medium": timedelta(days=90),
}


@dataclass(frozen=True, slots=True)
class Tenant:
    """A namespace with the images that run in it."""

    name: str
    images: tuple[RunningImage, ...]


@dataclass(frozen=True)
class Cluster:
    """Digests with their findings, and the namespaces that run them."""

    digests: tuple[str, ...]
    pool: Sequence[Finding] = field(repr=False)

    terms = ScanTerms(max_age=timedelta(days=1), remediation=Remediation(_WITHIN))

    @property
    def findings(self) -> int:
        """How many findings there are in all."""
        return len(self.digests) * FINDINGS_EACH

    def repository(self, digest: str) -> str:
        """The repository that a digest is in."""
        return self._reference(self._numbers[digest]).name

    def found_first(self, digest: str) -> datetime:
        """When what is in a digest was found there first: within the last four months."""
        return NOW - timedelta(days=self._numbers[digest] % 120)

    def report(self, digest: str) -> ScanReport:
        """What was found in a digest, made anew at each call as a scan does."""
        number = self._numbers[digest]
        base = Random(number // _DIGESTS_EACH % _BASES)
        own = Random(1_000_000 + number // _DIGESTS_EACH)
        findings = base.sample(self.pool[: _POOL // 4], _OF_THE_BASE)
        findings += own.sample(self.pool[_POOL // 4 :], FINDINGS_EACH - _OF_THE_BASE)
        return ScanReport.of(
            digest,
            NOW - timedelta(hours=1 + number % 20),
            findings,
            scanner="Bailiwick scanner",
            scanner_version="0.1.0",
            database_built=NOW - timedelta(hours=30),
            hygiene=HygieneFacts(user="65532", os="Debian GNU/Linux 12", architecture="amd64"),
        )

    @cached_property
    def namespaces(self) -> tuple[Tenant, ...]:
        """Namespaces of ten images each; every image runs in one of them."""
        numbers = range(len(self.digests))
        return tuple(
            Tenant(f"team-{first}", tuple(map(self._image, numbers[first : first + _IMAGES_EACH])))
            for first in range(0, len(self.digests), _IMAGES_EACH)
        )

    @cached_property
    def exceptions(self) -> Mapping[tuple[str, str], DeclaredException]:
        """Some exceptions of each namespace, each for a vulnerability that is likely there."""
        found = {}
        for tenant in self.namespaces:
            random = Random(tenant.name)
            for number in range(_EXCEPTIONS_EACH):
                finding = random.choice(self.pool[: _POOL // 4])
                exception = DeclaredException(
                    tenant.name,
                    f"tolerated-{number}",
                    1,
                    NOW - timedelta(days=1),
                    expires_at=NOW + timedelta(days=30),
                    scope=Scope(frozenset({finding.id})),
                )
                found[exception.key] = exception
        return found

    def ruled(self, namespace: Tenant) -> list[tuple[DeclaredException, Ruling]]:
        """The exceptions of a namespace, all of them in force."""
        ruling = Ruling(State.ACTIVE, "Is in force.")
        keys = [(namespace.name, f"tolerated-{number}") for number in range(_EXCEPTIONS_EACH)]
        return [(self.exceptions[key], ruling) for key in keys]

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {digest: number for number, digest in enumerate(self.digests)}

    def _reference(self, number: int) -> Reference:
        return Reference("registry.example.com", f"team/service-{number // _DIGESTS_EACH}")

    def _image(self, number: int) -> RunningImage:
        reference = self._reference(number)
        return RunningImage(
            self.digests[number],
            reference,
            (str(reference),),
            (ContainerUse(f"Deployment/service-{number}", "main", "main"),),
            ("amd64",),
        )


def cluster(digests: int) -> Cluster:
    """Make a cluster of so many images."""
    names = (f"sha256:{hashlib.sha256(str(n).encode()).hexdigest()}" for n in range(digests))
    return Cluster(tuple(names), _pool())


class KeptConfigMaps:
    """The ConfigMaps of a namespace as an API server stores them: encoded, and of a size."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def size(self, *, of: str) -> int:
        """Return the bytes of all content of one kind of evidence; names and labels count too."""
        found = map(json.loads, self._kept.values())
        return sum(
            len(json.dumps(each["metadata"])) + len(json.dumps(each["data"])) + _content(each)
            for each in found
            if each["metadata"]["labels"][layout.LABEL] == of
        )

    async def get(self, name: str) -> Any:
        """Return one; None where there is none."""
        found = self._kept.get(name)
        return None if found is None else json.loads(found)

    async def list(self, label_selector: str) -> list[Any]:
        """Nothing here is listed."""
        raise NotImplementedError(label_selector)

    async def metadata(self, label: str) -> Sequence[Any]:
        """Nothing here is listed."""
        raise NotImplementedError(label)

    async def apply(self, body: Any) -> Any:
        """Make or change one, and return it."""
        self._kept[body["metadata"]["name"]] = json.dumps(body).encode()
        return body

    async def delete(self, name: str) -> None:
        """Delete one."""
        self._kept.pop(name, None)


def _content(config_map: Any) -> int:
    # The API server keeps the bytes, not their base64.
    return len(config_map["binaryData"].get("content", "")) * 3 // 4


def _pool() -> list[Finding]:
    random = Random(20_000)
    found = []
    for number in range(_POOL):
        package, version = f"lib{number % 2000}", f"{number % 7}.{number % 31}.{number % 13}-1"
        finding = Finding(
            id=f"CVE-{2019 + number % 8}-{number:05}",
            package=package,
            version=version,
            severity=random.choice(_SEVERITIES),
            fixed_version=f"{version}+deb12u1" if random.random() < 0.6 else None,
            known_exploited=random.random() < 0.01,
            purl=f"pkg:deb/debian/{package}@{version}?arch=amd64&distro=debian-12",
            title=f"A flaw of number {number} that somebody found in {package} and described so",
            link=f"https://security.example.com/tracker/CVE-{number:05}",
        )
        found.append(finding)
    return found
