"""Trivy Operator as a source of scans: its reports are read, and deleted to have new ones.

It scans by itself what runs. So a scan here is to find the report of an image, and a rescan to
delete that report and wait for another one. That there is none means only that: it is pending,
has failed, or is turned off. Versions of it write an image ID, or nothing, where the digest
should stand; what cannot be told then is said, and never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bailiwick.policy.images.references import InvalidReference, Reference
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Capabilities, Limits, Order, Pending, Place
from bailiwick.scanners.trivy_wire import (
    CONTAINER_LABEL,
    KIND_LABEL,
    NAME_LABEL,
    SbomReport,
    VulnerabilityReport,
    decode,
)

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import ScanReport

_R = TypeVar("_R", VulnerabilityReport, SbomReport)
_LABEL_LIMIT = 63
_PLACES_LIMIT = 10
_MOVING_TAGS = frozenset({"", "latest"})


class ReportKind(StrEnum):
    """The kinds of Trivy Operator that are read, by the plural that they are served under."""

    VULNERABILITIES = "vulnerabilityreports"
    SBOM = "sbomreports"
    CLUSTER_VULNERABILITIES = "clustervulnerabilityreports"


class Reports(Protocol):
    """The API server's side of it. Everything raises ScanError."""

    async def check(self, kind: ReportKind) -> None:
        """Raise where reports of a kind are not served, or may not be listed."""
        ...

    async def find(
        self, kind: ReportKind, namespace: str | None, labels: Mapping[str, str]
    ) -> Sequence[Mapping[str, Any]]:
        """Return the reports of a namespace that have these labels."""
        ...

    async def delete(self, kind: ReportKind, namespace: str, name: str, uid: str) -> None:
        """Delete one report, unless it is another one by now."""
        ...


