"""What is possible in each namespace, and which others have to be looked at when that changes.

Nothing of the cluster's graph is kept: a namespace is worked out from whom it names, when it is
looked at. What is kept is who named whom, so that a change wakes those whose answer it can change.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bailiwick.engine.dependents import Dependents
from bailiwick.policy.facts import ClusterPolicy
from bailiwick.policy.findings.effective import Desired, Held, NamespaceReach
from bailiwick.policy.findings.incoming import Ask, asks_of
from bailiwick.policy.network.specs import text
from bailiwick.policy.reach.cluster_network import cluster_network
from bailiwick.policy.reach.kinds.unreadable import cluster_policy_or_unknown, read_or_unknown
from bailiwick.policy.reach.neighbourhood import may_select, neighbourhood
from bailiwick.policy.reach.pods import workload_of
from bailiwick.policy.rules import Rule

if TYPE_CHECKING:
    from bailiwick.engine.meaning import Meaning
    from bailiwick.engine.world import World
    from bailiwick.policy.facts import Namespace, NetworkPolicy, Node, Pod
    from bailiwick.policy.reach.model import Policy
    from bailiwick.policy.settings import Settings

POLICY_KINDS = frozenset(
    {
        "adminnetworkpolicies",
        "baselineadminnetworkpolicies",
        "ciliumclusterwidenetworkpolicies",
        "ciliumnetworkpolicies",
        "clusternetworkpolicies",
        "networkpolicies",
    }
)
"""The kinds, by plural, without which nobody knows what is possible."""

_KEPT = 512
_BY_LABELS = "*"
"""Stands for every namespace, for those who name namespaces by their labels."""


@dataclass(slots=True)
class Reachability:
    """Works out what is possible in a namespace; `wake` is told whose answer may have changed.

    `concerns` says whether a namespace has an intent or a label of ours. `settle_later` has
    `settle` called for a namespace once its changes may be over: they often come in several steps.
    """

    world: World
    settings: Settings
    concerns: Callable[[str], bool]
    wake: Callable[[str], None]
    settle_later: Callable[[str], None]
    _unsettled: set[str] = field(default_factory=set)
    _told: dict[str, object] = field(default_factory=dict)
    _seen_to: set[str] = field(default_factory=set)
    _looked: set[str] = field(default_factory=set)
    _dependents: Dependents = field(default_factory=Dependents)
    _asks: dict[str, dict[str, tuple[Ask, ...]]] = field(default_factory=lambda: defaultdict(dict))
    _lately: dict[tuple[str, str], list[Policy]] = field(default_factory=dict)
    _asked_by: dict[str, frozenset[str]] = field(default_factory=dict)
    _shapes: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def look(
        self, meaning: Meaning, live: Iterable[NetworkPolicy], foreign: Iterable[NetworkPolicy]
    ) -> NamespaceReach:
        """Work out what is possible in a namespace with these policies in it."""
        here = meaning.effective.namespace
        desired = Desired.of(here, meaning.compiled)
        self._note_asks(here, meaning.effective.rules, desired)
        self._looked.add(here)
        own = [policy for each in live for policy in self._read(each)]
        asks = [ask for each in self._asks.get(here, {}).values() for ask in each]
        near = neighbourhood(
            here,
            (*own, *desired.policies),
            _Surroundings(self.world, self._read),
            [policy.subject for ask in asks for policy in ask.policies],
            cluster_network(self.settings, self.world.nodes()),
        )
        for name in near.others & self._unsettled:
            self._told.pop(name, None)  # What was seen just now may be gone when that settles.
        self._dependents.record(here, near.others | ({_BY_LABELS} if near.by_labels else set()))
        held = Held(
            meaning.effective,
            desired,
            own,
            frozenset(policy.key for each in foreign for policy in self._read(each)),
            near,
            asks,
            {k: why for k, why in self.world.unreadable.items() if k in POLICY_KINDS},
        )
        return held.look()

    def waits_for_others(self, meaning: Meaning) -> bool:
        """Say whether a namespace that this one names was not seen to yet since the start.

        What it lets through may be about to change, and a status would be written twice.
        """
        here = meaning.effective.namespace
        named = {name for rule in meaning.effective.rules for name in rule.namespaces()} - {here}
        waits = any(self.concerns(name) and name not in self._seen_to for name in named)
        if waits:
            self._note_asks(here, meaning.effective.rules, Desired.of(here, meaning.compiled))
        return waits

    def seen_to(self, namespace: str) -> None:
        """Take in that all was tried that there is to do in a namespace."""
        self._seen_to.add(namespace)

    def forget(self, namespace: str) -> None:
        """Let go of what was recorded for a namespace."""
        self._looked.discard(namespace)
        self._dependents.record(namespace, frozenset())
        self._keep_asks(namespace, {})

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Wake those who name a namespace in which pods of a new kind came, or the last went."""
        # The new one first: the only pod of its kind that merely changed has not ended it.
        namespaces = {p.namespace for p in (new, old) if p is not None and self._counts(p, old)}
        for namespace in namespaces:
            self.changed(namespace)

    def namespace_changed(self, namespace: str) -> None:
        """Wake those who name a namespace, by its name or by labels."""
        self.changed(namespace)
        self.changed(_BY_LABELS)

    def cluster_policy_changed(
        self, old: NetworkPolicy | ClusterPolicy | None, new: NetworkPolicy | ClusterPolicy | None
    ) -> None:
        """Wake the namespaces that a policy of the whole cluster selects, or selected, pods of."""
        policies = [p for each in (old, new) if each is not None for p in _of_cluster(each)]
        for name in tuple(self._looked):
            if any(may_select(policy, name, self.world) for policy in policies):
                self._wake(name)
                self._told.pop(name, None)
                self.changed(name)

    def changed(self, namespace: str) -> None:
        """Take in that what a namespace lets through may have changed; `settle` follows later."""
        if self._dependents.on(namespace):
            self._unsettled.add(namespace)
            self.settle_later(namespace)
        else:
            self._told.pop(namespace, None)

    def settle(self, namespace: str) -> None:
        """Wake those whose answer depends on what a namespace lets through, if that is new."""
        self._unsettled.discard(namespace)
        now = self._lets_through(namespace)
        if self._told.get(namespace) != now:
            self._told[namespace] = now
            for dependent in self._dependents.on(namespace):
                if dependent != namespace:
                    self._wake(dependent)

    def _lets_through(self, namespace: str) -> object:
        """Return what is equal as long as the answers of others cannot change by a namespace."""
        found = self.world.namespace(namespace)
        if found is None:
            return object()
        policies = frozenset(text(each.spec) for each in self.world.policies.within(namespace))
        shapes = frozenset(self._shapes.get(namespace, ()))
        return hash((frozenset(found.labels.items()), policies, shapes))

    def _wake(self, namespace: str) -> None:
        if self.concerns(namespace):
            self.wake(namespace)

    def _read(self, policy: NetworkPolicy) -> list[Policy]:
        """Read a policy; the last ones are kept, since neighbours are looked at one by one."""
        key = policy.uid, policy.resource_version
        found = self._lately.get(key)
        if found is None:
            if len(self._lately) >= _KEPT:
                self._lately.clear()
            found = self._lately[key] = read_or_unknown(policy)
        return found

    def _counts(self, pod: Pod, old: Pod | None) -> bool:
        """Count a pod's shape, and say whether it is the first or was the last of its kind."""
        if pod.finished or pod.host_network:
            return False
        shapes = self._shapes[pod.namespace]
        # Its hash is enough to tell shapes apart, and takes a tenth of the memory.
        shape = hash((workload_of(pod), tuple(sorted(pod.labels.items())), pod.ports))
        shapes[shape] += -1 if pod is old else 1
        if shapes[shape]:
            return shapes[shape] == 1 and pod is not old
        del shapes[shape]
        return True

    def _note_asks(self, here: str, rules: Iterable[Rule], desired: Desired) -> None:
        self._keep_asks(here, asks_of(here, rules, desired.policies, desired.made_of))

    def _keep_asks(self, here: str, asks: Mapping[str, tuple[Ask, ...]]) -> None:
        for name in self._asked_by.get(here, frozenset()) | asks.keys():
            before, after = self._asks[name].pop(here, ()), asks.get(name, ())
            if after:
                self._asks[name][here] = after
            if not self._asks[name]:
                del self._asks[name]
            if before != after and name in self._looked:
                self._wake(name)
        if asks:
            self._asked_by[here] = frozenset(asks)
        else:
            self._asked_by.pop(here, None)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What is known of the cluster, with the policies read."""

    world: World
    read: Callable[[NetworkPolicy], list[Policy]]

    def namespace(self, name: str) -> Namespace | None:
        return self.world.namespace(name)

    def namespaces(self) -> Iterable[Namespace]:
        return self.world.namespaces()

    def pods(self, namespace: str) -> Iterable[Pod]:
        return self.world.pods(namespace)

    def nodes(self) -> Iterable[Node]:
        return self.world.nodes()

    def policies(self, namespace: str) -> Iterator[Policy]:
        for each in self.world.policies.within(namespace):
            yield from self.read(each)
        if not namespace:
            yield from map(cluster_policy_or_unknown, self.world.cluster_policies.values())
            yield from map(cluster_policy_or_unknown, self.world.admin_policies.values())


def _of_cluster(policy: NetworkPolicy | ClusterPolicy) -> list[Policy]:
    if isinstance(policy, ClusterPolicy):
        return [cluster_policy_or_unknown(policy)]
    return read_or_unknown(policy)
