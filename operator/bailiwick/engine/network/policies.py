"""Policies as three tell of them: the watch, the answers to our writes, and our own lists.

Each is late in its own way, so the newer resourceVersion wins, and what we know to be gone does
not come back because the watch tells of an earlier time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bailiwick.engine.objects import version_number
from bailiwick.kube.store import Key, Store
from bailiwick.policy.dialects import Dialect
from bailiwick.policy.facts import NetworkPolicy


@dataclass(slots=True)
class Meanwhile:
    """What the watch told of one policy while a write of ours to it was under way."""

    latest: int = -1
    gone: list[str] = field(default_factory=list)


class PolicyStore(Store[NetworkPolicy]):
    """The newest known state of every policy, ours or not."""

    def __init__(self) -> None:
        super().__init__()
        # By UID, the newest version that we knew of what the watch has yet to tell the end of.
        self._gone: dict[str, int] = {}
        self._writes: dict[Key, Meanwhile] = {}

    @contextmanager
    def writing(self, place: Key) -> Iterator[Meanwhile]:
        """Hold back what the watch tells of a policy until our write to it is answered.

        Mostly it tells of that write itself, and often before the answer comes.
        """
        meanwhile = self._writes[place] = Meanwhile()
        try:
            yield meanwhile
        finally:
            del self._writes[place]
            for uid in meanwhile.gone:
                self._gone.pop(uid, None)

    def told(self, new: NetworkPolicy) -> bool:
        """Take in a policy that the watch told of, and say whether somebody is to look at it."""
        known = self.get(new.namespace, new.key)
        if known is not None and version(known) == version(new):
            # The answer to our own write: the watch keeps its copy, so ours need not be kept.
            self.put(_place(new), new)
            return False
        if not self.observe(new):
            return False
        meanwhile = self._writes.get(_place(new))
        if meanwhile is None:
            return True
        meanwhile.latest = max(meanwhile.latest, version(new))
        return False

    def observe(self, new: NetworkPolicy) -> bool:
        """Take in a policy that exists, and say whether that was news."""
        known = self.get(new.namespace, new.key)
        latest = version(known) if known is not None else -1
        if version(new) <= max(latest, self._gone.get(new.uid, -1)):
            return False
        self._gone.pop(new.uid, None)
        self.put(_place(new), new)
        return True

    def forget(self, gone: NetworkPolicy) -> bool:
        """Take in that the watch told of a policy's end, and say whether that was news."""
        self._gone.pop(gone.uid, None)
        meanwhile = self._writes.get(_place(gone))
        if meanwhile is not None:
            # The answer to our write may still tell of what is gone by now.
            meanwhile.gone.append(gone.uid)
            self._gone[gone.uid] = sys.maxsize
        return self._drop(gone)

    def bury(self, gone: NetworkPolicy) -> None:
        """Take in that a policy is gone, before the watch tells."""
        if self._drop(gone):
            self._gone[gone.uid] = version(gone)

    def take(
        self,
        namespace: str,
        listed: Iterable[NetworkPolicy],
        at: int,
        dialect: Dialect = Dialect.NETWORK_POLICY,
    ) -> None:
        """Take in a list of all policies of a namespace, as they were at a resourceVersion."""
        seen = set()
        for each in listed:
            seen.add(each.uid)
            self.observe(each)
        for known in self.within(namespace):
            if known.uid in seen or known.dialect is not dialect:
                continue
            if version(known) <= at:
                self.bury(known)

    def drop_all(self, dialect: Dialect) -> None:
        """Take in that the server does not serve a kind any more."""
        for known in self.all():
            if known.dialect is dialect:
                self._drop(known)

    def _drop(self, gone: NetworkPolicy) -> bool:
        known = self.get(gone.namespace, gone.key)
        if known is None or known.uid != gone.uid:
            return False
        self.remove(_place(gone))
        return True


def _place(policy: NetworkPolicy) -> Key:
    return Key(policy.namespace, policy.key)


def version(policy: NetworkPolicy) -> int:
    """Return a policy's resourceVersion as a number."""
    return version_number(policy.resource_version)
