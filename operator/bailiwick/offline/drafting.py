"""A first intent for a namespace, from the policies, Services and ways in that it has.

It opens what policies open today and no more; who calls whom where none says so is left to ask.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, Final

from bailiwick.api.meta import API_VERSION, INTENT_NAME
from bailiwick.offline.entrances import Entrance
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.table import WIDTH
from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.naming import slug
from bailiwick.policy.reach.kinds import network_policy
from bailiwick.policy.reach.model import PolicyKey
from bailiwick.policy.reach.workloads import Workloads
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import Selector
from bailiwick.reports.snippets import flow, rules_as_yaml

JSON = dict[str, Any]

_NAME: Final = "kubernetes.io/metadata.name"
_WHY: Final = "say why"
_SECTIONS: Final = (
    (Direction.INGRESS, "ingress", "from"),
    (Direction.EGRESS, "egress", "to"),
)
_DNS_PORT: Final = 53
_ABOUT: Final = (
    "A first intent for namespace {namespace}, from what is there. It isolates nothing until "
    "enforcement is Enforce: look at `bailiwick plan` before that, and say why each rule is needed."
)


@dataclass(slots=True)
class Draft:
    """Rules of an intent, and what a person has to look at."""

    namespace: str
    rules: list[JSON] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def as_yaml(self, profile: str) -> str:
        """Write the intent, in Audit, so that nothing is cut before somebody looked at it."""
        lines = [
            *_comment(_ABOUT.format(namespace=self.namespace)),
            *(line for remark in self.remarks for line in _comment(remark)),
            f"apiVersion: {API_VERSION}",
            "kind: SecurityIntent",
            f"metadata: {flow({'name': INTENT_NAME, 'namespace': self.namespace})}",
            "spec:",
            *([f"  profile: {flow(profile)}"] if profile else []),
            "  enforcement: Audit",
            "  network:",
        ]
        if not self.rules:
            return "\n".join([*lines, "    allow: []", ""])
        lines.append("    allow:")
        lines += [f"    {line}" for line in rules_as_yaml(list(self._named())).splitlines()]
        return "\n".join([*lines, ""])

    def _named(self) -> Iterator[JSON]:
        """Give every rule a name of its own."""
        used: Counter[str] = Counter()
        for rule in self.rules:
            name = slug(f"{_side(rule['from'])}-to-{_side(rule['to'])}", 60)
            used[name] += 1
            number = f"-{used[name]}" if used[name] > 1 else ""
            yield {"name": f"{name}{number}", **rule, "reason": _WHY}


def draft(
    inventory: Inventory,
    namespace: str,
    cluster: FixedCluster,
    today: Workloads,
    *,
    has_dns: bool,
) -> Draft:
    """Draft an intent; `today` is who can reach whom, and `has_dns`: the profile opens DNS."""
    drafter = _Drafter(namespace, cluster, today, has_dns)
    for policy in sorted(inventory.network_policies.values(), key=lambda each: each.name):
        if policy.namespace == namespace:
            key = PolicyKey(network_policy.KIND, namespace, policy.name)
            drafter.policy(policy, inventory.policies[key].sides)
    drafter.entrances(inventory.all_entrances())
    drafter.services()
    return drafter.draft


class _Drafter:
    def __init__(
        self, namespace: str, cluster: FixedCluster, today: Workloads, has_dns: bool
    ) -> None:
        self.draft = Draft(namespace)
        self._today = today
        self._namespace = namespace
        self._cluster = cluster
        self._has_dns = has_dns

    def policy(self, policy: NetworkPolicy, directions: Collection[Direction]) -> None:
        """Take over what a policy allows in these directions; what it says of others is void."""
        own = {"workload": _selector(policy.spec.get("podSelector"))}
        for direction, section, side in _SECTIONS:
            entries = policy.spec.get(section) if direction in directions else None
            for number, entry in enumerate(entries or ()):
                where = f"NetworkPolicy {policy.name}, {section}[{number}]"
                ports = list(self._ports(entry))
                for peer in self._peers((entry or {}).get(side), where):
                    if side == "to" and self._is_dns(peer, ports):
                        self._add({"workload": {}}, {"entity": "DNS"}, [])
                    elif side == "to":
                        self._add(own, peer, ports)
                    else:
                        self._add(peer, own, ports)

    def entrances(self, entrances: Iterable[Entrance]) -> None:
        """Let in whoever serves Ingresses and routes."""
        for each in sorted(entrances, key=str):
            if each.namespace == self._namespace:
                to = {"service": {"name": each.service}}
                ports = [each.port] if each.port is not None else []
                self._add({"entity": "IngressController"}, to, ports)

    def services(self) -> None:
        """Ask who calls the Services that no rule leads to."""
        for service in sorted(self._cluster.services(self._namespace), key=lambda s: s.name):
            if service.selector and not self._is_reached(service.name, service.selector):
                ports = ", ".join(str(port.number) for port in service.ports)
                self.draft.remarks.append(
                    f"Who calls Service {service.name} ({ports})? Add a rule with "
                    f"to: {{service: {{name: {service.name}}}}}."
                )

    def _is_reached(self, name: str, labels: Mapping[str, str]) -> bool:
        for rule in self.draft.rules:
            to = rule["to"]
            if to.get("service", {}).get("name") == name:
                return True
            if "workload" in to and "namespace" not in to:
                selector = Selector.from_json(to["workload"])
                pods = self._cluster.pods(self._namespace)
                behind = [p for p in pods if labels.items() <= p.labels.items()]
                if any(selector.matches(pod.labels) for pod in behind):
                    return True
        return False

    def _add(self, source: JSON, target: JSON, ports: list[Any]) -> None:
        rule: JSON = {"from": source, "to": target, **({"ports": ports} if ports else {})}
        if target == {"entity": "DNS"} and self._has_dns:
            return
        if rule not in self.draft.rules and self._is_possible(source, target):
            self.draft.rules.append(rule)

    def _is_possible(self, source: JSON, target: JSON) -> bool:
        """Say whether an edge in the namespace is possible today: a rule opens both its halves."""
        if source.keys() != {"workload"} or target.keys() != {"workload"}:
            return True
        graph = self._today.graph
        return any(
            graph.connection(one, other)
            for one in self._classes(source)
            for other in self._classes(target)
        )

    def _classes(self, peer: JSON) -> list[int]:
        selector = Selector.from_json(peer["workload"])
        classes = self._today.graph.classes
        return [
            number
            for number in self._today.numbers()
            if classes[number].namespace == self._namespace
            and selector.matches(dict(classes[number].signature.labels))
        ]

    def _peers(self, peers: Any, where: str) -> Iterator[JSON]:
        if not peers:
            self.draft.remarks.append(f"{where} is open to everyone: name who needs it instead.")
            yield {"entity": "Cluster"}
            yield {"entity": "Internet"}
            return
        for each in peers:
            peer = each or {}
            block = peer.get("ipBlock")
            if block is not None:
                yield _block(block)
            elif peer.get("namespaceSelector") is None:
                yield {"workload": _selector(peer.get("podSelector"))}
            else:
                yield from self._in_namespaces(peer, where)

    def _in_namespaces(self, peer: Mapping[str, Any], where: str) -> Iterator[JSON]:
        selector = Selector.from_json(peer["namespaceSelector"])
        workload = _selector(peer.get("podSelector"))
        if not selector and not workload:
            yield {"entity": "Cluster"}
            return
        found = [
            each.name
            for each in self._cluster.namespaces()
            if selector.matches({**each.labels, _NAME: each.name})
        ]
        named = dict(selector.match_labels).get(_NAME)
        for name in sorted(found or ([named] if named else [])):
            if name == self._namespace:
                yield {"workload": workload}
            else:
                yield {"namespace": name, **({"workload": workload} if workload else {})}
        if not found and not named:
            self.draft.remarks.append(f"{where} names namespaces by labels that none here has.")

    def _ports(self, entry: Mapping[str, Any] | None) -> Iterator[int | str]:
        for each in (entry or {}).get("ports") or ():
            port = each or {}
            protocol = port.get("protocol") or "TCP"
            number, last = port.get("port"), port.get("endPort")
            written: int | str = "1-65535" if number is None else number
            if number is not None and last is not None:
                written = f"{number}-{last}"
            yield written if protocol == "TCP" else f"{written}/{protocol}"

    def _is_dns(self, peer: JSON, ports: list[int | str]) -> bool:
        numbers = {re.sub("/.*", "", str(port)) for port in ports}
        if numbers != {str(_DNS_PORT)}:
            return False
        labels = (peer.get("workload") or {}).get("matchLabels") or {}
        in_system = peer.get("namespace") == "kube-system" or labels == {"k8s-app": "kube-dns"}
        return in_system or peer == {"entity": "Cluster"}


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="#   ")


def _selector(given: Mapping[str, Any] | None) -> JSON:
    return Selector.from_json(given).to_json()


def _block(block: Mapping[str, Any]) -> JSON:
    excluded = [str(ip_network(each, strict=False)) for each in block.get("except") or ()]
    found: JSON = {"cidr": str(ip_network(block["cidr"], strict=False))}
    return {**found, **({"except": excluded} if excluded else {})}


def _side(peer: Mapping[str, Any]) -> str:
    """Name one side of a rule, for the rule's name."""
    if "entity" in peer:
        return str(peer["entity"])
    if "service" in peer:
        return str(peer["service"]["name"])
    if "cidr" in peer:
        return str(peer["cidr"])
    labels = (peer.get("workload") or {}).get("matchLabels") or {}
    own = next(iter(labels.values()), "")
    return "-".join(filter(None, (peer.get("namespace", ""), own))) or "all"
