"""What the evidence store gives, and how it fails."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bailiwick.evidence.sightings import Elsewhere
    from bailiwick.policy.images.findings import Finding, FindingKey, ScanReport
    from bailiwick.policy.images.seen import Seen


class EvidenceError(Exception):
    """Evidence that is there cannot be read. It is never the same as having found nothing.

    `reason` is a code for conditions, `message` a sentence for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class EvidenceUnreachable(Exception):
    """The store cannot be asked now: nothing is known of what it holds, and later it may answer.

    `message` is a sentence for people.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Changes:
    """What others did to the evidence since it was read or written here, and what there is.

    `digests` and `repositories` are those whose evidence was changed or removed, and is read
    anew when it is asked for; `held` are the digests that there is a report of.
    """

    digests: frozenset[str] = frozenset()
    repositories: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()


class EvidenceStore(Protocol):
    """All findings of every digest, and when each was first seen.

    Methods raise EvidenceError where evidence is damaged, and EvidenceUnreachable, or the errors
    of what the store stands on, where that is out of reach.
    """

    async def load(self, digest: str) -> ScanReport | None:
        """Return the last good report of a digest; None where none was ever saved.

        Where the caller knows of a scan, None means that its evidence was lost.
        """

    async def save(self, report: ScanReport) -> None:
        """Keep a report in place of the one before it, wholly or not at all."""

    async def delete(self, digest: str) -> None:
        """Forget a digest; no error where there is nothing to forget."""

    async def look_over(self) -> Changes:
        """Compare what is stored with what was read and written here, without reading it all."""

    async def first_seen(self, repository: str) -> Mapping[FindingKey, Seen]:
        """Return since when each finding is known in a repository's images, by each of its ids."""

    async def record_seen(
        self,
        repository: str,
        findings: Iterable[Finding],
        at: datetime,
        elsewhere: Elsewhere | None = None,
    ) -> Mapping[FindingKey, Seen]:
        """Note that findings were seen at an instant, and return `first_seen` after that.

        A finding that a rebuild still has keeps its first instant. What was not found is gone
        once `elsewhere` says that no other image that runs has it; without it nothing is.
        """

    async def sweep(self, now: datetime, used: Collection[str] | None) -> int:
        """Remove what an interrupted write left behind, and repositories not seen for long.

        `used` are the repositories that images are run from, which stay; None where that is not
        known. Returns how much was removed.
        """
