"""Objects of our own kinds, as Kopf's watch and our own resync tell them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from bailiwick.engine.objects import DeclaredObject, version_number
from bailiwick.kube.store import Store


def told(old: DeclaredObject | None, new: DeclaredObject | None) -> DeclaredObject:
    """Return what a change is about: the object after it, or before it where it is gone."""
    found = new or old
    assert found is not None  # a change has something before it or after it
    return found


class DeclaredStore:
    """Objects of one kind of ours, told twice: by Kopf's watch, and by our resync.

    Both are late in their own way, so the newer resourceVersion wins, and a deletion is
    remembered until a list that is newer than it was taken.
    """

    def __init__(
        self, kind: str, listener: Callable[[DeclaredObject | None, DeclaredObject | None], None]
    ) -> None:
        self.kind = kind
        self.objects: Store[DeclaredObject] = Store()
        self.listed = False
        self._listener = listener
        self._graves: dict[str, int] = {}

    def observe(self, new: DeclaredObject) -> None:
        """Take in an object that exists, and tell of it."""
        old = self.objects.get(*new.key)
        if self._take(new):
            self._listener(old, new)

    def observe_body(self, body: Mapping[str, Any]) -> str:
        """Take in an object as the API server sent it, unless it is no news; return its UID."""
        metadata = body["metadata"]
        known = self.objects.get(metadata.get("namespace", ""), metadata["name"])
        version = version_number(metadata.get("resourceVersion", ""))
        if known is None or known.resource_version < version or not version:
            self.observe(DeclaredObject.from_json(self.kind, body))
        return str(metadata["uid"])

    def learn(self, new: DeclaredObject) -> None:
        """Take in what a write of ours was answered with.

        What we wrote is no news. What somebody else wrote since we last looked is: the answer
        has it too, and the watch, which tells it later, will not be newer than this.
        """
        old = self.objects.get(*new.key)
        if self._take(new) and old is not None and not old.same_for_a_reconcile(new):
            self._listener(old, new)

    def forget(self, gone: DeclaredObject) -> None:
        """Take in that an object was deleted, at the resourceVersion it carries."""
        self._graves[gone.uid] = gone.resource_version
        old = self.objects.get(*gone.key)
        if old and old.uid == gone.uid:
            self.objects.remove(gone.key)
            self._listener(old, None)

    def keep_only(self, listed: Collection[str], resource_version: int) -> int:
        """Drop what a full list, given by its UIDs, showed to be gone; return how many objects."""
        stale = [
            o
            for o in self.objects.all()
            if o.uid not in listed and o.resource_version <= resource_version
        ]
        for each in stale:
            self.objects.remove(each.key)
            self._listener(each, None)
        self._graves = {u: v for u, v in self._graves.items() if v > resource_version}
        self.listed = True
        return len(stale)

    def _take(self, new: DeclaredObject) -> bool:
        """Keep an object, and say whether it is newer than what is known."""
        old = self.objects.get(*new.key)
        if new.uid in self._graves or (old and old.resource_version >= new.resource_version > 0):
            return False
        self.objects.put(new.key, new)
        return True
