"""Namespaces with intents in a small cluster, and what the operator finds possible in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bailiwick.api.intent import SecurityIntentSpec
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.engine.meaning import Meaning
from bailiwick.engine.network.reachability import Reachability
from bailiwick.engine.world import World
from bailiwick.kube.store import Key
from bailiwick.policy.binding import Binding
from bailiwick.policy.effective import Enforcement
from bailiwick.policy.facts import (
    ClusterPolicy,
    ContainerPort,
    Namespace,
    NetworkPolicy,
    Owner,
    Pod,
)
from bailiwick.policy.findings.effective import NamespaceReach
from bailiwick.policy.merge import ProfileVersion, merge
from bailiwick.policy.network.compile import compile_network
from bailiwick.policy.settings import Settings
from tests.unit.network.make import NOW

JSON = dict[str, Any]
HTTP = ContainerPort(8080, "TCP", "http")
BOTH = ("Ingress", "Egress")


def app(name: str) -> JSON:
    """A side of a rule: the workloads of an app in the rule's own namespace."""
    return {"workload": {"matchLabels": {"app": name}}}


def there(namespace: str, name: str = "") -> JSON:
    """A side of a rule: another namespace, or the workloads of an app in it."""
    return {"namespace": namespace, **(app(name) if name else {})}


@dataclass
class Cluster:
    """A cluster that is changed by hand; `intents` has a spec and the isolation by namespace."""

    world: World = field(default_factory=World)
    intents: dict[str, JSON] = field(default_factory=dict)
    isolate: tuple[str, ...] = BOTH
    woken: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    settings: Settings = field(default_factory=lambda: Settings(enforcer="Calico"))

    def __post_init__(self) -> None:
        self.reachability = Reachability(
            self.world,
            self.settings,
            self.intents.__contains__,
            self.woken.add,
            self.unsettled.add,
        )

    def namespace(self, name: str, apps: Iterable[str] = (), **labels: str) -> None:
        """Make a namespace, or give it other labels, with a pod for each app."""
        self.world.keep_namespace(self.world.namespace(name), Namespace(name, name, labels))
        self.reachability.namespace_changed(name)
        for each in apps:
            self.pod(name, each)

    def pod(self, namespace: str, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Make a pod, or give it other labels."""
        old = self.world.all_pods.get(namespace, name)
        new = Pod(namespace, name, name, labels or {"app": name}, ports=(HTTP,))
        self.world.keep_pod(old, new)
        self.reachability.pod_changed(old, new)

    def replica(self, namespace: str, name: str, app: str) -> None:
        """Make a pod of a Deployment's ReplicaSet."""
        owner = Owner("ReplicaSet", app)
        new = Pod(namespace, name, name, {"app": app}, owner, ports=(HTTP,))
        self.world.keep_pod(None, new)
        self.reachability.pod_changed(None, new)

    def remove_pod(self, namespace: str, name: str) -> None:
        old = self.world.all_pods.get(namespace, name)
        if old is not None:
            self.world.keep_pod(old, None)
            self.reachability.pod_changed(old, None)

    def policy(self, namespace: str, name: str, spec: JSON | None) -> None:
        """Put a policy of somebody else, or take it away."""
        place = Key(namespace, name)
        if spec is None:
            self.world.policies.remove(place)
        else:
            version = f"{name} {spec}"
            made = NetworkPolicy(
                namespace, name, f"{namespace}/{name}", {}, (), version, {"podSelector": {}, **spec}
            )
            self.world.policies.put(place, made)
        self.reachability.changed(namespace)

    def cluster_policy(self, name: str, spec: JSON) -> None:
        """Put a ClusterNetworkPolicy."""
        new = ClusterPolicy("ClusterNetworkPolicy", name, name, spec=spec)
        self.world.cluster_policies[name] = new
        self.reachability.cluster_policy_changed(None, new)

    def intent(self, namespace: str, *rules: JSON, enforcement: str = "Enforce") -> None:
        """Declare rules; those without a name are called r0, r1, …."""
        named = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
        self.intents[namespace] = {"enforcement": enforcement, "network": {"allow": named}}

    def meaning(self, namespace: str) -> Meaning:
        """Work out what an intent means."""
        network = {"isolate": list(self.isolate)}
        profile = SecurityProfileSpec.model_validate({"network": network})
        effective = merge(
            namespace,
            ProfileVersion("restricted", 1, profile),
            SecurityIntentSpec.model_validate(self.intents[namespace]),
            lookup=self.world.namespace,
            settings=self.settings,
            now=NOW,
        )
        compiled = compile_network(effective, {}, self.world, self.settings)
        return Meaning(effective, compiled, Binding(profile="restricted"))

    def enforce(self, namespace: str) -> Meaning:
        """Put the policies of an intent into its namespace, as the operator would."""
        meaning = self.meaning(namespace)
        enforced = meaning.effective.enforcement is Enforcement.ENFORCE
        wanted = meaning.compiled.policies if enforced else ()
        before = {p.name: p for p in self.world.policies.within(namespace) if p.labels}
        after = {each.name: each.spec for each in wanted}
        if {name: policy.spec for name, policy in before.items()} == after:
            return meaning
        for name in before:
            self.world.policies.remove(Key(namespace, name))
        for name, spec in after.items():
            uid = f"{namespace}/{name}"
            made = NetworkPolicy(namespace, name, uid, {"ours": "yes"}, (), str(spec), spec)
            self.world.policies.put(Key(namespace, name), made)
        self.reachability.changed(namespace)
        return meaning

    def settle(self) -> set[str]:
        """Return who is woken by what changed since the last time."""
        while self.unsettled:
            self.reachability.settle(self.unsettled.pop())
        woken = set(self.woken)
        self.woken.clear()
        return woken

    def look(self, namespace: str) -> NamespaceReach:
        """Enforce an intent and say what is possible then."""
        meaning = self.enforce(namespace)
        live = list(self.world.policies.within(namespace))
        foreign = [policy for policy in live if not policy.labels]
        return self.reachability.look(meaning, live, foreign)


def shop_and_payments() -> Cluster:
    """Two teams that are isolated, and kube-system beside them."""
    cluster = Cluster()
    cluster.namespace("shop", ("web", "cart"), team="shop")
    cluster.namespace("payments", ("api", "ledger"), team="payments")
    cluster.namespace("other", ("thing",))
    cluster.intent("shop")
    cluster.intent("payments")
    return cluster


def codes(reach: NamespaceReach) -> list[tuple[str, str]]:
    """What is found, by code and what it is about."""
    return [(each.code, each.about) for each in reach.findings]
