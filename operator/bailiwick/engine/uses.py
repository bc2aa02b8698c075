"""Who runs which image: told by each namespace's reconcile, read by the images'."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bailiwick.policy.effective import ImageTerms
from bailiwick.policy.images.inventory import RunningImage
from bailiwick.policy.images.references import Reference


@dataclass(frozen=True, slots=True)
class Use:
    """One namespace's use of a digest: where it comes from, and what its profile asks."""

    reference: Reference
    architecture: str
    terms: ImageTerms
    asked: tuple[datetime, ...] = ()


class ImageUses:
    """Digests by namespace and namespaces by digest."""

    def __init__(self) -> None:
        self._by_digest: dict[str, dict[str, Use]] = defaultdict(dict)
        self._by_namespace: dict[str, frozenset[str]] = {}

    def record(
        self,
        namespace: str,
        images: Iterable[RunningImage],
        terms: ImageTerms | None,
        asked: Mapping[str, tuple[datetime, ...]],
    ) -> frozenset[str]:
        """Remember what a namespace runs; return the digests whose use changed by that.

        `asked` gives the instants at which rescans were asked for, by digest.
        """
        now: dict[str, Use] = {}
        for image in images:
            if image.digest and image.reference and terms:
                now[image.digest] = Use(
                    image.reference, image.architecture, terms, asked.get(image.digest, ())
                )
        before = self._by_namespace.get(namespace, frozenset())
        changed = set(before - now.keys())
        for digest in changed:
            self._by_digest[digest].pop(namespace, None)
            if not self._by_digest[digest]:
                del self._by_digest[digest]
        for digest, use in now.items():
            if self._by_digest[digest].get(namespace) != use:
                self._by_digest[digest][namespace] = use
                changed.add(digest)
        if now:
            self._by_namespace[namespace] = frozenset(now)
        else:
            self._by_namespace.pop(namespace, None)
        return frozenset(changed)

    def of(self, digest: str) -> Mapping[str, Use]:
        """Return the uses of a digest by namespace."""
        return self._by_digest.get(digest, {})

    def digests(self) -> frozenset[str]:
        """Return every digest that somebody runs."""
        return frozenset(self._by_digest)

    def within(self, namespace: str) -> frozenset[str]:
        """Return the digests that a namespace runs."""
        return self._by_namespace.get(namespace, frozenset())
