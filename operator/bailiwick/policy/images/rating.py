"""Which severity counts where sources rate a vulnerability differently: one rule for all of us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bailiwick.policy.images.findings import Severity

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import Rating


def severity_that_counts(told: Severity, ratings: Sequence[Rating]) -> Severity:
    """Return the highest severity, but the distribution's own where that rates its package.

    `told` is what the scanner says without a source; Unknown is no rating. See
    docs/decisions/0009-which-severity-counts.md.
    """
    own = [r.severity for r in ratings if r.own and r.severity is not Severity.UNKNOWN]
    return max(own) if own else max([told, *(r.severity for r in ratings)])


def disagreement(ratings: Sequence[Rating]) -> tuple[Rating, ...]:
    """Return the ratings where they are not all the same, else nothing; Unknown is none."""
    rated = tuple(each for each in ratings if each.severity is not Severity.UNKNOWN)
    return rated if len({each.severity for each in rated}) > 1 else ()
