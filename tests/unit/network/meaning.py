"""What an intent declares, told of one connection at a time, from the words of the design.

The operator compiles rules to selectors and address blocks; here each rule is simply asked
whether it means this pod, that other end, and this port. It shares no code with the compiler.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import EndpointSlice, Service, ServicePort
from tests.unit.network.evaluator import Endpoint, Port, selects
from tests.unit.network.worlds import CLUSTER_IPS, METADATA, NODE, PUBLIC

JSON = dict[str, Any]
HERE = "shop"
EVERY_WORKLOAD: JSON = {"workload": {}}
CACHES = ("169.254.20.10", *CLUSTER_IPS)


@dataclass(frozen=True)
class Meaning:
    """The rules of the intent of shop in a cluster; nothing but them is open.

    `cilium` says whether Cilium enforces: it tells requests and host names apart, and takes no pod
    to be in a range of addresses.
    """

    cluster: FixedCluster
    rules: Sequence[JSON]
    isolated: Sequence[str]
    cilium: bool = False

    def allows_half(self, direction: str, pod: Endpoint, other: Endpoint, port: Port) -> bool:
        """Say whether our half of a connection is open: `pod` is the end in shop."""
        if direction not in self.isolated or pod.host_network:
            return True
        return any(self._opens(rule, direction, pod, other, port) for rule in self.rules)

    def _opens(
        self, rule: JSON, direction: str, pod: Endpoint, other: Endpoint, port: Port
    ) -> bool:
        source, target = rule.get("from", EVERY_WORKLOAD), rule.get("to", EVERY_WORKLOAD)
        if not (self._is_here(source) or self._is_here(target)):
            return False
        if "http" in rule and not (self.cilium and _carries_http(rule, port)):
            return False
        if "fqdn" in target and self.cilium:
            if rule.get("ports") and not any(map(_is_number, rule["ports"])):
                return False  # Nobody knows what number a name has on a host.
            # What has to be asked of DNS is open with it.
            target, rule = {"entity": "DNS"}, {}
        opener, taker = (pod, other) if direction == "Egress" else (other, pod)
        return (
            self._is_here(source if direction == "Egress" else target)
            and self._means(source, opener)
            and self._means(target, taker)
            and self._is_open_on(target, rule.get("ports", ()), taker, port)
        )

    def _is_here(self, peer: JSON) -> bool:
        """Say whether a side is pods of shop, which is what a half of ours is for."""
        if "service" in peer:
            service = self._service(peer)
            return service is not None and service.namespace == HERE and bool(service.selector)
        return (
            peer.get("namespace", HERE) == HERE
            if "workload" in peer or "namespace" in peer
            else False
        )

    def _means(self, peer: JSON, end: Endpoint) -> bool:
        """Say whether a side of a rule is this end of a connection, on whatever port."""
        if "service" in peer:
            return self._is_behind(self._service(peer), end)
        if "cidr" in peer:
            return self._is_in_block(peer, end.address)
        if "entity" in peer:
            return self._is_entity(peer["entity"], end)
        if "fqdn" in peer:
            return False
        return (
            end.is_restrictable
            and end.namespace == peer.get("namespace", HERE)
            and selects(peer.get("workload"), end.labels)
        )

    def _is_open_on(
        self, target: JSON, ports: Sequence[int | str], end: Endpoint, port: Port
    ) -> bool:
        """Say whether a rule means this port of its target."""
        if "service" in target:
            return self._is_port_of(self._service(target), ports, end, port)
        if target.get("entity") == "DNS":
            own = [each for each in self._dns() if self._is_behind(each, end)]
            cached = end.address in CACHES and port.number == 53
            return any(self._is_port_of(each, ports, end, port, only=53) for each in own) or (
                cached and any(self._served(each, ports, 53, port) for each in self._dns())
            )
        if target.get("entity") == "KubeAPIServer":
            service = self._find("default", "kubernetes")
            return (port.number, port.protocol) == (6443, "TCP") and (
                not ports
                or any(_is_asked(each, port, {}) for each in ports)
                or (service is not None and bool(_served_ports(service, ports)))
            )
        by_address = "cidr" in target or target.get("entity") in ("Internet", "Nodes")
        named = {} if by_address else end.named_ports
        return not ports or any(_is_asked(each, port, named) for each in ports)

    def _is_entity(self, entity: str, end: Endpoint) -> bool:
        match entity:
            case "Cluster":
                return end.is_restrictable
            case "Nodes":
                return end.address in NODE
            case "Internet":
                return end.address in PUBLIC and self._knows_its_own_ranges()
            case "IngressController":
                return (
                    end.is_restrictable
                    and end.namespace == "ingress"
                    and end.labels.get("app") == "gateway"
                )
            case "KubeAPIServer":
                return self._is_behind(self._find("default", "kubernetes"), end)
            case "DNS":
                found = self._dns()
                return any(self._is_behind(each, end) for each in found) or (
                    bool(found) and self._has_caches() and end.address in CACHES
                )
        raise AssertionError(entity)

    def _knows_its_own_ranges(self) -> bool:
        return any(node.pod_cidrs for node in self.cluster.all_nodes)

    def _has_caches(self) -> bool:
        return any(pod.labels.get("k8s-app") == "node-local-dns" for pod in self.cluster.all_pods)

    def _dns(self) -> list[Service]:
        found = self._find("kube-system", "kube-dns")
        return [found] if found else []

    def _is_in_block(self, peer: JSON, address: str) -> bool:
        ip = ip_address(address)
        return (
            not self._is_of_pod_alone(address)
            and ip in ip_network(peer["cidr"])
            and not any(ip in ip_network(hole) for hole in peer.get("except", ()))
            and address not in METADATA
        )

    def _is_of_pod_alone(self, address: str) -> bool:
        """Say whether no range of addresses means this one, since Cilium knows the pod."""
        restricted = (pod for pod in self.cluster.all_pods if not pod.host_network)
        return self.cilium and any(address in pod.addresses for pod in restricted)

    # Services

    def _service(self, peer: JSON) -> Service | None:
        named = peer["service"]
        return self._find(named.get("namespace", HERE), named["name"])

    def _find(self, namespace: str, name: str) -> Service | None:
        """Find a Service; one that is called after another of the cluster is that one."""
        for service in self.cluster.all_services:
            if (service.namespace, service.name) == (namespace, name):
                if service.type != "ExternalName":
                    return service
                host = service.external_name.removesuffix(".cluster.local").split(".")
                return self._find(host[1], host[0]) if host[-1] == "svc" else None
        return None

    def _is_behind(self, service: Service | None, end: Endpoint) -> bool:
        if service is None:
            return False
        if service.selector:
            return (
                end.is_restrictable
                and end.namespace == service.namespace
                and selects({"matchLabels": service.selector}, end.labels)
            )
        found = [address for each in self._slices(service) for address in each.addresses]
        return (
            end.address in found
            and not self._is_of_pod_alone(end.address)
            and not any(address in METADATA for address in found)
        )

    def _slices(self, service: Service) -> Iterable[EndpointSlice]:
        return [
            each
            for each in self.cluster.all_slices
            if (each.namespace, each.service) == (service.namespace, service.name)
        ]

    def _is_port_of(
        self,
        service: Service | None,
        ports: Sequence[int | str],
        end: Endpoint,
        port: Port,
        only: int | None = None,
    ) -> bool:
        if service is None:
            return False
        served = [p for p in _served_ports(service, ports) if only in (None, p.number)]
        if not service.selector:
            names = {each.name for each in served}
            return any(
                (each.number, each.protocol) == (port.number, port.protocol) and each.name in names
                for slice_ in self._slices(service)
                if end.address in slice_.addresses
                for each in slice_.ports
            )
        return any(
            each.protocol == port.protocol
            and port.number
            == (
                end.named_ports.get((each.target, each.protocol))
                if isinstance(each.target, str)
                else each.target
            )
            for each in served
        )

    def _served(
        self, service: Service, ports: Sequence[int | str], number: int, port: Port
    ) -> bool:
        return any(
            (each.number, each.protocol) == (number, port.protocol)
            for each in _served_ports(service, ports)
        )


def _served_ports(service: Service, ports: Sequence[int | str]) -> list[ServicePort]:
    """Return the ports of a Service that are meant: all, or by number, name, or else target."""
    if not ports:
        return list(service.ports)
    found = []
    for asked in ports:
        by_number = [p for p in service.ports if _is_asked(asked, Port(p.number, p.protocol), {})]
        by_name = [
            p
            for p in service.ports
            if str(asked).split("/")[0] in (p.name, p.target) and _protocol(asked) == p.protocol
        ]
        by_target = [
            p
            for p in service.ports
            if isinstance(p.target, int) and _is_asked(asked, Port(p.target, p.protocol), {})
        ]
        found += by_number or by_name or by_target
    return found


def _carries_http(rule: JSON, port: Port) -> bool:
    """Say whether requests can be told apart on this port of a rule."""
    ports, target = rule.get("ports", ()), rule.get("to", EVERY_WORKLOAD)
    has_own = "service" in target or target.get("entity") in ("DNS", "KubeAPIServer")
    told = bool(ports or has_own) and all(_protocol(each) == "TCP" for each in ports)
    return told and ("fqdn" in target or port.protocol == "TCP")


def _is_number(asked: int | str) -> bool:
    """Say whether `asked` is a number or a range, and not a name."""
    return str(asked).split("/")[0].replace("-", "").isdigit()


def _is_asked(asked: int | str, port: Port, named: Any) -> bool:
    """Say whether `asked`, in the syntax of an intent, is this port."""
    body = str(asked).split("/")[0]
    if _protocol(asked) != port.protocol:
        return False
    if not body[0].isdigit():
        return bool(named.get((body, port.protocol)) == port.number)
    first, _, last = body.partition("-")
    return int(first) <= port.number <= int(last or first)


def _protocol(asked: int | str) -> str:
    return [*str(asked).split("/"), "TCP"][1]
