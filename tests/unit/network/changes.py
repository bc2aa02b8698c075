"""Random sets of policies of one namespace, and what they allow: for the tests of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import strategies as st

from bailiwick.policy.dialects import Dialect
from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network import cilium
from bailiwick.policy.network.compile import isolation_policy
from bailiwick.policy.network.edits import Step
from bailiwick.policy.network.model import Policy
from bailiwick.policy.network.naming import Half, policy_name, rule_labels
from bailiwick.policy.network.specs import ORDER, Opening, rule_spec
from bailiwick.policy.ports import Port as RulePort
from bailiwick.policy.rules import Direction, Rule, WorkloadPeer
from bailiwick.policy.selectors import EVERYTHING, Requirement, Selector
from tests.unit.network.evaluator import Endpoint, Network, Port

Live = dict[str, NetworkPolicy]
Allowed = frozenset[tuple[int, str, str, int]]

_PODS = tuple(
    Endpoint("10.244.0.1", "shop", labels)
    for app in ("a", "b", "c")
    for labels in ({"app": app}, {"app": app, "tier": "x"})
)
_OTHERS = tuple(Endpoint("10.244.1.1", "payments", {"app": app}) for app in ("p", "q"))
_PORTS = (80, 443)

_APPS = tuple(Selector.of({"app": app}) for app in ("a", "b", "c"))
_OTHER_SELECTORS = (
    Selector.of({}, [Requirement("app", "NotIn", ("a", "b"))]),
    Selector.of({}, [Requirement("tier", "Exists")]),
)
_TWO_REQUIREMENTS = tuple(
    Selector.of({"app": app}, [Requirement("tier", operator)])
    for app in ("a", "b")
    for operator in ("Exists", "DoesNotExist")
)
_PEERS = tuple(
    {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": app}}} for app in ("p", "q")
)
_OPENINGS = tuple(
    Opening((peer,), ports) for peer in _PEERS for ports in (None, (RulePort.number(80),))
)

selectors = st.sampled_from((EVERYTHING, *_APPS, *_OTHER_SELECTORS))
openings = st.lists(st.sampled_from(_OPENINGS), min_size=1, max_size=3)
directions = st.sets(st.sampled_from(ORDER))
dialects = st.sampled_from((Dialect.NETWORK_POLICY, Dialect.NETWORK_POLICY, Dialect.CILIUM))
_KEYS = st.tuples(st.sampled_from("rs"), st.sampled_from(ORDER), selectors, dialects)


@st.composite
def desired_sets(draw: st.DrawFn) -> tuple[Policy, ...]:
    """Return what a compilation may give: rules in the directions that are isolated."""
    return draw(_compilations(draw(st.sets(_KEYS, max_size=5))))


@st.composite
def edits(draw: st.DrawFn) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """Return two that have most of their rules in common, with other peers and ports."""
    keys = draw(st.sets(_KEYS, min_size=2, max_size=5))
    both = st.just(ORDER)
    first = draw(_compilations(keys, both))
    return first, draw(_compilations(keys - draw(st.sets(_KEYS, max_size=1)), both))


@st.composite
def _compilations(
    draw: st.DrawFn,
    keys: set[tuple[str, Direction, Selector, Dialect]],
    isolated: st.SearchStrategy[Iterable[Direction]] = directions,
) -> tuple[Policy, ...]:
    isolate = frozenset(draw(isolated))
    if not isolate:
        return ()
    policies = [
        _rule_policy(name, direction, selector, dialect, draw(openings))
        for name, direction, selector, dialect in sorted(keys, key=str)
        if direction in isolate
    ]
    return tuple(draw(st.permutations([isolation_policy(isolate), *policies])))


def _rule_policy(
    name: str,
    direction: Direction,
    selector: Selector,
    dialect: Dialect,
    opened: Sequence[Opening],
) -> Policy:
    half: Half = "ingress" if direction is Direction.INGRESS else "egress"
    rule = Rule(name, WorkloadPeer(), None)
    write = rule_spec if dialect is Dialect.NETWORK_POLICY else cilium.planned_spec
    spec = write(direction, selector, opened)
    named = policy_name(rule, half, selector, dialect)
    return Policy(named, name, half, rule_labels(rule, half), spec, dialect)


@st.composite
def specs(draw: st.DrawFn, selected: st.SearchStrategy[Selector]) -> dict[str, Any]:
    """Return what anybody may write: any directions, entries, and allowing everything too."""
    types = draw(st.sets(st.sampled_from(ORDER), min_size=1))
    spec = {"policyTypes": sorted(types), "podSelector": draw(selected).to_json()}
    for direction in types:
        written = rule_spec(direction, EVERYTHING, draw(openings))
        name = direction.lower()
        spec[name] = draw(st.sampled_from(([], [{}], written[name])))
    return spec


@st.composite
def foreign_sets(draw: st.DrawFn) -> tuple[NetworkPolicy, ...]:
    """Return up to two policies of somebody else."""
    selected = st.sampled_from((EVERYTHING, *_APPS, *_OTHER_SELECTORS, *_TWO_REQUIREMENTS))
    return tuple(
        NetworkPolicy("shop", f"foreign-{n}", f"f{n}", spec=spec)
        for n, spec in enumerate(draw(st.lists(specs(selected), max_size=2)))
    )


@st.composite
def drifted(draw: st.DrawFn, policies: Sequence[Policy]) -> Live:
    """Return the live form of policies after somebody deleted some, and edited others."""
    found = live_of(policies)
    for name in sorted(found):
        what = draw(st.sampled_from(("as it was", "as it was", "deleted", "edited")))
        if what == "deleted":
            del found[name]
        elif what == "edited":
            known = found[name].spec
            edited = draw(specs(st.just(EVERYTHING)))
            if found[name].dialect is Dialect.CILIUM:
                (direction,) = map(Direction, known["policyTypes"])
                edited = cilium.planned_spec(direction, EVERYTHING, draw(openings))
            kept = {key: known[key] for key in ("podSelector", "policyTypes")}
            found[name] = replace(found[name], spec={**edited, **kept})
    return found


def live_of(policies: Iterable[Policy]) -> Live:
    """Return policies as they are in the cluster once they were applied."""
    return {p.key: _applied(p) for p in policies}


def carry_out(live: Live, steps: Iterable[Step]) -> Live:
    """Return what is live after these writes."""
    result = dict(live)
    for step in steps:
        if step.policy is None:
            result.pop(step.name, None)
        else:
            result[step.name] = _applied(step.policy)
    return result


def allowed(live: Mapping[str, NetworkPolicy], foreign: Iterable[NetworkPolicy]) -> Allowed:
    """Return what the pods of the namespace may open, and take, as the evaluator has it."""
    manifests = [
        {"metadata": {"namespace": "shop"}, "spec": _as_network_policy(policy)}
        for policy in (*live.values(), *foreign)
    ]
    network = Network({"shop": {}, "payments": {}}, manifests)
    return frozenset(
        question for question in _questions() if network.allows_half(*_asked(question))
    )


@cache
def _questions() -> tuple[tuple[int, str, str, int], ...]:
    return tuple(
        (pod, direction.value, other.labels["app"], port)
        for pod in range(len(_PODS))
        for direction in ORDER
        for other in _OTHERS
        for port in _PORTS
    )


def _asked(question: tuple[int, str, str, int]) -> tuple[str, Endpoint, Endpoint, Port]:
    pod, direction, app, port = question
    other = next(each for each in _OTHERS if each.labels["app"] == app)
    return direction, _PODS[pod], other, Port(port)


def _applied(policy: Policy) -> NetworkPolicy:
    """Return a policy as it is read once it was written, in the form that is planned."""
    spec = policy.spec
    if policy.dialect is Dialect.CILIUM:
        spec = cilium.planned({"spec": policy.manifest("shop")["spec"]})
    return NetworkPolicy(
        "shop", policy.name, policy.key, policy.labels, spec=spec, dialect=policy.dialect
    )


def _as_network_policy(policy: NetworkPolicy) -> Mapping[str, Any]:
    """Return what means the same: here Cilium's policies open pods of other namespaces only."""
    if policy.dialect is Dialect.NETWORK_POLICY:
        return policy.spec
    result = {key: policy.spec[key] for key in ("podSelector", "policyTypes")}
    for section, side in (("ingress", "from"), ("egress", "to")):
        result[section] = [
            {
                side: [
                    {
                        "namespaceSelector": {},
                        "podSelector": {"matchLabels": {"app": pods["matchLabels"]["k8s:app"]}},
                    }
                    for pods in entry[f"{side}Endpoints"]
                ],
                "ports": [
                    {"port": int(port["port"]), "protocol": port["protocol"]}
                    for opened in entry.get("toPorts", ())
                    for port in opened["ports"]
                ],
            }
            for entry in policy.spec.get(section, ())
        ]
    return result
