"""What a repository's tags lead to now: the question to our own scanner, and its answer.

The scanner asks the registry, not the operator: it has no right on the API server, and reads what
nobody vouches for as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec

from bailiwick.scanners import wire

TAGS = "application/vnd.bailiwick.tags+json; version=1.0"
PROPERTY = "bailiwick.dev/tags"
"""The property by which our scanner says that it answers this question."""
TAG_LIMIT = 20
"""How many tags one question may name."""


class TagsRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of `POST /tags`.

    `digest` is what runs, whose manifest says what it was built on. `versions` asks for newer
    versions too, which takes a list of the whole repository.
    """

    registry: wire.Registry
    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    platform: str = ""
    versions: bool = False


class Tag(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tag: what it leads to, and the platform's manifest of that; both empty where it is gone.

    `newer` is the newest version in the repository that is newer than the tag, as far as asked.
    """

    name: str
    digest: str = ""
    manifest: str = ""
    newer: str = ""


class TagsAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer: the tags that were asked for, and what the image says it was built on."""

    tags: tuple[Tag, ...] = ()
    base_name: str = ""
    base_digest: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why it is not known what a tag leads to: a reason code, and words for people."""

    reason: str
    message: str


@runtime_checkable
class TagSource(Protocol):
    """A source of scans that can say what tags lead to."""

    async def tags(self, request: TagsRequest) -> TagsAnswer:
        """Ask a registry; raises ScanError."""
        ...
