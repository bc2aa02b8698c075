"""What manifests would come to: policies, edges and findings, namespace by namespace."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bailiwick.api.meta import MANAGED_BY, MANAGED_BY_LABEL
from bailiwick.offline.declared import declarations
from bailiwick.offline.differences import Changes
from bailiwick.offline.documents import Document
from bailiwick.offline.findings import Finding
from bailiwick.offline.governing import Given, Governed, govern
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.plan_findings import Places, of_intent, of_manifests
from bailiwick.offline.policy_findings import of_names
from bailiwick.offline.projecting import mapping
from bailiwick.offline.stand_ins import Assumed, with_stand_ins
from bailiwick.offline.world import World, world
from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.dialects import CILIUM_ENFORCER, CILIUM_KIND, Dialect
from bailiwick.policy.findings.edges import EdgeReport, Foreign
from bailiwick.policy.findings.effective import Desired
from bailiwick.policy.findings.incoming import Ask, Incoming, asks_of, incoming
from bailiwick.policy.findings.isolation import unisolated
from bailiwick.policy.findings.words import Names
from bailiwick.policy.reach.cluster_network import ClusterNetwork, cluster_network
from bailiwick.policy.reach.declared import Declared, DeclaredBy
from bailiwick.policy.reach.kinds import network_policy
from bailiwick.policy.reach.model import Policy, PolicyKey
from bailiwick.policy.reach.namespace_edges import NamespaceEdge, cut_edges, namespace_edges
from bailiwick.policy.settings import Settings


@dataclass(frozen=True, slots=True)
class NamespacePlan:
    """A namespace: what it is held to, the edges it would have, and what there is to say.

    In Audit, `edges` are those it would have with Enforce, and `cut` those it would lose.
    `incoming` is what other namespaces declare and this one would not let through, `requests` are
    those that rules are limited to, in words.
    """

    held: Governed
    edges: tuple[NamespaceEdge, ...] = ()
    cut: tuple[NamespaceEdge, ...] = ()
    findings: tuple[Finding, ...] = ()
    incoming: tuple[Incoming, ...] = ()
    requests: Mapping[DeclaredBy, tuple[str, ...]] = field(default_factory=dict)

    def is_limited(self, edge: NamespaceEdge) -> bool:
        """Whether an edge is there for some requests only."""
        return bool(edge.by) and all(each in self.requests for each in edge.by)

    def by(self, each: DeclaredBy) -> str:
        """Name what declares an edge, with the requests that it is limited to."""
        name = f"{each.rule} (profile)" if each.from_profile else each.rule
        only = self.requests.get(each)
        return f"{name}: only {'; '.join(only)}" if only else name

    @property
    def name(self) -> str:
        """The namespace's name."""
        return self.held.namespace.name

    @property
    def rules(self) -> frozenset[str]:
        """The names of its intent's rules."""
        effective = self.held.effective
        return frozenset(rule.name for rule in effective.rules) if effective else frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found, made into a whole.

    `world` has the policies that would be in force, `after` those of intents in Audit too;
    `made_of` are those of intents, each with the rule that it was made of. `changes` are those
    from what is in the cluster, where it was asked.
    `findings` are those of no namespace that is held to something.
    """

    namespaces: tuple[NamespacePlan, ...]
    world: World
    after: World
    findings: tuple[Finding, ...] = ()
    assumed: tuple[str, ...] = ()
    ungoverned: tuple[str, ...] = ()
    passed_over: Counter[str] = field(default_factory=Counter)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    changes: Changes | None = None
    made_of: Mapping[PolicyKey, DeclaredBy | None] = field(default_factory=dict)
    cluster: FixedCluster = field(default_factory=FixedCluster)

    def all_findings(self) -> list[Finding]:
        """Return every finding, the most severe first."""
        everything = [*self.findings, *(f for each in self.namespaces for f in each.findings)]
        return in_order(everything)


def plan(
    inventory: Inventory,
    settings: Settings,
    now: datetime,
    *,
    complete: bool = False,
    of: Collection[str] | None = None,
    network: ClusterNetwork | None = None,
) -> Plan:
    """Work out what an inventory would come to, for the namespaces `of` it, or for all.

    `complete`: it is all of a cluster, so that what is not in it is not there; else stand-ins are
    taken for what every cluster has. `network` is what settings and nodes tell of it, where it is
    not given. Problems that are found on the way are added to the
    inventory's, and the plan is worth nothing then.
    """
    declared = declarations(inventory)
    named = declared.namespaces()
    unknown = frozenset() if complete else frozenset(named - inventory.populated())
    cluster = inventory.cluster(unknown)
    if settings.enforcer.lower() == CILIUM_ENFORCER:
        cluster = replace(cluster, served={*cluster.served, CILIUM_KIND})
    assumed = Assumed(cluster, settings, {}) if complete else with_stand_ins(cluster, settings)
    maps = tuple(inventory.config_maps.values())
    given = Given(declared, assumed.cluster, assumed.settings, now, maps)
    governed = govern(given)
    looked_at = {key for held in governed for key in held.compiled.depends_on}
    network = network or cluster_network(settings, cluster.all_nodes)
    return _whole(inventory, governed, assumed, looked_at, unknown, of, network)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the most severe first."""
    return sorted(findings, key=lambda each: (-each.severity, each.place, each))


