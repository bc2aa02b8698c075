"""Rules of an intent that open nothing which its other rules, or its profile, do not open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bailiwick.policy.reach.declared import Declared, DeclaredBy, Opening
from bailiwick.policy.reach.peers import Peers
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction


def shadowed(rules: Iterable[str], classes: Sequence[int], declared: Declared) -> Iterator[str]:
    """Go through the rules that add nothing for these classes of pods.

    Of two that open the same the one that comes first by its name is kept. A rule that opens
    nothing at all is none of them, nor one of which it is not known what it opens. One that is
    limited to some requests adds nothing to another without that limit.
    """
    openings = [
        found
        for number in classes
        for direction in Direction
        if (found := declared.openings(number, direction))
    ]
    left: set[str] = set()
    for name in sorted(rules, reverse=True):
        by = DeclaredBy(name)
        opens = [
            (each, [o for o in found if o.by != by and o.by.rule not in left])
            for found in openings
            for each in found
            if each.by == by and each.peers
        ]
        if any(not each.is_certain for found in openings for each in found if each.by == by):
            continue
        if opens and all(_is_covered(each, others) for each, others in opens):
            left.add(name)
            yield name


def _is_covered(opening: Opening, others: Iterable[Opening]) -> bool:
    remaining: list[tuple[PortSet, Peers]] = [(opening.ports, opening.peers)]
    for other in others:
        if other.http and other.http != opening.http:
            continue
        cut: list[tuple[PortSet, Peers]] = []
        for ports, peers in remaining:
            if ports & other.ports and (rest := peers - other.peers):
                cut.append((ports & other.ports, rest))
            if ports & ~other.ports:
                cut.append((ports & ~other.ports, peers))
        remaining = cut
        if not remaining:
            return True
    return not remaining