class TrivyOperator:
    """What Trivy Operator has found in this cluster."""

    def __init__(
        self,
        reports: Reports,
        limits: Limits,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.limits = limits
        self._reports = reports
        self._clock = clock

    async def capabilities(self) -> Capabilities:
        """Ask whether its reports can be read; the age of its database it does not tell."""
        await self._reports.check(ReportKind.VULNERABILITIES)
        return Capabilities("Trivy")

    async def start(self, order: Order) -> TrivyScan:
        """Find the report of an image, and delete it where a newer one is wanted."""
        search = Search(self._reports, order)
        found = await search.newest()
        if found is None:
            raise ScanError(
                errors.PENDING,
                f"Trivy Operator has no report of {order.image}{_where(order.places)}: it may not "
                "have come to it yet, its scan may have failed, or it is set not to scan there. "
                "Its log and the Jobs in its own namespace say which.",
            )
        scan = TrivyScan(search, found, self._clock)
        if order.newer_than is not None and found.updated <= order.newer_than:
            if not found.metadata.namespace:
                raise ScanError(
                    errors.PENDING,
                    f"The {found.words} of {order.image} is renewed by Trivy Operator alone, and "
                    "has not been yet.",
                )
            await self._reports.delete(
                ReportKind.VULNERABILITIES,
                found.metadata.namespace,
                found.metadata.name,
                found.metadata.uid,
            )
            scan.deleted = found
        return scan


@dataclass(slots=True)
class TrivyScan:
    """The report of an image; `deleted` is the one that it takes the place of."""

    search: Search
    found: VulnerabilityReport
    clock: Callable[[], datetime]
    deleted: VulnerabilityReport | None = None

    async def poll(self) -> Pending | None:
        """Look whether there is a newer report than the one that was deleted."""
        if self.deleted is None:
            return None
        found = await self.search.newest()
        gone = self.deleted
        if found is None or found.metadata.uid == gone.metadata.uid:
            return Pending(words=f"Trivy Operator has not replaced the {gone.words} yet.")
        if found.updated <= gone.updated:
            return Pending(words=f"The {found.words} is not newer than the one it replaced.")
        self.found = found
        return None

    async def result(self) -> ScanReport:
        """Read the report."""
        return self.found.scan_report(self.search.order.image.digest, self.clock())


@dataclass(frozen=True, slots=True)
class Search:
    """Finds the reports of one image, by its digest first of all."""

    reports: Reports
    order: Order

    async def newest(self) -> VulnerabilityReport | None:
        """Return the newest report that is certainly of the image; None where there is none.

        Raises ScanError where there are reports of which that cannot be told.
        """
        found: list[VulnerabilityReport] = []
        doubts: list[str] = []
        for place in self.order.places[:_PLACES_LIMIT]:
            for each in await self._at(ReportKind.VULNERABILITIES, VulnerabilityReport, place):
                doubt = await self._doubt(each, place)
                if doubt:
                    doubts.append(doubt)
                else:
                    found.append(each)
        if not found:
            found += await self._in_the_cluster()
        if found:
            return max(found, key=lambda each: (each.updated, each.metadata.name))
        if doubts:
            raise ScanError(errors.AMBIGUOUS, " ".join(sorted(set(doubts))[:3]))
        return None

    async def _at(self, kind: ReportKind, shape: type[_R], place: Place) -> list[_R]:
        """Return the reports of a container, and only those."""
        found: list[_R] = []
        for owner, name in _owners(place.workload):
            labels = {CONTAINER_LABEL: place.container, KIND_LABEL: owner}
            if len(name) <= _LABEL_LIMIT:
                labels[NAME_LABEL] = name
            read = await self.reports.find(kind, place.namespace, labels)
            made = [decode(body, shape) for body in read]
            found += [each for each in made if each.metadata.is_of(owner, name)]
        return found

    async def _in_the_cluster(self) -> list[VulnerabilityReport]:
        wanted = self._wanted()
        try:
            read = await self.reports.find(ReportKind.CLUSTER_VULNERABILITIES, None, {})
        except ScanError:
            # Not every version has this kind, and not everybody grants it.
            return []
        made = [decode(body, VulnerabilityReport) for body in read]
        return [each for each in made if each.report.artifact.digest in wanted]

    async def _doubt(self, found: VulnerabilityReport, place: Place) -> str:
        """Say why a report of the container may not be of the image; empty where it is."""
        digest = found.report.artifact.digest
        if digest in self._wanted():
            return ""
        if await self._proven(found, place):
            return ""
        image = self.order.image
        if digest:
            return (
                f"The {found.words} names {digest[:80]}, which is neither {image.digest} nor shown "
                "by an SbomReport to be its image ID: it may be of another image of the same tag. "
                "Have Trivy Operator make SBOMs, or a version of it that reports digests."
            )
        declared = [each for text in place.declared if (each := _parsed(text))]
        if not any(found.is_named(each) and each.name == image.name for each in declared):
            return f"The {found.words} names no digest, and another repository or tag than {image}."
        tag = found.report.artifact.tag
        if tag in _MOVING_TAGS:
            return (
                f'The {found.words} names no digest, and its tag "{tag}" may have meant another '
                "image when it was made. Give the image a version as its tag, or a digest."
            )
        if place.others or len(declared) > 1:
            return (
                f"The {found.words} names no digest, and {place.workload} in {place.namespace} "
                f"runs several images in its container {place.container} at this time."
            )
        return ""

    async def _proven(self, found: VulnerabilityReport, place: Place) -> bool:
        """Say whether an SBOM of the same container ties the report to the image."""
        try:
            sboms = await self._at(ReportKind.SBOM, SbomReport, place)
        except ScanError:
            return False
        digest = found.report.artifact.digest
        return any(
            self._wanted() & sbom.manifests() and (not digest or digest in sbom.image_ids())
            for sbom in sboms
        )

    def _wanted(self) -> frozenset[str]:
        return self.order.aliases | {self.order.image.digest}


def _owners(workload: str) -> Iterable[tuple[str, str]]:
    """Return whose report a workload may be in: that of a CronJob's Job is the CronJob's."""
    kind, _, name = workload.partition("/")
    yield kind, name
    cron_job, dash, _ = name.rpartition("-")
    if kind == "Job" and dash:
        yield "CronJob", cron_job


def _parsed(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except InvalidReference:
        return None


def _where(places: Sequence[Place]) -> str:
    if not places:
        return ""
    first = places[0]
    others = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f" for {first.workload} in {first.namespace}{others}"
