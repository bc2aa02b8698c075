"""What was seen in one repository's images, and since when: what deadlines count from.

A sighting belongs to a vulnerability and a package, so that it outlives rebuilds, rescans and the
deletion of what is known of an image. A vulnerability is the same by whichever of its ids a
scanner calls it. It is bounded by `keep` and MOST: what no image has any more is dropped in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from bailiwick.policy.images.seen import Seen

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import Finding, FindingKey

MOST = 20_000
"""The most sightings of a repository, unless more are there: what is gone the longest makes way."""

ABSENCE = timedelta(days=1)
"""The least time after which what is seen again had been gone.

One scan by a damaged database, or an image that was rolled back, does not begin a deadline anew.
"""

_STEP = timedelta(days=1)

Elsewhere: TypeAlias = "Callable[[FindingKey], bool | None]"
"""Says whether another running image of the repository has a finding, by its last scan.

None where that is not known. It is asked of what a scan missed only.
"""


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """A finding of a repository.

    `first` and `last` are the first and, to a day, the last scan that saw it. `gone` is the
    scan that showed it absent, None while an image has it. `absent` and `returned` are the
    beginning and the end of the last time that it was gone for longer than ABSENCE.
    """

    id: str
    package: str
    first: datetime
    last: datetime
    aliases: tuple[str, ...] = ()
    gone: datetime | None = None
    absent: datetime | None = None
    returned: datetime | None = None

    @property
    def keys(self) -> tuple[FindingKey, ...]:
        """The keys of the findings that it is of."""
        if not self.aliases:
            return ((self.id, self.package),)
        return tuple((name, self.package) for name in (self.id, *self.aliases))

    def known_as(self, ids: Iterable[str]) -> Sighting:
        """Add other ids of the same vulnerability."""
        more = [name for name in ids if name != self.id and name not in self.aliases]
        if not more:
            return self
        return msgspec.structs.replace(self, aliases=tuple(sorted({*self.aliases, *more})))

    def joined(self, other: Sighting) -> Sighting:
        """Return one of two that turned out to be the same: what either knows."""
        former, later = sorted((self, other), key=lambda each: (each.first, each.id))
        absences = [
            (each.returned, each.absent)
            for each in (former, later)
            if each.returned and each.absent
        ]
        returned, absent = max(absences, default=(None, None))
        joined = Sighting(
            former.id,
            former.package,
            former.first,
            max(self.last, other.last),
            gone=max(self.gone, other.gone) if self.gone and other.gone else None,
            absent=absent,
            returned=returned,
        )
        return joined.known_as((*former.aliases, later.id, *later.aliases))

    def seen(self, at: datetime) -> Sighting:
        """Note that a scan saw it; the last instant moves in steps, so that little is written."""
        if self.gone is None and self.first <= at and at - self.last < _STEP:
            return self
        first, last = min(self.first, at), max(self.last, at)
        absent, returned = self.absent, self.returned
        if self.gone is not None and at - self.gone >= ABSENCE:
            absent, returned = self.gone, at
        return msgspec.structs.replace(
            self, first=first, last=last, gone=None, absent=absent, returned=returned
        )

    def missed(self, at: datetime) -> Sighting:
        """Note that no image has it any more; what is newer than that scan stays."""
        if self.gone is not None or at <= self.last:
            return self
        return msgspec.structs.replace(self, gone=at)


class Sightings(msgspec.Struct, frozen=True):
    """Everything that was seen in one repository's images."""

    repository: str
    entries: tuple[Sighting, ...] = ()

    def first_seen(self) -> dict[FindingKey, Seen]:
        """Return since when each finding is known, by every id that it may have."""
        return {
            key: Seen(each.first, each.returned, each.absent)
            for each in self.entries
            for key in each.keys
        }

    def last_seen(self) -> datetime | None:
        """Return the newest instant at which anything was seen; None where nothing is known."""
        return max((each.last for each in self.entries), default=None)

    def joined(self, other: Sightings) -> Sightings:
        """Return what either knows."""
        both = _distinct(_by_key((*self.entries, *other.entries)))
        return Sightings(self.repository, _ordered(both))

    def seen(
        self,
        findings: Iterable[Finding],
        at: datetime,
        *,
        keep: timedelta,
        elsewhere: Elsewhere | None = None,
    ) -> Sightings:
        """Add what a scan found at an instant, and drop what was not seen for longer than `keep`.

        What it did not find is gone once `elsewhere` says that no other image has it either.
        """
        known = _by_key(self.entries)
        there: set[FindingKey] = set()
        for each in findings:
            old = _joined_of(known, each.key, each.aliases)
            new = (old or Sighting(*each.key, at, at)).known_as((each.id, *each.aliases)).seen(at)
            there.update(new.keys)
            if known.get(each.key) is not new or known[new.id, new.package] is not new:
                known.update(dict.fromkeys(new.keys, new))
        kept = []
        for sighting in _distinct(known):
            if there.isdisjoint(sighting.keys):
                has = _answer(elsewhere, sighting)
                if not has and at - sighting.last >= keep:
                    continue
                kept.append(sighting.missed(at) if has is False else sighting)
            else:
                kept.append(sighting)
        return Sightings(self.repository, _ordered(_fewest_gone(kept)))


def _by_key(entries: Iterable[Sighting]) -> dict[FindingKey, Sighting]:
    """Index sightings by all their keys; those that have one in common become one."""
    known: dict[FindingKey, Sighting] = {}
    for each in entries:
        old = _joined_of(known, (each.id, each.package), each.aliases)
        new = old.joined(each) if old else each
        known.update(dict.fromkeys(new.keys, new))
    return known


def _joined_of(
    known: dict[FindingKey, Sighting], key: FindingKey, aliases: tuple[str, ...]
) -> Sighting | None:
    """Return the one sighting of all that a finding may be known by; None where there is none."""
    if not aliases:
        return known.get(key)
    name, package = key
    found = {known[other, package] for other in (name, *aliases) if (other, package) in known}
    return reduce(Sighting.joined, sorted(found, key=lambda each: each.id)) if found else None


def _answer(elsewhere: Elsewhere | None, missed: Sighting) -> bool | None:
    """Say whether another image has what a scan missed; of what is gone nobody is asked."""
    if elsewhere is None or missed.gone is not None:
        return None
    answers = {elsewhere(key) for key in missed.keys}
    return True if True in answers else None if None in answers else False


def _distinct(known: dict[FindingKey, Sighting]) -> Iterable[Sighting]:
    return {(each.id, each.package): each for each in known.values()}.values()


def _fewest_gone(entries: list[Sighting]) -> list[Sighting]:
    """Bound their number. What is there stays: its deadline would never pass otherwise."""
    if len(entries) <= MOST:
        return entries
    there = [each for each in entries if each.gone is None]
    gone = sorted(
        (each for each in entries if each.gone is not None),
        key=lambda each: each.last,
        reverse=True,
    )
    return there + gone[: max(0, MOST - len(there))]


def _ordered(entries: Iterable[Sighting]) -> tuple[Sighting, ...]:
    return tuple(sorted(entries, key=lambda each: (each.id, each.package)))
