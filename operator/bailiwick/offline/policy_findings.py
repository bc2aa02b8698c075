"""What policies say that has no effect, or another one than it seems, though it is no mistake."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from bailiwick.offline.findings import Finding
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.policy_fields import unknown_fields
from bailiwick.policy.findings.finding import Severity
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.kinds import network_policy
from bailiwick.policy.reach.model import Policy, PolicyKey, Ports, Rule
from bailiwick.policy.rules import Direction

_RANGES: Final = frozenset(("cidr", "except", "networks", "fromCIDR", "toCIDR"))
"""The fields of all kinds of policies that hold ranges of addresses."""


def of_ranges(inventory: Inventory) -> Iterator[Finding]:
    """Tell of ranges of addresses that name an address inside them: the API server takes them."""
    for key in dict.fromkeys((p.kind, p.namespace, p.name) for p in inventory.policies):
        document = inventory.documents.get(key)
        for field, text in _ranges(document.body.get("spec") if document else None, "spec"):
            meant = _meant(text)
            if meant is not None:
                kind, namespace, name = key
                what = f"{kind} {namespace + '/' if namespace else ''}{name}"
                yield Finding(
                    namespace,
                    Severity.WARNING,
                    "HostBits",
                    what,
                    f"{what}: {field}: {text} has bits after its prefix: it means {meant}, so "
                    "write that",
                    inventory.place(*key, field),
                    field,
                )


def of_unknown_fields(inventory: Inventory) -> Iterator[Finding]:
    """Tell of fields of NetworkPolicies that there are not."""
    for key, document in inventory.documents.items():
        kind, namespace, name = key
        if kind != network_policy.KIND:
            continue
        what = f"{kind} {namespace}/{name}"
        for field, meant in unknown_fields(document.body.get("spec") or {}):
            hint = f": did you mean {meant}?" if meant else ""
            message = f"{what}: {field}: there is no such field, so it says nothing{hint}"
            place = inventory.place(*key, field)
            yield Finding(namespace, Severity.WARNING, "UnknownField", what, message, place, field)


def of_names(inventory: Inventory, graph: Graph, policies: Iterable[Policy]) -> list[Finding]:
    """Tell of names of ports that no pod has for which a rule is."""
    selected: dict[PolicyKey, list[int]] = defaultdict(list)
    for each in graph.classes.all():
        for policy in graph.of_class(each.number):
            selected[policy.key].append(each.number)
    return [
        _nameless(inventory, policy.key, rule, name)
        for policy in policies
        for direction, side in policy.sides.items()
        for rule in side.rules
        for name in dict.fromkeys(port.name for port in rule.ports.names)
        if selected[policy.key]
        and not _is_found(graph, rule, name, direction, selected[policy.key])
    ]


def _is_found(graph: Graph, rule: Rule, name: str, direction: Direction, of: list[int]) -> bool:
    named = tuple(port for port in rule.ports.names if port.name == name)
    alone = replace(rule, ports=Ports(names=named))
    return any(graph.resolved(alone, direction, number).matches for number in of)


def _nameless(inventory: Inventory, key: PolicyKey, rule: Rule, name: str) -> Finding:
    return Finding(
        key.namespace,
        Severity.WARNING,
        "UnresolvedPort",
        str(key),
        f"{key}: {rule.label}: no pod that it is for calls a port {name}, so that this name opens "
        "and closes nothing",
        inventory.place(key.kind, key.namespace, key.name, f"spec.{rule.label}"),
        name,
    )


def _ranges(value: Any, field: str, *, is_range: bool = False) -> Iterator[tuple[str, str]]:
    match value:
        case str() if is_range:
            yield field, value
        case Mapping():
            for key, each in value.items():
                yield from _ranges(each, f"{field}.{key}", is_range=key in _RANGES)
        case list():
            for index, each in enumerate(value):
                yield from _ranges(each, f"{field}[{index}]", is_range=is_range)


def _meant(text: str) -> IPv4Network | IPv6Network | None:
    """Return the range that one with bits after its prefix stands for; None for any other."""
    try:
        ip_network(text)
    except ValueError:
        try:
            return ip_network(text, strict=False)
        except ValueError:
            return None
    return None
