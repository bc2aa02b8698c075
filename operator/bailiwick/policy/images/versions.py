"""Tags that are versions, and whether a repository has a newer one."""

from __future__ import annotations

import re
from collections.abc import Iterable

_VERSION = re.compile(r"(v?)(\d{1,9}(?:\.\d{1,9}){1,3})((?:[-+._][A-Za-z0-9][A-Za-z0-9._+-]*)?)")


def newer_version(tag: str, tags: Iterable[str]) -> str:
    """Return the newest version among tags that is newer than `tag`; empty where there is none.

    Only tags of the same form count: as many numbers, the same prefix, the same suffix. So
    `1.25-alpine` is followed by `1.27-alpine`, and neither by `1.27` nor by `1.27-rc1-alpine`.
    """
    current = _read(tag)
    if current is None:
        return ""
    newest, found = current, ""
    for each in tags:
        other = _read(each)
        if other is not None and other[0] == current[0] and other[1] > newest[1]:
            newest, found = other, each
    return found


def _read(tag: str) -> tuple[tuple[str, int, str], tuple[int, ...]] | None:
    read = _VERSION.fullmatch(tag)
    if read is None:
        return None
    numbers = tuple(int(each) for each in read[2].split("."))
    return (read[1], len(numbers), read[3]), numbers
