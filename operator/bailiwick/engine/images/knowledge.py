"""What is known of each image: its last report, since when its findings are known, its failures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bailiwick.engine.images.digest import FirstSeen, Knowledge, Ongoing
from bailiwick.engine.images.sharing import Sharing, among
from bailiwick.evidence.store import EvidenceError, EvidenceUnreachable
from bailiwick.kube.errors import ApiError
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.images.intelligence import Intelligence
from bailiwick.policy.images.state import Known

if TYPE_CHECKING:
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.evidence.store import EvidenceStore
    from bailiwick.policy.images.findings import ScanReport


OUT_OF_REACH = (ApiError, EvidenceUnreachable)
"""What is raised where the evidence store cannot be asked, whichever form it has."""

_REPORT = ""


class Images:
    """Everything known of every digest; its reports are those of the evidence store.

    To what scans told, `intelligence` adds what others do; the store holds what scans told.
    `running` gives the digests that are run from a repository, None where not all are known.
    """

    def __init__(
        self,
        evidence: EvidenceStore,
        running: Callable[[str], frozenset[str] | None] = lambda _repository: None,
    ) -> None:
        self.intelligence = Intelligence()
        self._evidence = evidence
        self._running = running
        self._known: dict[str, Knowledge] = {}
        # Of one repository for all its digests, since each knows nearly the same of it.
        self._first_seen: dict[str, FirstSeen] = {}
        self._sharing = Sharing()
        self._manifests: dict[str, dict[str, str]] = defaultdict(dict)
        self._indexes: dict[str, set[tuple[str, str]]] = defaultdict(set)

    def knowledge(self, digest: str) -> Knowledge:
        """Return what is known of a digest, to be changed by those who scan only."""
        return self._known.setdefault(digest, Knowledge())

    def known(self, digest: str, repository: str) -> Known:
        """Return what is known of a digest in one repository."""
        found = self._known.get(digest)
        if found is None:
            return Known()
        seen = self._first_seen.get(repository, {}) if repository in found.noted else {}
        return Known(
            found.report,
            found.scanning,
            found.refusal or found.failure,
            seen,
            found.ages_in(repository, seen),
        )

    def evidence_error(self, digest: str, repository: str) -> str:
        """Say why the evidence of a digest cannot be read; empty where it can be."""
        found = self._known.get(digest)
        if found is None:
            return ""
        return found.lost.get(_REPORT) or found.lost.get(repository, "")

    async def recall(self, digest: str, repositories: Iterable[str], *, scanned: bool) -> bool:
        """Read the evidence of an earlier process, and note findings in repositories new here.

        `scanned` says that a result was made once, so that none at all was lost. Returns whether
        there is anything new to tell. Raises what OUT_OF_REACH names; what is
        damaged is remembered in words, and a scan makes it anew.
        """
        known = self.knowledge(digest)
        wanted = sorted(repositories)
        if known.loaded and (known.report is None or known.noted >= set(wanted)):
            return False
        async with known.lock:
            before = (known.report, dict(known.lost), known.noted)
            report = known.report if known.loaded else await self._load(digest, known, scanned)
            if report is not None:
                noted = await self._note(report, known, wanted)
                # Together: findings without their age would look as if they were new.
                self._keep(known, report, noted)
            known.loaded = True
            return before != (known.report, known.lost, known.noted)

    async def save(self, digest: str, repositories: Iterable[str]) -> None:
        """Have the store take the report that it has not yet; raises what OUT_OF_REACH names."""
        known = self.knowledge(digest)
        async with known.lock:
            report = known.unsaved
            if report is None:
                return
            try:
                await self._evidence.save(report)
            except OUT_OF_REACH as error:
                if known.report is None:
                    known.lost[_REPORT] = f"The findings cannot be kept: {error.message}"
                raise
            noted = await self._note(report, known, sorted(repositories), anew=True)
            self._keep(known, report, noted)
            known.unsaved, known.loaded = None, True
            known.lost.pop(_REPORT, None)

    def digests(self) -> tuple[str, ...]:
        """Return the digests of which anything is known."""
        return tuple(self._known)

    def enrich(self, digest: str) -> bool:
        """Add what `intelligence` knows now to a report at hand; says whether that is new."""
        known = self._known.get(digest)
        if known is None or known.report is None:
            return False
        enriched = self.intelligence.enrich(known.report)
        if enriched is known.report:
            return False
        known.report = self._sharing.report(enriched)
        return True

    async def forget(self, digest: str) -> None:
        """Drop a digest with its evidence."""
        await self._evidence.delete(digest)
        gone = self._known.pop(digest, None)
        for repository in gone.noted if gone else ():
            if not any(repository in each.noted for each in self._known.values()):
                self._first_seen.pop(repository, None)
        for index, architecture in self._indexes.pop(digest, ()):
            self._manifests[index].pop(architecture, None)
            if not self._manifests[index]:
                del self._manifests[index]

    def doubt(self, digest: str) -> None:
        """Let go of a report whose evidence was touched, so that it is read again."""
        known = self.knowledge(digest)
        known.report, known.loaded, known.noted = None, False, frozenset()

    def doubt_repository(self, repository: str) -> Iterable[str]:
        """Let go of since when findings are known in a repository; returns the digests there."""
        digests = [d for d, known in self._known.items() if repository in known.noted]
        for digest in digests:
            self._known[digest].noted -= {repository}
        self._first_seen.pop(repository, None)
        return digests

    def manifest_of(self, digest: str, architecture: str) -> str:
        """Return the platform's manifest of an index, as far as it is known; else the digest."""
        manifests = self._manifests.get(digest)
        if not manifests:
            return digest
        if architecture:
            return manifests.get(architecture, digest)
        return next(iter(manifests.values())) if len(manifests) == 1 else digest

    def refused(self, digest: str) -> bool:
        """Say whether a digest is not scanned at all."""
        found = self._known.get(digest)
        return found is not None and found.refusal is not None

    def is_index(self, digest: str) -> bool:
        """Say whether a digest is known to be that of an index."""
        return digest in self._manifests

    def manifests_of(self, index: str) -> frozenset[str]:
        """Return the manifests that an index is known to lead to."""
        return frozenset(self._manifests.get(index, {}).values())

    def indexes_of(self, manifest: str) -> frozenset[str]:
        """Return the digests of indexes that a manifest was run by."""
        return frozenset(index for index, _ in self._indexes.get(manifest, ()))

    def learn_index(self, index: str, architecture: str, manifest: str) -> bool:
        """Remember what an index leads to; says no to what leads in circles."""
        if index == manifest or manifest in self._manifests or index in self._indexes:
            return False
        self._manifests[index][architecture] = manifest
        self._indexes[manifest].add((index, architecture))
        return True

    def learn_scan(self, scan: DeclaredObject) -> None:
        """Remember the indexes and the scan that an ImageScan of an earlier process names."""
        digest, ongoing = str(scan.spec["digest"]), _ongoing(scan.status)
        if ongoing is not None and self.knowledge(digest).started is None:
            self.knowledge(digest).ongoing = ongoing
        architecture = str(scan.spec.get("platform") or "").partition("/")[2]
        for index in scan.status.get("aliases") or ():
            if self.manifest_of(index, architecture) == index:
                self.learn_index(index, architecture, digest)

    def architecture_of(self, digest: str) -> str:
        """Return the architecture of a manifest, empty where it is not known."""
        found = sorted(architecture for _, architecture in self._indexes.get(digest, ()))
        if found and found[0]:
            return found[0]
        report = self.knowledge(digest).report
        return (report.hygiene.architecture or "") if report and report.hygiene else ""

    def _keep(self, known: Knowledge, report: ScanReport, noted: frozenset[str]) -> None:
        known.report = self._sharing.report(self.intelligence.enrich(report))
        known.noted = noted
        # Grouped now, and not when many namespaces are judged at once.
        for repository in noted:
            known.ages_in(repository, self._first_seen.get(repository, {}))

    async def _load(self, digest: str, known: Knowledge, scanned: bool) -> ScanReport | None:
        known.report = None
        try:
            report = await self._evidence.load(digest)
        except EvidenceError as error:
            known.lost[_REPORT] = error.message
            return None
        except OUT_OF_REACH as error:
            known.lost[_REPORT] = f"The findings of {digest} cannot be read: {error.message}"
            raise
        known.lost.pop(_REPORT, None)
        if report is None and scanned:
            known.lost[_REPORT] = (
                f"The findings of {digest} are no longer in the evidence store. A rescan makes "
                "them anew."
            )
        return report

    def _others(self, digest: str, repository: str) -> list[ScanReport] | None:
        """Return the reports of the other images that run from a repository.

        None where one of them was not scanned, or it is not known what runs.
        """
        running = self._running(repository)
        if running is None:
            return None
        found: list[ScanReport] = []
        for other in running - {digest}:
            known = self._known.get(other)
            report = (known.unsaved or known.report) if known else None
            if report is None:
                return None
            found.append(report)
        return found

    async def _note(
        self,
        report: ScanReport,
        known: Knowledge,
        repositories: Iterable[str],
        *,
        anew: bool = False,
    ) -> frozenset[str]:
        """Have the store note the findings, and return the repositories of which it did."""
        noted = frozenset[str]() if anew else known.noted
        for repository in repositories:
            if repository in noted:
                continue
            try:
                seen = await self._evidence.record_seen(
                    repository,
                    report.findings,
                    report.scanned_at,
                    among(partial(self._others, report.digest, repository)),
                )
            except EvidenceError as error:
                known.lost[repository] = error.message
            except OUT_OF_REACH as error:
                known.lost[repository] = (
                    f"Since when the findings in {repository} are known cannot be kept: "
                    f"{error.message}"
                )
                raise
            else:
                known.lost.pop(repository, None)
                if seen != self._first_seen.get(repository):
                    self._first_seen[repository] = self._sharing.mapping(seen)
                noted |= {repository}
        return noted


def _ongoing(status: Mapping[str, Any]) -> Ongoing | None:
    told, at = status.get("ongoing"), instant(status.get("startedAt"))
    return Ongoing(str(told["source"]), str(told["id"]), at) if told and at else None


def under_digest(report: ScanReport, digest: str) -> ScanReport:
    """Return a report as that of the manifest that an index led to."""
    return replace(report, digest=digest)
