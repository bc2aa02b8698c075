"""Findings of an intent itself: what merging it with its profile and compiling it said."""

from __future__ import annotations

from collections.abc import Iterator

from bailiwick.policy.effective import EffectiveIntent
from bailiwick.policy.findings.finding import Finding, of_compiler, of_review
from bailiwick.policy.network.model import CompiledNetwork


def of_intent(effective: EffectiveIntent, compiled: CompiledNetwork | None) -> Iterator[Finding]:
    """Tell of reviews that are due, and of every rule that is not in force as it was written."""
    for review in effective.reviews:
        yield of_review(effective.namespace, review)
    for found in compiled.findings if compiled is not None else ():
        yield of_compiler(effective.namespace, found)
