"""What runs against what its tag leads to now: told by registries, judged by controls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bailiwick.policy.images.references import InvalidReference, Reference

if TYPE_CHECKING:
    from bailiwick.policy.images.inventory import RunningImage

IMAGE_CURRENT = "image-current"
BASE_CURRENT = "image-base-current"
IMAGE_NEWEST = "image-newest"
FRESHNESS_CONTROLS = (IMAGE_CURRENT, BASE_CURRENT, IMAGE_NEWEST)
"""The controls that registries have to be asked for. A profile asks for them by a severity."""


@dataclass(frozen=True, slots=True)
class TagFact:
    """A tag: the digest that it leads to, and the platform's manifest of that.

    Both are empty where the registry does not have it any more. `moved_at` is when it was seen to
    lead to another digest than before. `newer` is a newer version that the repository has.
    """

    name: str
    digest: str = ""
    manifest: str = ""
    newer: str = ""
    moved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BaseFact:
    """What an image says it was built on, and what that name leads to now."""

    name: str
    digest: str
    now: TagFact | None = None
    problem: str = ""

    @property
    def outdated(self) -> bool | None:
        """Whether the name leads to another image now; None where that is not known."""
        if not self.digest or self.now is None or not self.now.digest:
            return None
        return self.digest not in (self.now.digest, self.now.manifest)


@dataclass(frozen=True, slots=True)
class Freshness:
    """What a registry said of an image's tags, and when.

    `problem` says in words why the newest question had no answer; what an earlier one said stays.
    """

    checked_at: datetime | None = None
    tags: tuple[TagFact, ...] = ()
    base: BaseFact | None = None
    problem: str = ""

    def tag(self, name: str) -> TagFact | None:
        """Return what is known of a tag."""
        return next((each for each in self.tags if each.name == name), None)


def tags_of(image: RunningImage) -> tuple[str, ...]:
    """Return the tags that pods run an image by, sorted; none where they name it by digest only."""
    found = set()
    for text in image.declared:
        try:
            reference = Reference.parse(text)
        except InvalidReference:
            continue
        same = image.reference is not None and reference.name == image.reference.name
        if same and (reference.tag or not reference.digest):
            found.add(reference.tag or "latest")
    return tuple(sorted(found))


def runs(image: RunningImage, tag: TagFact) -> bool:
    """Say whether what runs is what the tag leads to."""
    running = {image.digest, *image.indexes}
    return bool(running & {tag.digest, tag.manifest})


def noticed(before: Freshness | None, found: Iterable[TagFact], now: datetime) -> list[TagFact]:
    """Return what a registry said, with when each tag was seen to have moved."""
    known = {each.name: each for each in before.tags} if before else {}
    told = []
    for tag in found:
        old = known.get(tag.name)
        moved = old.moved_at if old else None
        if old is not None and old.digest and old.digest != tag.digest:
            moved = now
        told.append(replace(tag, moved_at=moved))
    return told
