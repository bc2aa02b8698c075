"""NetworkPolicies as three tell of them: the watch, the answers to our writes, and our own lists.

Each is late in its own way, so the newer resourceVersion wins, and what we know to be gone does
not come back because the watch tells of an earlier time.
"""

from __future__ import annotations

from collections.abc import Iterable

from bailiwick.engine.objects import version_number
from bailiwick.kube.store import Key, Store
from bailiwick.policy.facts import NetworkPolicy


class PolicyStore(Store[NetworkPolicy]):
    """The newest known state of every policy, ours or not."""

    def __init__(self) -> None:
        super().__init__()
        # By UID, the newest version that we knew of what the watch has yet to tell the end of.
        self._gone: dict[str, int] = {}

    def observe(self, new: NetworkPolicy) -> bool:
        """Take in a policy that exists, and say whether that was news."""
        known = self.get(new.namespace, new.name)
        latest = version(known) if known is not None else -1
        if version(new) <= max(latest, self._gone.get(new.uid, -1)):
            return False
        self._gone.pop(new.uid, None)
        self.put(Key(new.namespace, new.name), new)
        return True

    def forget(self, gone: NetworkPolicy) -> bool:
        """Take in that the watch told of a policy's end, and say whether that was news."""
        self._gone.pop(gone.uid, None)
        return self._drop(gone)

    def bury(self, gone: NetworkPolicy) -> None:
        """Take in that a policy is gone, before the watch tells."""
        if self._drop(gone):
            self._gone[gone.uid] = version(gone)

    def take(self, namespace: str, listed: Iterable[NetworkPolicy], at: int) -> None:
        """Take in a list of all policies of a namespace, as they were at a resourceVersion."""
        seen = set()
        for each in listed:
            seen.add(each.uid)
            self.observe(each)
        for known in self.within(namespace):
            if known.uid not in seen and version(known) <= at:
                self.bury(known)

    def _drop(self, gone: NetworkPolicy) -> bool:
        known = self.get(gone.namespace, gone.name)
        if known is None or known.uid != gone.uid:
            return False
        self.remove(Key(gone.namespace, gone.name))
        return True


def version(policy: NetworkPolicy) -> int:
    """Return a policy's resourceVersion as a number."""
    return version_number(policy.resource_version)
