"""What is told of a namespace does not depend on how the operator came to look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.findings.effective import Desired, Held, NamespaceReach
from bailiwick.policy.findings.incoming import Ask
from bailiwick.policy.reach.cluster_network import cluster_network
from bailiwick.policy.reach.kinds.unreadable import read_or_unknown
from bailiwick.policy.reach.model import Policy
from bailiwick.policy.reach.neighbourhood import Neighbourhood
from tests.unit.findings.make import JSON, Cluster, there

some = settings(max_examples=max(100, settings().max_examples // 5))

NAMESPACES = ("one", "two", "three")
APPS = ("a", "b")
TIERS = ("x", "y")
# A namespace that nobody names, with every kind of pod that a selector can mean.
ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Edit:
    """A change of a cluster, and the namespaces that the operator looks at for their own sake."""

    due: set[str]
    what: tuple[object, ...]
    make: Callable[[Cluster], None]


selectors = st.sampled_from(
    [
        {},
        *({"matchLabels": {"app": each}} for each in APPS),
        {"matchLabels": {"tier": "x"}},
        {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]},
    ]
)
namespace_selectors = st.sampled_from(
    [
        {},
        *({"matchLabels": {"kubernetes.io/metadata.name": each}} for each in NAMESPACES),
        {"matchLabels": {"team": "red"}},
    ]
)
peers = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": namespace_selectors, "podSelector": selectors}),
    st.just({"ipBlock": {"cidr": "198.51.100.0/24"}}),
)
ports = st.sampled_from([[], [{"port": 8080}], [{"port": "http"}], [{"port": 80, "endPort": 90}]])


def _sections(key: str) -> st.SearchStrategy[JSON]:
    return st.fixed_dictionaries({key: st.lists(peers, max_size=2), "ports": ports})


policies = st.fixed_dictionaries(
    {
        "podSelector": selectors,
        "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
        "ingress": st.lists(_sections("from"), max_size=2),
        "egress": st.lists(_sections("to"), max_size=2),
    }
)


@st.composite
def rules(draw: st.DrawFn) -> JSON:
    here: JSON = {"workload": draw(selectors)}
    other: JSON = draw(st.sampled_from([*map(there, NAMESPACES), {"workload": {}}]))
    sides = [here, {**other, "workload": draw(selectors)}]
    if draw(st.booleans()):
        sides.reverse()
    given_ports = draw(st.sampled_from([[], [8080], ["8000-9000"]]))
    return {"from": sides[0], "to": sides[1], **({"ports": given_ports} if given_ports else {})}


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """One change of a cluster by somebody."""
    name = draw(st.sampled_from(NAMESPACES))
    match draw(st.sampled_from(["pod", "pod", "gone", "policy", "policy", "labels", "intent"])):
        case "pod":
            pod, app, tier = (draw(st.sampled_from(each)) for each in (("p", "q"), APPS, TIERS))
            return Edit(
                {name}, (pod, app, tier), lambda c: c.pod(name, pod, {"app": app, "tier": tier})
            )
        case "gone":
            pod = draw(st.sampled_from(("p", "q")))
            return Edit({name}, (pod,), lambda c: c.remove_pod(name, pod))
        case "policy":
            policy = draw(st.sampled_from(("m", "n")))
            spec = draw(st.none() | policies)
            return Edit({name}, (policy, spec), lambda c: c.policy(name, policy, spec))
        case "labels":
            labels = draw(st.sampled_from([{}, {"team": "red"}, {"team": "blue"}]))
            return Edit({name}, (labels,), lambda c: c.namespace(name, **labels))
        case _:
            declared = draw(st.lists(rules(), max_size=2))
            mode = draw(st.sampled_from(["Enforce", "Enforce", "Audit"]))
            return Edit(
                {name}, (declared, mode), lambda c: c.intent(name, *declared, enforcement=mode)
            )


def start() -> Cluster:
    """Return namespaces each of which has declared one half of an edge to the next."""
    cluster = Cluster()
    for name, following in zip(NAMESPACES, (*NAMESPACES[1:], NAMESPACES[0]), strict=True):
        cluster.namespace(name)
        cluster.pod(name, "p", {"app": "a", "tier": "x"})
        cluster.intent(name, {"from": {"workload": {}}, "to": there(following), "ports": [8080]})
    cluster.namespace(ELSEWHERE)
    for app, tier in product(("", *APPS), ("", *TIERS)):
        labels = {key: value for key, value in (("app", app), ("tier", tier)) if value}
        cluster.pod(ELSEWHERE, f"{app}-{tier}", labels)
    return cluster


def settle(cluster: Cluster, due: set[str], known: dict[str, NamespaceReach]) -> None:
    """Look at what is due, and at whom that wakes, until nobody is."""
    for _ in range(20):
        for name in sorted(due):
            known[name] = cluster.look(name)
        due = cluster.settle()
        if not due:
            return
    raise AssertionError("the namespaces wake each other for ever")


@some
@given(st.lists(edits(), min_size=1, max_size=8))
def test_what_was_told_after_each_change_is_what_a_newcomer_would_tell(
    changes: list[Edit],
) -> None:
    cluster = start()
    known: dict[str, NamespaceReach] = {}
    settle(cluster, set(NAMESPACES), known)
    for change in changes:
        change.make(cluster)
        settle(cluster, change.due, known)
    fresh = {name: cluster.look(name) for name in NAMESPACES}
    for name in NAMESPACES:
        assert known[name] == fresh[name], name


@some
@given(st.lists(edits(), min_size=1, max_size=8))
def test_what_is_told_by_whom_a_namespace_names_is_what_the_whole_cluster_tells(
    changes: list[Edit],
) -> None:
    cluster = start()
    for change in changes:
        change.make(cluster)
    for _ in range(2):
        told = {name: cluster.look(name) for name in NAMESPACES}
    for name in NAMESPACES:
        whole = of_whole_cluster(cluster, name)
        assert said(told[name]) == said(whole), name


def of_whole_cluster(cluster: Cluster, here: str) -> NamespaceReach:
    """Look at a namespace with everybody there is around it."""
    world = cluster.world
    meaning = cluster.meaning(here)
    live = list(world.policies.within(here))
    others = [name for name in world.all_namespaces if name != here]
    everybody = Neighbourhood(
        here,
        tuple(world.namespaces()),
        tuple(pod for name in world.all_namespaces for pod in world.pods(name)),
        tuple(_read(p for name in others for p in world.policies.within(name))),
        frozenset(others),
        network=cluster_network(cluster.settings, ()),
    )
    foreign = frozenset(each.key for each in _read(p for p in live if not p.labels))
    held = Held(
        meaning.effective,
        Desired.of(here, meaning.compiled),
        _read(live),
        foreign,
        everybody,
        list(asks_of(cluster, here)),
    )
    return held.look()


def _read(policies: Iterable[NetworkPolicy]) -> list[Policy]:
    return [policy for each in policies for policy in read_or_unknown(each)]


def asks_of(cluster: Cluster, here: str) -> list[Ask]:
    found = []
    for name in NAMESPACES:
        if name != here:
            meaning = cluster.meaning(name)
            desired = Desired.of(name, meaning.compiled)
            for rule in meaning.effective.rules:
                made = [p for p in desired.policies if _is_of(desired, p.key, rule.name)]
                found.append(Ask(name, rule, tuple(made)))
    return [ask for ask in found if here in str((ask.rule.source, ask.rule.target))]


def _is_of(desired: Desired, key: object, rule: str) -> bool:
    by = {str(policy): of for policy, of in desired.made_of.items()}[str(key)]
    return by is not None and by.rule == rule


def said(reach: NamespaceReach) -> object:
    """What is told apart from how many there are of whom nobody names."""
    return (
        [(each.code, each.about, each.detail) for each in reach.findings],
        [(e.namespace, e.rule, e.direction, e.sources, e.targets, e.ports) for e in reach.incoming],
    )