def _whole(
    inventory: Inventory,
    governed: Sequence[Governed],
    assumed: Assumed,
    looked_at: Collection[str],
    unknown: frozenset[str],
    of: Collection[str] | None,
    network: ClusterNetwork,
) -> Plan:
    cluster = assumed.without_unused(looked_at)
    desired = {
        held.namespace.name: Desired.of(held.namespace.name, held.compiled) for held in governed
    }
    foreign = _foreign(inventory, {*desired})
    everything = [*foreign, *(policy for each in desired.values() for policy in each.policies)]
    entrances = inventory.all_entrances()
    after = world(cluster, everything, entrances, network)
    now = after
    if not all(held.is_enforced for held in governed):
        enforced = [
            p
            for held in governed
            if held.is_enforced
            for p in desired[held.namespace.name].policies
        ]
        now = world(cluster, [*foreign, *enforced], entrances, network)
    made_of = {key: by for each in desired.values() for key, by in each.made_of.items()}
    reader = _Reader(
        inventory,
        Declared(after.workloads.graph, made_of),
        Foreign.of(after.workloads.graph, [policy.key for policy in foreign]),
        now,
        after,
        unknown,
        _asks(governed, desired),
        desired,
    )
    remarks = [*of_manifests(inventory), *of_names(inventory, after.workloads.graph, foreign)]
    names = {held.namespace.name for held in governed}
    asked = [held for held in governed if of is None or held.namespace.name in of]
    populated = inventory.populated() if of is None else set(of)
    return Plan(
        namespaces=tuple(reader.namespace(held, remarks) for held in asked),
        world=now,
        after=after,
        findings=tuple(f for f in remarks if f.namespace not in names),
        assumed=tuple(assumed.told(looked_at)),
        ungoverned=tuple(sorted(populated - names)),
        passed_over=inventory.other_kinds,
        unreadable=inventory.unreadable,
        made_of=made_of,
        cluster=cluster,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one namespace after the other against the whole."""

    inventory: Inventory
    declared: Declared
    foreign: Foreign
    now: World
    after: World
    unknown: frozenset[str]
    asks: Mapping[str, Sequence[Ask]]
    desired: Mapping[str, Desired]

    def namespace(self, held: Governed, remarks: Iterable[Finding]) -> NamespacePlan:
        """Return the plan of a namespace."""
        name, places = held.namespace.name, Places(self.inventory)
        findings = [finding for finding in remarks if finding.namespace == name]
        findings += of_intent(held, places, self.unknown)
        if held.effective is None:
            return NamespacePlan(held, findings=tuple(in_order(findings)))
        workloads = self.after.workloads
        edges = namespace_edges(name, workloads, self.declared)
        cut = [] if held.is_enforced else cut_edges(name, self.now.workloads, workloads)
        rules = {rule.name: rule for rule in held.effective.rules}
        names = Names(workloads.classes, name)
        report = EdgeReport(name, rules, names, edges, cut, workloads, self.declared, self.foreign)
        free = unisolated(held.effective, self.now.workloads.graph, names)
        for told in (*report.findings(), *free):
            at = places.of_policy(told.policy) if told.policy else places.of(held, told.field)
            findings.append(Finding.at(at, told))
        asks = incoming(name, workloads.graph, self.asks.get(name, ()))
        return NamespacePlan(
            held,
            tuple(edges),
            tuple(cut),
            tuple(in_order(findings)),
            tuple(asks),
            self.desired[name].requests(),
        )


def _asks(
    governed: Iterable[Governed], desired: Mapping[str, Desired]
) -> Mapping[str, Sequence[Ask]]:
    """Return what namespaces ask of each other, by whom it is asked of."""
    found: dict[str, list[Ask]] = defaultdict(list)
    for held in governed:
        here, rules = held.namespace.name, held.effective.rules if held.effective else ()
        own = desired[here]
        for name, asks in asks_of(here, rules, own.policies, own.made_of).items():
            found[name] += asks
    return found


def _is_made_by_operator(document: Document) -> bool:
    labels = mapping(document.body, "metadata").get("labels") or {}
    return bool(labels.get(MANAGED_BY_LABEL) == MANAGED_BY)


def _foreign(inventory: Inventory, governed: Collection[str]) -> list[Policy]:
    """Return the policies that no intent gives: what the operator made is made anew."""
    made = {
        PolicyKey(network_policy.KIND, *place)
        for place, policy in inventory.network_policies.items()
        if place[0] in governed and policy.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
    }
    made |= {
        PolicyKey(*key)
        for key, document in inventory.documents.items()
        if key[0] == Dialect.CILIUM and key[1] in governed and _is_made_by_operator(document)
    }
    return [policy for key, policy in sorted(inventory.policies.items()) if key not in made]
