"""Rescans that somebody asked for, and which images they cover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bailiwick.policy.images.references import InvalidReference, Reference

if TYPE_CHECKING:
    from bailiwick.policy.images.inventory import RunningImage


@dataclass(frozen=True, slots=True)
class Rescan:
    """A RescanRequest, or the `scannedAfter` of an intent; no `images` is all of them."""

    requested: datetime
    images: tuple[str, ...] = ()
    reason: str = ""

    def covers(self, image: RunningImage) -> bool:
        """Say whether the rescan is for an image."""
        return not self.images or any(is_named(image, name) for name in self.images)


def is_named(image: RunningImage, name: str) -> bool:
    """Say whether a person means this image: by digest, reference, repository or spelling."""
    names = {*image.declared, *image.indexes, image.digest}
    names |= {canonical(each) for each in image.declared}
    if image.reference:
        names |= {image.reference.name, str(image.reference)}
        names |= {str(image.reference.at(each)) for each in image.indexes}
    return name in names or canonical(name) in names


def canonical(text: str) -> str:
    """Return the whole spelling of a reference, the text itself where it is none."""
    try:
        return str(Reference.parse(text))
    except InvalidReference:
        return text
