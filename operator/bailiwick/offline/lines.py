"""Where the fields of a document stand in its file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

Path = Sequence[str | int]
"""Keys and positions from the top of a document down."""

_STEP: Final = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


class Lines:
    """The lines of a document `value` and of its fields, counted from 1 in its file."""

    def __init__(self, line: int, value: Any = None) -> None:
        self.line = line
        self.value = value
        self._within: dict[int, dict[str, int] | list[int]] = {}

    def note(self, container: object, lines: dict[str, int] | list[int]) -> None:
        """Take in the lines of what a mapping or a sequence holds, which must not go away."""
        self._within[id(container)] = lines

    def of(self, path: Path) -> int:
        """Return the line of a field, of the last step to it that is there."""
        line, value = self.line, self.value
        for step in path:
            place = _place(value, step)
            lines = self._within.get(id(value))
            try:
                value = value[place]
                if lines is not None:
                    line = lines[place]  # type: ignore[index]  # a mapping has keys, a list places
            except (KeyError, IndexError, TypeError):
                break
        return line


def path_of(text: str) -> Path:
    """Read a path as messages write it: `spec.ingress[0].from`, `spec.network.allow[a-name].to`."""
    return [int(inner) if inner.isdecimal() else inner or key for inner, key in _STEP.findall(text)]


def _place(value: Any, step: str | int) -> str | int:
    """Find an entry of a list by its name, where that is what a step gives."""
    if isinstance(value, list) and isinstance(step, str):
        names = [each.get("name") if isinstance(each, dict) else None for each in value]
        return names.index(step) if step in names else len(value)
    return step
