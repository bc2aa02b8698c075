"""What policies of every kind allow, told of one connection between two addresses at a time.

It goes on from the evaluator of NetworkPolicy, and like that one was written from the words of
the APIs' documentation alone, so that the engine can be held against it: it shares no code with
the engine. Where a rule may or may not match, each way is tried.
NetworkPolicy: https://kubernetes.io/docs/concepts/services-networking/network-policies/
The policies of the cluster: https://network-policy-api.sigs.k8s.io/
Cilium's are told of beside this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import product

from tests.unit.network.evaluator import (
    JSON,
    Port,
    in_block,
    is_port,
    policy_types,
    selects,
)
from tests.unit.reach import cilium_evaluator
from tests.unit.reach.cilium_evaluator import Known, any_known
from tests.unit.reach.cluster_policy_fields import End, is_cluster_port, priority_of, tier_of


@dataclass(frozen=True)
class Cluster:
    """Labels of namespaces, nodes, and policies as the API's JSON.

    `blocks_cover_pods`: whether the network plugin takes an ipBlock to hold for pods and nodes.
    Where it does not for pods, it is not known of nodes: in Cilium that is a setting.
    """

    namespaces: Mapping[str, Mapping[str, str]]
    nodes: Sequence[JSON]
    policies: Sequence[JSON]
    blocks_cover_pods: Known

    def allows(self, source: End, target: End, port: Port) -> Known:
        """Say whether a connection is possible: both halves have to allow it."""
        if ip_address(source.address).version != ip_address(target.address).version:
            return False
        halves = {
            self.allows_half("Egress", source, target, port),
            self.allows_half("Ingress", target, source, port),
        }
        return False if False in halves else None if None in halves else True

    def allows_half(self, direction: str, pod: End, other: End, port: Port) -> Known:
        """Say whether the policies of one end allow it: `pod` opens it, or for Ingress takes it."""
        outcomes = set(self._outcomes(_Question(direction, pod, other, port)))
        return outcomes.pop() if len(outcomes) == 1 else None

    def _outcomes(self, asked: _Question) -> Iterator[bool]:
        if not asked.pod.is_restrictable:
            yield True
            return
        for verdict in self._verdicts("Admin", asked):
            if verdict in ("Allow", "Deny"):
                yield verdict == "Allow"
            else:
                yield from self._after_admin(asked)

    def _after_admin(self, asked: _Question) -> Iterator[bool]:
        """Tell of the policies of the namespace: Cilium's denials win over whatever is allowed."""
        ciliums = self._ciliums(asked)
        section = asked.direction.lower()
        denied = any_known(
            cilium_evaluator.matches(policy, f"{section}Deny", self._of_cilium(asked))
            for policy in ciliums
        )
        if denied is not False:
            yield False
        if denied:
            return
        specs = [
            policy["spec"]
            for policy in self.policies
            if policy["kind"] == "NetworkPolicy"
            and policy["metadata"]["namespace"] == asked.pod.namespace
            and selects(policy["spec"].get("podSelector"), asked.pod.labels)
            and asked.direction in policy_types(policy["spec"])
        ]
        isolating = [
            policy
            for policy in ciliums
            if cilium_evaluator.isolates(policy["spec"], asked.direction)
        ]
        if specs or isolating:
            allowed = any_known(
                cilium_evaluator.matches(policy, section, self._of_cilium(asked))
                for policy in ciliums
            )
            # By Cilium a node reaches its pods, and is reached by them as policies say.
            spares_node = not isolating or asked.direction == "Ingress"
            yield from self._isolated(specs, allowed, spares_node, asked)
            return
        for verdict in self._verdicts("Baseline", asked):
            yield verdict != "Deny"

    def _ciliums(self, asked: _Question) -> list[JSON]:
        return [
            policy
            for policy in self.policies
            if policy["kind"] in cilium_evaluator.KINDS
            and cilium_evaluator.is_selected(policy, self._of_cilium(asked))
        ]

    def _of_cilium(self, asked: _Question) -> cilium_evaluator.Asked:
        ends = {end.namespace for end in (asked.pod, asked.other) if end.namespace}
        return cilium_evaluator.Asked(
            asked.direction,
            asked.pod,
            asked.other,
            asked.port,
            {name: self._labels_of(name) for name in ends},
            {address for node in self.nodes for address in node["addresses"]},
            self.blocks_cover_pods,
        )

    def _isolated(
        self, specs: Sequence[JSON], allowed: Known, spares_node: bool, asked: _Question
    ) -> Iterator[bool]:
        """Tell of a pod that policies isolate: what no rule allows is denied.

        `allowed` is what rules of Cilium's say.
        """
        if spares_node and asked.other.host_network and asked.other.node == asked.pod.node:
            yield True
            return
        peers, section = ("to", "egress") if asked.direction == "Egress" else ("from", "ingress")
        matches = {allowed} | {
            self._is_any_peer(rule.get(peers), asked)
            for spec in specs
            for rule in spec.get(section) or ()
            if is_port(rule.get("ports"), asked.target, asked.port)
        }
        if True in matches:
            yield True
        else:
            yield False
            if None in matches:
                yield True

    def _is_any_peer(self, peers: Sequence[JSON] | None, asked: _Question) -> Known:
        return True if not peers else any_known(self._is_peer(peer, asked) for peer in peers)

    def _is_peer(self, peer: JSON, asked: _Question) -> Known:
        other = asked.other
        if "ipBlock" in peer:
            inside = in_block(peer["ipBlock"], other.address)
            if inside and other.namespace:
                covers = self.blocks_cover_pods
                return (covers or None) if other.host_network else covers
            return inside
        if not other.is_restrictable:
            return False
        if "namespaceSelector" not in peer and other.namespace != asked.pod.namespace:
            return False
        return selects(peer.get("namespaceSelector"), self._labels_of(other.namespace)) and selects(
            peer.get("podSelector"), other.labels
        )

    def _verdicts(self, tier: str, asked: _Question) -> set[str]:
        """Return what a tier of the cluster's policies may come to; "Pass" if to nothing."""
        policies = [
            policy
            for policy in self.policies
            if tier_of(policy) == tier and self._is_subject(policy["spec"]["subject"], asked.pod)
        ]
        found: set[str] = set()
        for priority in sorted({priority_of(policy) for policy in policies}):
            each = [
                self._verdicts_of(policy, asked)
                for policy in policies
                if priority_of(policy) == priority
            ]
            undecided = False
            for combination in product(*each):
                # Any of the policies of one priority that match may be the one that is applied.
                matching = [verdict for verdict in combination if verdict]
                found.update(matching)
                undecided = undecided or not matching
            if not undecided:
                return found
        return found | {"Pass"}

    def _verdicts_of(self, policy: JSON, asked: _Question) -> set[str]:
        """Return what one policy may say; "" where none of its rules may match."""
        found: set[str] = set()
        for rule in policy["spec"].get(asked.direction.lower()) or ():
            ports = rule.get("protocols" if policy["kind"] == "ClusterNetworkPolicy" else "ports")
            if ports and not any(is_cluster_port(each, asked.target, asked.port) for each in ports):
                continue
            peers = rule["to" if asked.direction == "Egress" else "from"]
            matches = any_known(self._is_cluster_peer(peer, asked.other) for peer in peers)
            if matches is not False:
                found.add("Allow" if rule["action"] == "Accept" else rule["action"])
            if matches:
                return found
        return found | {""}

    def _is_cluster_peer(self, peer: JSON, other: End) -> Known:
        if "namespaces" in peer or "pods" in peer:
            return self._is_subject(peer, other)
        if "networks" in peer:
            return any(in_block({"cidr": cidr}, other.address) for cidr in peer["networks"])
        if "nodes" in peer:
            return self._is_node(peer["nodes"], other)
        if "domainNames" in peer:
            return False if other.is_restrictable else None
        return None

    def _is_node(self, selector: JSON, other: End) -> Known:
        """Say it of a pod by the node that it is on, and of what is outside by the address."""
        if other.is_restrictable:
            return False
        if other.namespace:
            if not any(selector.values()):
                return True
            its = [node for node in self.nodes if node["name"] == other.node]
            return selects(selector, its[0]["labels"]) if its else None
        return any(
            selects(selector, node["labels"]) and other.address in node["addresses"]
            for node in self.nodes
        )

    def _is_subject(self, subject: JSON, pod: End) -> bool:
        if not pod.is_restrictable:
            return False
        labels = self._labels_of(pod.namespace)
        if "namespaces" in subject:
            return selects(subject["namespaces"], labels)
        pods = subject["pods"]
        return selects(pods.get("namespaceSelector"), labels) and selects(
            pods.get("podSelector"), pod.labels
        )

    def _labels_of(self, namespace: str) -> Mapping[str, str]:
        return {**self.namespaces.get(namespace, {}), "kubernetes.io/metadata.name": namespace}


@dataclass(frozen=True)
class _Question:
    """One half of a connection: may `pod` have it with `other`, on this port of the target."""

    direction: str
    pod: End
    other: End
    port: Port

    @property
    def target(self) -> End:
        return self.other if self.direction == "Egress" else self.pod
