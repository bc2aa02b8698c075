"""Everything that is wrong with a policy at once: what is refused is left out, the rest is read."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from bailiwick.offline.lines import path_of
from bailiwick.policy.reach.model import InvalidPolicy

JSON = dict[str, Any]
Steps = tuple[str | int, ...]

_MOST: Final = 20
_NUMBER: Final = re.compile(r"\[\d+\]")


def refusals(read: Callable[[JSON], object], body: JSON) -> Iterator[tuple[str, str]]:
    """Go through the fields of an object that are refused, with the words for each.

    A reader tells the first that it comes to, and names it as it stands in what it is given.
    """
    try:
        rest = _Rest(copy.deepcopy(body))
        most = _MOST
    except RecursionError:
        # JSON may be nested deeper than can be copied: then the first alone is told.
        rest, most = _Rest(body), 1
    told: list[Steps] = []
    for number in range(most):
        try:
            read(rest.body)
        except InvalidPolicy as error:
            field, separator, words = str(error).partition(": ")
            if not separator:
                yield "", field
                return
            steps = tuple(path_of(field))
            as_given = rest.as_given(steps)
            # What lacks the field that was left out is not wrong for that.
            if not any(each[: len(as_given)] == as_given for each in told):
                told.append(as_given)
                yield _with_numbers(field, as_given), words
            if number + 1 == most or not rest.leave_out(steps):
                return
        else:
            return


class _Rest:
    """An object without some of its fields; knows which entries of its lists are left."""

    def __init__(self, body: JSON) -> None:
        self.body = body
        self._left: dict[int, list[int]] = {}

    def as_given(self, steps: Steps) -> Steps:
        """Return a path in what is left as one in the object that was given."""
        found: list[str | int] = []
        holder: Any = self.body
        for step in steps:
            if isinstance(holder, list) and isinstance(step, int) and step < len(holder):
                found.append(self._numbers(holder)[step])
            else:
                found.append(step)
            holder = _inner(holder, step)
        return tuple(found)

    def leave_out(self, steps: Steps) -> bool:
        """Leave out a field, or what holds it where it is not there; says if that was possible."""
        while len(steps) > 1:
            *above, last = steps
            holder: Any = self.body
            for step in above:
                holder = _inner(holder, step)
            if isinstance(holder, dict) and last in holder:
                del holder[last]
                return True
            if isinstance(holder, list) and isinstance(last, int) and last < len(holder):
                del self._numbers(holder)[last]
                del holder[last]
                return True
            steps = tuple(above)
        return False

    def _numbers(self, of: list[Any]) -> list[int]:
        return self._left.setdefault(id(of), list(range(len(of))))


def _inner(holder: Any, step: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(step)
    if isinstance(holder, list) and isinstance(step, int) and step < len(holder):
        return holder[step]
    return None


def _with_numbers(field: str, steps: Steps) -> str:
    """Write a field with the numbers that its entries of lists have in what was given."""
    numbers = iter(step for step in steps if isinstance(step, int))
    return _NUMBER.sub(lambda found: f"[{next(numbers, found[0][1:-1])}]", field)
