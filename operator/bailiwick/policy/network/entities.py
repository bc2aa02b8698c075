"""Peers that the cluster itself has, resolved from what it really runs.

What cannot be found is closed with a finding: an unknown API server never becomes "anywhere".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bailiwick.policy.dialects import Dialect
from bailiwick.policy.facts import EndpointSlice, Service, ServicePort
from bailiwick.policy.network import addresses, cilium
from bailiwick.policy.network import dependencies as keys
from bailiwick.policy.network.reading import Closed, Reading
from bailiwick.policy.network.resolved import Ports, Resolved, Scope
from bailiwick.policy.network.services import meant, of_slice, target_port
from bailiwick.policy.network.specs import Opening, pods_of
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import Entity
from bailiwick.policy.selectors import Selector

DNS_PORT = 53


def resolve(scope: Scope, entity: Entity, ports: Ports, *, as_target: bool) -> Resolved:
    """Resolve an entity; the rule's ports restrict the entity's own."""
    match entity:
        case Entity.INTERNET:
            return addresses.internet(scope, ports)
        case Entity.DNS:
            return _dns(scope, ports, as_target=as_target)
        case Entity.KUBE_API_SERVER:
            return _api_server(scope, ports, as_target=as_target)
        case Entity.NODES:
            return _nodes(scope, ports)
        case Entity.INGRESS_CONTROLLER:
            return _ingress_controllers(scope, ports)
        case Entity.CLUSTER:
            return Resolved((Opening(({"namespaceSelector": {}},), ports),))


def is_cached(reading: Reading) -> bool:
    """Say whether there are DNS caches on the nodes."""
    settings = reading.settings
    return any(
        keys.is_node_local_dns(pod, settings)
        for pod in reading.pods(settings.dns_namespace, keys.DNS)
    )


def _dns(scope: Scope, ports: Ports, *, as_target: bool) -> Resolved:
    """Open what is behind the DNS Services, and the caches on the nodes where there are any."""
    settings = scope.reading.settings
    found: list[_Served] = []
    for namespace, name in keys.dns_candidates(settings):
        service = scope.reading.service(namespace, name, keys.DNS)
        if service is not None:
            known = tuple(p for p in service.ports if p.number == DNS_PORT)
            found.append(_Served(service, known, _meant(known, ports)))
    openings = [o for each in found for o in _of_service(scope, each, as_target=as_target)]
    if not openings:
        raise Closed(
            "DNSUnknown",
            "no DNS Service with endpoints and this rule's ports was found: name it in the "
            "operator's settings --dns-namespace and --dns-service, or leave out the rule's ports",
        )
    if is_cached(scope.reading):
        # The caches run in the nodes' network and answer on their own and the Service's address.
        own = [ip for each in found if each.meant for ip in each.service.cluster_ips]
        peers = addresses.hosts([*settings.node_local_dns, *own])
        if scope.dialect is Dialect.CILIUM:
            peers = (cilium.NODE_ITSELF,)
        protocols = sorted({port.protocol for each in found for port in each.meant})
        numbers = tuple(Port.number(DNS_PORT, each) for each in protocols)
        openings.append(Opening(peers, numbers if as_target else None))
    closed = _tell_unknown(scope, "DNS", [p for e in found for p in e.known], ports)
    return Resolved(tuple(openings), closed_ports=closed)


@dataclass(frozen=True, slots=True)
class _Served:
    """A Service of an entity, its ports that count, and which of them a rule means."""

    service: Service
    known: tuple[ServicePort, ...]
    meant: tuple[ServicePort, ...]


def _of_service(scope: Scope, served: _Served, *, as_target: bool) -> list[Opening]:
    service, meant = served.service, served.meant
    if not meant:
        return []
    if service.selector:
        peer = pods_of(service.namespace, Selector.of(service.selector))
        targets = tuple(sorted(set(map(target_port, meant))))
        return [Opening((peer,), targets if as_target else None)]
    slices = scope.reading.slices(service.namespace, service.name, keys.DNS)
    return [opening for each in slices if (opening := _of_slice(each, meant, as_target=as_target))]


def _api_server(scope: Scope, ports: Ports, *, as_target: bool) -> Resolved:
    """Open the addresses behind the Service `kubernetes`, each on the port it listens on."""
    slices = scope.reading.slices(*keys.API_SERVER_SERVICE, keys.API_SERVER)
    asked = ports if as_target else None
    service = scope.reading.service(*keys.API_SERVER_SERVICE, keys.API_SERVER) if asked else None
    # The Service's ports are what people know; the slices' own are what is listened on.
    known = list(service.ports) if service else []
    names = {port.name for port in _meant(known, asked)}
    openings = []
    for each in slices:
        own = [
            ServicePort(p.number, p.number, p.protocol, p.name)
            for p in each.ports
            if p.number is not None
        ]
        chosen = [p for p in own if p.name in names or _meant((p,), asked)]
        known += own
        if opening := _of_slice(each, chosen, as_target=as_target):
            if scope.dialect is Dialect.CILIUM:
                opening = replace(opening, peers=(cilium.API_SERVER,))
            openings.append(opening)
    if not openings:
        raise Closed(
            "APIServerUnknown",
            "the addresses of the API server are not known: the EndpointSlices of Service "
            "default/kubernetes name none that this rule's ports fit",
        )
    closed = _tell_unknown(scope, "KubeAPIServer", known, asked)
    return Resolved(tuple(openings), closed_ports=closed)


def _of_slice(
    slice_: EndpointSlice, served: Iterable[ServicePort], *, as_target: bool
) -> Opening | None:
    peers = addresses.hosts(slice_.addresses) if slice_.address_type != "FQDN" else ()
    numbers = of_slice(slice_, served)
    if not peers or not numbers:
        return None
    return Opening(peers, numbers if as_target else None)


def _nodes(scope: Scope, ports: Ports) -> Resolved:
    left, closed = scope.without_names(ports, "a node")
    if scope.dialect is Dialect.CILIUM:
        return Resolved((Opening((cilium.NODES,), left),), closed_ports=closed)
    found = {a for node in scope.reading.nodes(keys.NODES) for a in node.addresses}
    limit = scope.reading.settings.node_limit
    if not found:
        raise Closed("NodesUnknown", "the addresses of the nodes are not known")
    if len(found) > limit:
        raise Closed(
            "TooManyNodes",
            f"the nodes have {len(found)} addresses, and one rule may become {limit} at most: name "
            "their range as a cidr, or ask the platform team for a higher --node-limit",
        )
    return Resolved((Opening(addresses.hosts(found), left),), closed_ports=closed)


def _ingress_controllers(scope: Scope, ports: Ports) -> Resolved:
    known = scope.reading.settings.ingress_controllers
    scope.reading.looked_at.add(keys.INGRESS_CONTROLLERS)
    if not known:
        raise Closed(
            "IngressControllerUnknown",
            "the ingress controller is not known: name its pods in the operator's setting "
            "--ingress-controller, or write its namespace in the rule",
        )
    peers = tuple(pods_of(each.namespace, each.selector) for each in known)
    return Resolved((Opening(peers, ports),))


def _meant(served: Iterable[ServicePort], ports: Ports) -> tuple[ServicePort, ...]:
    """Return the entity's ports, or those of them that a rule means."""
    everything = tuple(served)
    if ports is None:
        return everything
    found = {each for port in ports for each in meant(port, everything)}
    return tuple(each for each in everything if each in found)


def _tell_unknown(scope: Scope, what: str, served: Iterable[ServicePort], ports: Ports) -> int:
    """Tell of ports of a rule that the entity does not have, and return how many they are."""
    everything = tuple(served)
    unknown = [port for port in ports or () if not meant(port, everything)]
    if unknown:
        listed = ", ".join(map(str, unknown))
        scope.tell(
            "UnresolvedPort",
            f"{what} does not listen on {listed}: leave it out",
            "closed",
            what,
        )
    return len(unknown)
