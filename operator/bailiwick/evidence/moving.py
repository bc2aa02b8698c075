"""All evidence carried from one form of the store to the other.

A value has the same bytes in both. What is there already is not written again, so that a move that
was interrupted goes on where it was, and one that is repeated changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bailiwick.evidence import codec
from bailiwick.evidence.codec import Damaged
from bailiwick.evidence.shelf import Key, Kind, Shelf

_AT_ONCE = 4
_SAY_EVERY = 500


@dataclass(slots=True)
class Moved:
    """What became of a move: keys by what was done with them.

    `damaged` says in words what could not be read and so stays where it was; `wrong` names what
    is not in the target as it should be.
    """

    copied: set[Key] = field(default_factory=set)
    unchanged: set[Key] = field(default_factory=set)
    deleted: set[Key] = field(default_factory=set)
    damaged: dict[Key, str] = field(default_factory=dict)
    wrong: set[Key] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Whether everything is in the target."""
        return not self.damaged and not self.wrong

    def count(self, kind: Kind) -> int:
        """Return how many values of a kind are in the target."""
        return sum(key.kind is kind for key in (self.copied | self.unchanged) - self.wrong)


@dataclass(frozen=True, slots=True)
class _Value:
    content: bytes
    last_seen: datetime | None = None


async def move(
    source: Shelf,
    target: Shelf,
    *,
    delete: bool = False,
    say: Callable[[int, int], None] = lambda _done, _all: None,
) -> Moved:
    """Copy all values, then read the target anew and hold it against what was copied.

    Where both have a report of a digest the newer one stays, and of what both know of a
    repository nothing is lost: first instants are the earlier ones. With `delete` the source is
    emptied of what proved to be in the target. `say` is told how many of how many are done.
    """
    result = Moved()
    keys = sorted(await source.keys(), key=lambda key: (key.kind, key.subject))
    expected: dict[Key, str] = {}

    async def copy(key: Key) -> None:
        try:
            value = await _value(source, key)
        except Damaged as error:
            result.damaged[key] = f"{source.place(key)}: {error}"
            return
        if value is None:
            return
        there = await _usable(target, key)
        wanted = _joined(key, value, there) if there else value
        expected[key] = codec.checksum(wanted.content)
        if there is not None and there.content == wanted.content:
            result.unchanged.add(key)
            return
        await target.put(key, wanted.content, wanted.last_seen)
        result.copied.add(key)

    async def verify(key: Key) -> None:
        found = await _usable(target, key)
        if found is None or codec.checksum(found.content) != expected[key]:
            result.wrong.add(key)

    async def remove(key: Key) -> None:
        await source.delete(key)
        result.deleted.add(key)

    await _each(keys, copy, say)
    held = await target.keys()
    result.wrong |= expected.keys() - held
    await _each(sorted(expected.keys() & held, key=lambda key: key.subject), verify)
    if delete:
        await _each(expected.keys() - result.wrong, remove)
    return result


async def _each(
    keys: Iterable[Key],
    work: Callable[[Key], Awaitable[None]],
    say: Callable[[int, int], None] = lambda _done, _all: None,
) -> None:
    """Do the work for each key, some at a time; the first error ends it."""
    waiting = list(keys)
    total, left = len(waiting), iter(waiting)
    done = 0

    async def worker() -> None:
        nonlocal done
        for key in left:
            await work(key)
            done += 1
            if done % _SAY_EVERY == 0 or done == total:
                say(done, total)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(worker())


async def _usable(shelf: Shelf, key: Key) -> _Value | None:
    """Return what a target holds; what is damaged there is as good as nothing."""
    try:
        return await _value(shelf, key)
    except Damaged:
        return None


async def _value(shelf: Shelf, key: Key) -> _Value | None:
    """Read a value that its subject owns; raises Damaged."""
    found = await shelf.get(key)
    if found is None:
        return None
    if key.kind is Kind.REPORT:
        codec.unpack_report(found.content, key.subject)
        return _Value(found.content)
    return _Value(found.content, codec.unpack_sightings(found.content, key.subject).last_seen())


def _joined(key: Key, ours: _Value, theirs: _Value) -> _Value:
    if ours.content == theirs.content:
        return theirs
    if key.kind is Kind.REPORT:
        at, there = (codec.unpack_report(each.content, key.subject) for each in (ours, theirs))
        return ours if at.scanned_at >= there.scanned_at else theirs
    mine, other = (codec.unpack_sightings(each.content, key.subject) for each in (ours, theirs))
    both = mine.joined(other)
    return theirs if both == other else _Value(codec.pack(both), both.last_seen())
