"""Whether an exception is in force at an instant, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bailiwick.api.durations import format_duration

if TYPE_CHECKING:
    from bailiwick.policy.effective import ExceptionTerms
    from bailiwick.policy.exceptions.model import DeclaredException

# Clocks of approvers differ from ours a little.
_AHEAD = timedelta(minutes=5)


class State(StrEnum):
    """Where an exception stands."""

    ACTIVE = "Active"
    AWAITING_APPROVAL = "AwaitingApproval"
    MATCHES_NOTHING = "MatchesNothing"
    EXPIRES_SOON = "ExpiresSoon"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    SUPERSEDED = "Superseded"


@dataclass(frozen=True, slots=True)
class Ruling:
    """Where an exception stands, whatever it matches.

    `changes_at` is the next instant at which time alone changes this; None if never.
    """

    state: State
    message: str
    changes_at: datetime | None = None

    @property
    def in_force(self) -> bool:
        """Say whether it excepts what it is for."""
        return self.state in (State.ACTIVE, State.EXPIRES_SOON)


def rule(
    exception: DeclaredException,
    terms: ExceptionTerms | None,
    now: datetime,
    warning: timedelta,
) -> Ruling:
    """Judge an exception by the terms of its namespace's profile; None for one of the platform.

    What lasts too long is refused whole, not cut. It may last `terms.max_duration` from when it
    was approved, or from when it was made where nobody did and nobody has to.
    """
    expires = exception.expires_at
    if exception.problem is not None or expires is None:
        problem = exception.problem
        words = f"{problem.field}: {problem.message}" if problem else "spec: write expiresAt"
        return Ruling(State.INVALID, f"Excepts nothing, because it cannot be understood. {words}.")
    if now >= expires:
        return Ruling(
            State.EXPIRED,
            f"Expired on {_day(expires)}: it excepts nothing, and what it was for counts again.",
        )
    if terms is not None:
        refused = _refused(exception, expires, terms, now)
        if refused is not None:
            return refused
    if now >= expires - warning:
        return Ruling(
            State.EXPIRES_SOON,
            f"In force until {_day(expires)}: what it is for counts again from then on.",
            expires,
        )
    return Ruling(State.ACTIVE, f"In force until {_day(expires)}.", expires - warning)


def _refused(
    exception: DeclaredException, expires: datetime, terms: ExceptionTerms, now: datetime
) -> Ruling | None:
    """Say why the profile does not let it be in force; None where it does."""
    if terms.approval_required and not exception.author:
        return Ruling(
            State.INVALID,
            "Excepts nothing, because the profile asks for an approval, and nobody could tell the "
            "author's own from another's. Write spec.author.",
            expires,
        )
    void, valid_at = _void(exception, now)
    approval = exception.approval if not void else None
    waits = terms.approval_required and approval is None
    valid_at = min(valid_at or expires, expires)
    # One that waits would be approved now at the earliest.
    since = approval.at if approval else now if waits else exception.created
    if expires > since + terms.max_duration:
        most = format_duration(terms.max_duration)
        begun = "it was approved" if approval else "it was made"
        # Without an instant that moves with the clock: what is said has to stay the same.
        words = (
            f"is more than {most} away"
            if waits
            else f"is more than {most} after {begun}: write {_day(since + terms.max_duration)} "
            "or earlier"
        )
        return Ruling(
            State.INVALID,
            f"Excepts nothing, because the profile lets an exception last {most} at most, and "
            f"spec.expiresAt {words}.",
            # An approval later than now may last longer.
            min(expires - terms.max_duration, valid_at) if waits else valid_at,
        )
    if waits:
        return Ruling(
            State.AWAITING_APPROVAL,
            f"Excepts nothing until it is approved: {void} Whoever approves writes "
            f"status.approval, and is not the author, {exception.author}.",
            valid_at,
        )
    return None


def _void(exception: DeclaredException, now: datetime) -> tuple[str, datetime | None]:
    """Say why there is no approval that counts, empty where there is, and when time gives one."""
    approval = exception.approval
    if approval is None:
        return "nobody did yet.", None
    if approval.generation != exception.generation:
        return (
            f"{approval.by} approved generation {approval.generation}, and this is generation "
            f"{exception.generation}.",
            None,
        )
    if approval.by == exception.author:
        return f"{approval.by} is its author, so that this approval does not count.", None
    if approval.at > now + _AHEAD:
        return f"the approval of {approval.by} is of {_day(approval.at)}.", approval.at - _AHEAD
    return "", None


def _day(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
