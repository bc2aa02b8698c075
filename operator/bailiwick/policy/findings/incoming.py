"""What other namespaces declare with this one, and this one does not let through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bailiwick.policy.findings.finding import Missing
from bailiwick.policy.findings.mirror import mirrored
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.declared import DeclaredBy, half
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import Policy, PolicyKey
from bailiwick.policy.reach.peers import PodSet, numbers
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction, Rule

_OPPOSITE = {Direction.INGRESS: Direction.EGRESS, Direction.EGRESS: Direction.INGRESS}


@dataclass(frozen=True, slots=True)
class Ask:
    """A rule of the intent of another namespace that names this one, and what it comes to there."""

    namespace: str
    rule: Rule
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Incoming:
    """Traffic that another namespace opened on its side, and this one does not let through.

    `direction` is the half that is missing here: Ingress where the other side wants to come in.
    `missing` has nothing of the other side but what its rule says of this namespace.
    """

    namespace: str
    rule: str
    direction: Direction
    sources: tuple[Workload, ...]
    targets: tuple[Workload, ...]
    ports: PortSet
    missing: Missing


def asks_of(
    here: str,
    rules: Iterable[Rule],
    policies: Sequence[Policy],
    made_of: Mapping[PolicyKey, DeclaredBy | None],
) -> dict[str, tuple[Ask, ...]]:
    """Return the rules of the intent of `here` that name other namespaces, by those."""
    found: dict[str, list[Ask]] = defaultdict(list)
    for rule in rules:
        made = tuple(p for p in policies if made_of[p.key] == DeclaredBy(rule.name))
        for name in rule.namespaces() - {here}:
            found[name].append(Ask(here, rule, made))
    return {name: tuple(asks) for name, asks in found.items()}


def incoming(here: str, graph: Graph, asks: Iterable[Ask]) -> Iterator[Incoming]:
    """Go through what is asked of a namespace and not there, by namespace and rule."""
    own = graph.classes.in_namespace(here) & ~graph.classes.host
    for ask in sorted(asks, key=lambda each: (each.namespace, each.rule.name)):
        for direction in Direction:
            found = _missing(graph, own, ask, direction)
            for ports, pairs in sorted(found.items()):
                missing = Missing(here, mirrored(ask.rule, ask.namespace, here))
                yield Incoming(
                    ask.namespace,
                    ask.rule.name,
                    _OPPOSITE[direction],
                    tuple(sorted({source for source, _ in pairs})),
                    tuple(sorted({target for _, target in pairs})),
                    ports,
                    missing,
                )


def _missing(
    graph: Graph, own: PodSet, ask: Ask, direction: Direction
) -> dict[PortSet, set[tuple[Workload, Workload]]]:
    """Return the pairs of workloads by the ports that are asked for and closed here."""
    asked: dict[tuple[int, int], PortSet] = defaultdict(int)
    for policy in ask.policies:
        side = policy.sides.get(direction)
        for each in graph.classes.all() if side is not None and side.rules else ():
            if each.namespace != ask.namespace or not graph.selects(policy, each.number):
                continue
            for rule in side.rules if side else ():
                for match in graph.resolved(rule, direction, each.number).matches:
                    for number in numbers(match.certain.pods & own):
                        asked[each.number, number] |= match.ports
    found: dict[PortSet, set[tuple[Workload, Workload]]] = defaultdict(set)
    for (there, number), ports in asked.items():
        closed = ports & ~half(graph, number, _OPPOSITE[direction], there)
        if closed != port_sets.NONE:
            ends = (graph.classes[there].workloads, graph.classes[number].workloads)
            sources, targets = ends if direction is Direction.EGRESS else ends[::-1]
            found[closed] |= {(one, other) for one in sources for other in targets}
    return found
