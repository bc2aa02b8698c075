"""Asks registries, by way of our scanner, what the tags lead to that pods run images by."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.engine.images.pull_secrets import credentials
from bailiwick.engine.queueing.queue import WorkQueue
from bailiwick.policy.images.freshness import (
    BASE_CURRENT,
    IMAGE_NEWEST,
    BaseFact,
    Freshness,
    TagFact,
    noticed,
    tags_of,
)
from bailiwick.policy.images.references import InvalidReference, Reference
from bailiwick.policy.images.registries import Refusal, contactable, host_of
from bailiwick.policy.images.rescan import spread
from bailiwick.reports.freshness import read_freshness
from bailiwick.scanners import wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.tags import TAG_LIMIT, TagsAnswer, TagsRequest

if TYPE_CHECKING:
    from bailiwick.engine.images.sources import Sources
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.kube.client import Client
    from bailiwick.policy.effective import ImageTerms
    from bailiwick.policy.images.inventory import RunningImage

logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""A repository with its registry, and the digest that runs from it."""

_WORKERS = 2
_EVERY = timedelta(hours=12)
_RETRY = timedelta(minutes=5)
_ANEW = timedelta(minutes=10)
_JITTER = 0.1
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Want:
    """What one namespace wants to know of an image that it runs."""

    tags: tuple[str, ...]
    terms: ImageTerms
    architecture: str
    pull_secrets: tuple[str, ...]


