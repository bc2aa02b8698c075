"""Who may reach whom: as an intent declares it, and as policies permit it.

The two are worked out apart from each other and from the operator's own code, so that they can
be compared. A namespace of these tests has the workloads A, B and C; beside it there is a
namespace OUTSIDE with one workload, and an ADDRESS that no pod has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from random import Random
from typing import Final

from tests.controlplane.api import Json
from tests.unit.network.evaluator import Endpoint, Network, Port

A, B, C = "a", "b", "c"
OUTSIDE: Final = "outside"
ADDRESS: Final = "203.0.113.7"
WORKLOADS: Final = (A, B, C)
ENDS: Final = (*WORKLOADS, OUTSIDE, ADDRESS)
PORTS: Final = (80, 443)
NAMES: Final = ("one", "two", "three", "four", "five")
PROFILES: Final = {"both": ("Ingress", "Egress"), "ingress-only": ("Ingress",)}

Edge = tuple[str, str, int]  # from, to, TCP port
EDGES: Final[frozenset[Edge]] = frozenset(
    (source, target, port)
    for source, target, port in product(ENDS, ENDS, PORTS)
    if source != target and {source, target} & set(WORKLOADS)
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of an intent, between ends of these tests."""

    name: str
    sources: tuple[str, ...]  # workloads, or one end that is not
    target: str
    ports: tuple[int, ...]

    def to_json(self) -> Json:
        return {
            "name": self.name,
            "from": _peer(self.sources),
            "to": _peer((self.target,)),
            "ports": list(self.ports),
        }

    def opens(self, edge: Edge) -> bool:
        source, target, port = edge
        return source in self.sources and target == self.target and port in self.ports


@dataclass(frozen=True, slots=True)
class Declared:
    """What an intent says. `other` policies are there all the time, made by somebody else."""

    enforce: bool
    profile: str = "both"
    rules: tuple[Rule, ...] = ()

    def to_json(self) -> Json:
        return {
            "profile": self.profile,
            "enforcement": "Enforce" if self.enforce else "Audit",
            "network": {"allow": [rule.to_json() for rule in self.rules]},
        }

    def permits(self, edge: Edge, others: Sequence[Rule] = ()) -> bool:
        """Whether an edge is open; each of `others` isolates the ingress of its target."""
        source, target, _ = edge
        isolated = PROFILES[self.profile] if self.enforce else ()
        declared = any(rule.opens(edge) for rule in self.rules) and self.enforce
        leaves = source not in WORKLOADS or "Egress" not in isolated or declared
        closed = "Ingress" in isolated or any(other.target == target for other in others)
        arrives = (
            target not in WORKLOADS
            or not closed
            or declared
            or any(other.opens(edge) for other in others)
        )
        return leaves and arrives

    def edges(self, others: Sequence[Rule] = ()) -> frozenset[Edge]:
        return frozenset(edge for edge in EDGES if self.permits(edge, others))


def changed(intent: Declared, chance: Random) -> Declared:
    """The intent with a change or two, so that most of what it allows stays allowed."""
    for _ in range(chance.randint(1, 2)):
        match chance.choice(("enforcement", "profile", "rule", "rule", "fewer rules")):
            case "enforcement":
                intent = replace(intent, enforce=not intent.enforce)
            case "profile":
                intent = replace(intent, profile=chance.choice(sorted(PROFILES)))
            case "rule":
                rule = _some_rule(chance.choice(NAMES), chance)
                kept = (each for each in intent.rules if each.name != rule.name)
                intent = replace(intent, rules=(*kept, rule))
            case "fewer rules":
                intent = replace(intent, rules=intent.rules[1:])
    return intent


def _some_rule(name: str, chance: Random) -> Rule:
    ports = tuple(chance.sample(PORTS, chance.randint(1, 2)))
    if chance.random() < 0.2:
        return Rule(name, (chance.choice((OUTSIDE, ADDRESS)),), chance.choice(WORKLOADS), ports)
    sources = tuple(sorted(chance.sample(WORKLOADS, chance.randint(1, 2))))
    target = chance.choice([end for end in ENDS if end not in sources])
    return Rule(name, sources, target, ports)


def foreign_policy(rule: Rule) -> Json:
    """A policy of somebody else that isolates the ingress of a rule's target, but for the rule."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": rule.name},
        "spec": {
            "podSelector": {"matchLabels": {"app": rule.target}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": {"app": s}}} for s in rule.sources],
                    "ports": [{"port": port} for port in rule.ports],
                }
            ],
        },
    }


def permitted(policies: Iterable[Json], namespace: str) -> frozenset[Edge]:
    """The edges that NetworkPolicies of one namespace permit."""
    labels = {name: {"kubernetes.io/metadata.name": name} for name in (namespace, OUTSIDE)}
    network = Network(labels, list(policies))
    ends = {
        app: Endpoint(f"10.244.0.{number}", namespace, {"app": app})
        for number, app in enumerate(WORKLOADS, start=1)
    }
    ends[OUTSIDE] = Endpoint("10.244.1.1", OUTSIDE)
    ends[ADDRESS] = Endpoint(ADDRESS)
    return frozenset(
        (source, target, port)
        for source, target, port in EDGES
        if network.allows(ends[source], ends[target], Port(port))
    )


def _peer(ends: tuple[str, ...]) -> Json:
    if ends == (OUTSIDE,):
        return {"namespace": OUTSIDE}
    if ends == (ADDRESS,):
        return {"cidr": f"{ADDRESS}/32"}
    return {
        "workload": {"matchExpressions": [{"key": "app", "operator": "In", "values": list(ends)}]}
    }
