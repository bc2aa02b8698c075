"""One copy of what the reports of many images have in common.

Most of what is found in an image comes with the base that many are built on, and the digests of
one repository differ by little: ten thousand reports of two hundred findings would take gigabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from bailiwick.evidence.sightings import Elsewhere
    from bailiwick.policy.images.findings import FindingKey, ScanReport

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)
H = TypeVar("H", bound=Hashable)


@dataclass(slots=True)
class Sharing:
    """Returns the first of equal values.

    It forgets everything beyond `limit` values: then some exist twice, and memory stays bounded.
    """

    limit: int = 200_000
    _known: dict[Hashable, Any] = field(default_factory=dict)

    def report(self, report: ScanReport) -> ScanReport:
        """Return a report whose findings are those of other reports, where they are equal."""
        share = self._share()
        return replace(report, findings=tuple([share(each, each) for each in report.findings]))

    def mapping(self, found: Mapping[K, V]) -> Mapping[K, V]:
        """Return a mapping whose keys and values are those of others, where they are equal."""
        share = self._share()
        return {share(key, key): share(value, value) for key, value in found.items()}

    def _share(self) -> Callable[[H, H], H]:
        if len(self._known) > self.limit:
            self._known.clear()
        return self._known.setdefault


def among(others: Callable[[], Sequence[ScanReport] | None]) -> Elsewhere:
    """Return what says whether another image has a finding, by any of its ids; None if unknown.

    Most findings are in the image that was scanned, too, so that few ask for the others'.
    """

    @cache
    def keys() -> set[FindingKey] | None:
        reports = others()
        if reports is None:
            return None
        return {
            (name, each.package)
            for report in reports
            for each in report.findings
            for name in (each.id, *each.aliases)
        }

    def has(key: FindingKey) -> bool | None:
        known = keys()
        return None if known is None else key in known

    return has
