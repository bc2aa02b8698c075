"""What a control says: a result in the words of OpenReports, and a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

NAMES_IN_A_MESSAGE = 3


class Outcome(StrEnum):
    """`skip` is not applicable or switched off, `error` is "could not be evaluated"."""

    PASS = "pass"  # noqa: S105 - the word of OpenReports, no password
    FAIL = "fail"
    WARN = "warn"
    ERROR = "error"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one control, and what is so or what is wrong and where."""

    outcome: Outcome
    message: str


def passed(message: str) -> Result:
    """Say that a control holds."""
    return Result(Outcome.PASS, message)


def failed(message: str) -> Result:
    """Say that a control does not hold."""
    return Result(Outcome.FAIL, message)


def warned(message: str) -> Result:
    """Say that a control holds, but that somebody has to look."""
    return Result(Outcome.WARN, message)


def error(message: str) -> Result:
    """Say that a control could not be evaluated."""
    return Result(Outcome.ERROR, message)


def skipped(message: str) -> Result:
    """Say that a control does not apply."""
    return Result(Outcome.SKIP, message)


def listing(items: Iterable[str], limit: int = NAMES_IN_A_MESSAGE, separator: str = ", ") -> str:
    """Write the first items and the exact number of the others: `a, b and 4 more`.

    The order is the caller's, which has to be stable.
    """
    everything = list(items)
    shown = separator.join(everything[:limit])
    rest = len(everything) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 image`, `2 images`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def sentence(text: str) -> str:
    """End a text with a full stop where it has no end."""
    return text if text.endswith((".", "…")) else f"{text}."
