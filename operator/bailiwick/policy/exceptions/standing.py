"""Where an exception stands, given what it matches: what its status and its namespace's say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bailiwick.policy.controls.result import count
from bailiwick.policy.exceptions.ruling import State

if TYPE_CHECKING:
    from bailiwick.policy.exceptions.matching import Match
    from bailiwick.policy.exceptions.ruling import Ruling


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of an exception, in words too.

    `changes_at` is the next instant at which time alone changes this; None if never.
    """

    state: State
    message: str
    in_force: bool
    changes_at: datetime | None = None


def stand(ruling: Ruling, match: Match, last_matched: datetime | None) -> Standing:
    """Say where an exception stands; `last_matched` is None where it never matched anything.

    That it ends soon outweighs that it matches nothing, or nothing that cannot be mended.
    """
    state, words = ruling.state, ""
    if state is State.ACTIVE:
        state, words = _in_force(match, last_matched)
    elif match.findings:
        words = _matches(match)
    message = f"{words} {ruling.message}" if words else ruling.message
    return Standing(state, message, ruling.in_force, ruling.changes_at)


def _in_force(match: Match, last_matched: datetime | None) -> tuple[State, str]:
    if match.unknown:
        seen = f"{_matches(match)} " if match.findings else ""
        return State.ACTIVE, f"{seen}An image that it is for was not scanned yet."
    if match.findings and match.fixable < match.findings:
        return State.ACTIVE, _matches(match)
    if match.findings:
        return State.SUPERSEDED, (
            f"{_matches(match)} A fixed version is known for everything that it is for: update "
            "instead, and remove it."
        )
    if last_matched is None:
        scope = "the images that it is for" if match.judged else "any image that runs"
        return State.MATCHES_NOTHING, (
            f"Never matched anything: none of its vulnerabilities is in {scope}. Check the ids "
            "and the scope, or remove it."
        )
    since = f"{last_matched:%Y-%m-%d %H:%M} UTC"
    if match.judged:
        return State.SUPERSEDED, (
            f"What it was for is gone from the images that it is for, since {since}: remove it."
        )
    return State.MATCHES_NOTHING, (
        f"Matches nothing since {since}, because no image runs that it is for."
    )


def _matches(match: Match) -> str:
    return f"Is for {count(match.findings, 'finding')} in {count(len(match.images), 'image')}."