class TagWatch:
    """What is known of tags, kept current at the pace of `rescanEvery`.

    Nothing is asked for a namespace whose profile has none of the controls that need it. `tell` is
    told namespaces that have something new to say, `look_again` digests whose ImageScan has.
    """

    def __init__(
        self,
        client: Client,
        sources: Sources,
        tell: Callable[[str], None],
        look_again: Callable[[str], None],
        clock: Callable[[], datetime],
        *,
        allow_loopback: bool,
    ) -> None:
        self.queue: WorkQueue[Key] = WorkQueue()
        self._client = client
        self._sources = sources
        self._tell = tell
        self._look_again = look_again
        self._clock = clock
        self._allow_loopback = allow_loopback
        self._wants: dict[Key, dict[str, Want]] = {}
        self._of: dict[str, frozenset[Key]] = {}
        self._known: dict[Key, Freshness] = {}

    def start(self) -> None:
        """Begin to ask."""

        async def in_seconds(key: Key) -> float | None:
            wait = await self.check(key)
            return None if wait is None else wait.total_seconds()

        self.queue.start(in_seconds, workers=_WORKERS)

    def record(self, namespace: str, images: Iterable[RunningImage], terms: ImageTerms) -> None:
        """Remember what a namespace runs, and ask what is not known of it yet."""
        self._record(namespace, _wants(images, terms) if terms.freshness else {})

    def forget(self, namespace: str) -> None:
        """Drop what a namespace wants to know."""
        self._record(namespace, {})

    def _record(self, namespace: str, wants: Mapping[Key, Want]) -> None:
        for key in self._of.get(namespace, frozenset()) - wants.keys():
            users = self._wants[key]
            del users[namespace]
            if not users:
                del self._wants[key]
                self._known.pop(key, None)
        for key, want in wants.items():
            users = self._wants.setdefault(key, {})
            before = users.get(namespace)
            users[namespace] = want
            if before is None or (before.tags, before.terms) != (want.tags, want.terms):
                known = self._known.get(key)
                if known is None or any(known.tag(tag) is None for tag in want.tags):
                    self.queue.add(key)
                elif before is None:
                    # An earlier process knew it. Not all at once, since a restart knows so much.
                    self.queue.add_after(key, _ANEW.total_seconds() * spread(key[1]))
        if wants:
            self._of[namespace] = frozenset(wants)
        else:
            self._of.pop(namespace, None)

    def of(self, image: RunningImage) -> Freshness | None:
        """Return what is known of an image; None where nobody asks, or nobody knows yet."""
        if image.reference is None or image.digest is None:
            return None
        return self._known.get((image.reference.name, image.digest))

    def facts_of(self, digest: str, repositories: Iterable[str]) -> Mapping[str, Freshness]:
        """Return what is known of a digest by repository, as far as anybody wants to know it.

        Neither when it was asked last nor why there was no answer is part of it.
        """
        return {
            repository: replace(known, checked_at=None, problem="")
            for repository in repositories
            if (repository, digest) in self._wants
            if (known := self._known.get((repository, digest))) and (known.tags or known.base)
        }

    def learn_scan(self, scan: DeclaredObject) -> None:
        """Remember what an earlier process wrote to an ImageScan."""
        for repository, known in read_freshness(scan.status).items():
            self._known.setdefault((repository, str(scan.spec["digest"])), known)

    def moved(self, repository: str) -> None:
        """Ask again now: a registry says that something was pushed or deleted."""
        for key in self._wants:
            if key[0] == repository:
                self.queue.add(key)

    async def check(self, key: Key) -> timedelta | None:
        """Ask once; returns how long until it has to be asked again, None for never."""
        users = self._wants.get(key)
        if not users:
            return None
        before = self._known.get(key)
        name, digest = key
        reference = Reference.parse(f"{name}@{digest}")
        wait = min((w.terms.rescan_every or _EVERY for w in users.values()), default=_EVERY)
        try:
            found = await self._ask(reference, users, before)
        except ScanError as error:
            found = replace(before or Freshness(), problem=error.message)
            wait = min(wait, _RETRY)
            if before is None or before.problem != error.message:
                logger.warning("what the tags of %s lead to is not known: %s", name, error.message)
        self._known[key] = found
        if before is None or replace(before, checked_at=found.checked_at) != found:
            self._look_again(digest)
            for namespace in users:
                self._tell(namespace)
        return wait * (1 - _JITTER * spread(digest))

    async def _ask(
        self, reference: Reference, users: Mapping[str, Want], before: Freshness | None
    ) -> Freshness:
        tags = sorted({tag for want in users.values() for tag in want.tags})[:TAG_LIMIT]
        asked = frozenset().union(*(want.terms.freshness for want in users.values()))
        answer = await self._question(reference, users, tuple(tags), versions=IMAGE_NEWEST in asked)
        told = [TagFact(t.name, t.digest, t.manifest, t.newer) for t in answer.tags]
        base = None
        if BASE_CURRENT in asked and answer.base_name:
            base = await self._base(answer, users)
        now = self._clock()
        return Freshness(now, tuple(noticed(before, told, now)), base)

    async def _base(self, answer: TagsAnswer, users: Mapping[str, Want]) -> BaseFact:
        """Ask for what an image says it was built on, where the profile lists that registry."""
        known = BaseFact(answer.base_name, answer.base_digest)
        if not answer.base_digest:
            return replace(known, problem="the image does not say by which digest it was built")
        try:
            base = Reference.parse(answer.base_name)
            tag = base.tag or "latest"
            found = await self._question(base.at(answer.base_digest), users, (tag,))
        except InvalidReference as error:
            return replace(known, problem=str(error))
        except ScanError as error:
            return replace(known, problem=error.message)
        now = found.tags[0] if found.tags else None
        if now is None or not now.digest:
            return replace(known, problem=f"{answer.base_name} is gone from its registry")
        return replace(known, now=TagFact(now.name, now.digest, now.manifest))

    async def _question(
        self,
        reference: Reference,
        users: Mapping[str, Want],
        tags: tuple[str, ...],
        *,
        versions: bool = False,
    ) -> TagsAnswer:
        """Ask in the name of a namespace whose profile lists the registry; raises ScanError."""
        refused = Refusal("NotInUse", "Nobody runs this image.")
        for namespace in sorted(users, key=lambda each: (not users[each].pull_secrets, each)):
            want = users[namespace]
            found = contactable(
                reference, want.terms.registries, allow_loopback=self._allow_loopback
            )
            if found is None:
                return await self._send(reference, namespace, want, tags, versions=versions)
            refused = found
        raise ScanError(refused.reason, refused.message, permanent=True)

    async def _send(
        self,
        reference: Reference,
        namespace: str,
        want: Want,
        tags: tuple[str, ...],
        *,
        versions: bool,
    ) -> TagsAnswer:
        source = self._sources.teller(reference)
        if isinstance(source, Refusal):
            raise ScanError(source.reason, source.message, permanent=True)
        shown = await credentials(self._client, namespace, want.pull_secrets, reference)
        plain = self._allow_loopback and host_of(reference.registry) in _LOOPBACK
        request = TagsRequest(
            wire.Registry(
                f"{'http' if plain else 'https'}://{reference.registry}", shown.authorization
            ),
            reference.repository,
            reference.digest,
            tags,
            f"linux/{want.architecture}" if want.architecture else "",
            versions,
        )
        return await source.tags(request)


def _wants(images: Iterable[RunningImage], terms: ImageTerms) -> dict[Key, Want]:
    found: dict[Key, Want] = {}
    for image in images:
        if image.digest and image.reference:
            key = (image.reference.name, image.digest)
            architecture = image.architectures[0] if image.architectures else ""
            found[key] = Want(tags_of(image), terms, architecture, image.pull_secrets)
    return found
