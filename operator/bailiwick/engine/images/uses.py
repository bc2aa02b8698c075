"""Who runs which image: told by each namespace's reconcile, read by the images'."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bailiwick.policy.effective import ImageTerms
from bailiwick.policy.images.inventory import RunningImage
from bailiwick.policy.images.references import Reference


@dataclass(frozen=True, slots=True)
class Use:
    """One namespace's use of a digest: where it may be found, and what its profile asks.

    `architectures` are those of the nodes that run it, sorted; `asked` the instants of the
    rescans that cover it; `pull_secrets` the Secrets of the namespace that it is pulled with.
    """

    references: tuple[Reference, ...]
    architectures: tuple[str, ...]
    terms: ImageTerms
    asked: tuple[datetime, ...] = ()
    pull_secrets: tuple[str, ...] = ()


def uses_of(
    images: Iterable[RunningImage],
    terms: ImageTerms,
    asked: Callable[[RunningImage], Iterable[datetime]],
) -> dict[str, Use]:
    """Gather what a namespace runs by digest, whatever it calls it."""
    groups: dict[str, list[RunningImage]] = defaultdict(list)
    for image in images:
        if image.digest and image.reference:
            groups[image.digest].append(image)
    return {
        digest: Use(
            tuple(sorted({i.reference for i in group if i.reference})),
            tuple(sorted({each for i in group for each in i.architectures})),
            terms,
            tuple(sorted({instant for i in group for instant in asked(i)})),
            tuple(sorted({name for i in group for name in i.pull_secrets})),
        )
        for digest, group in groups.items()
    }


class ImageUses:
    """Digests by namespace and namespaces by digest."""

    def __init__(self) -> None:
        self._by_digest: dict[str, dict[str, Use]] = defaultdict(dict)
        self._by_namespace: dict[str, frozenset[str]] = {}
        self._held: dict[str, frozenset[str]] = {}
        self._repositories: dict[str, frozenset[str]] = {}
        self._by_repository: dict[str, set[str]] = defaultdict(set)

    def record(self, namespace: str, uses: Mapping[str, Use]) -> frozenset[str]:
        """Remember what a namespace runs; return the digests whose use changed by that.

        One more namespace that uses a digest as others do changes nothing for it: an image that
        every namespace runs is not looked at once for each of them.
        """
        before = self._by_namespace.get(namespace, frozenset())
        changed = set(before - uses.keys()) | self._held.pop(namespace, frozenset())
        for digest in before - uses.keys():
            self._by_digest[digest].pop(namespace, None)
            if not self._by_digest[digest]:
                del self._by_digest[digest]
        for digest, use in uses.items():
            known = self._by_digest[digest]
            if known.get(namespace) == use:
                continue
            if namespace in known or use not in known.values():
                changed.add(digest)
            known[namespace] = use
        if uses:
            self._by_namespace[namespace] = frozenset(uses)
        else:
            self._by_namespace.pop(namespace, None)
        for digest in before | uses.keys():
            self._index(digest)
        return frozenset(changed)

    def hold(self, namespace: str, digests: Iterable[str]) -> None:
        """Remember what a namespace runs whose profile is not known: it is not to be removed."""
        self._held[namespace] = frozenset(digests)

    def is_held(self, digest: str) -> bool:
        """Say whether a namespace whose profile is not known runs a digest."""
        return any(digest in held for held in self._held.values())

    def of(self, digest: str) -> Mapping[str, Use]:
        """Return the uses of a digest by namespace."""
        return self._by_digest.get(digest, {})

    def repositories(self, digest: str) -> frozenset[str]:
        """Return the repositories that a digest is run from."""
        return frozenset(r.name for use in self.of(digest).values() for r in use.references)

    def in_repository(self, repository: str) -> frozenset[str] | None:
        """Return the digests that are run from a repository; None where some may not be known."""
        return None if self._held else frozenset(self._by_repository.get(repository, ()))

    def digests(self) -> frozenset[str]:
        """Return every digest that somebody runs."""
        return frozenset(self._by_digest)

    def _index(self, digest: str) -> None:
        before, now = self._repositories.get(digest, frozenset()), self.repositories(digest)
        for repository in before - now:
            self._by_repository[repository].discard(digest)
            if not self._by_repository[repository]:
                del self._by_repository[repository]
        for repository in now - before:
            self._by_repository[repository].add(digest)
        if now:
            self._repositories[digest] = now
        else:
            self._repositories.pop(digest, None)
