"""Peers that the cluster itself has, resolved from what it really runs.

What cannot be found is closed with a finding: an unknown API server never becomes "anywhere".
"""

from __future__ import annotations

from collections.abc import Iterable

from bailiwick.policy.facts import EndpointSlice, Protocol
from bailiwick.policy.network import addresses
from bailiwick.policy.network import dependencies as keys
from bailiwick.policy.network.reading import Closed
from bailiwick.policy.network.resolved import Ports, Resolved, Scope
from bailiwick.policy.network.services import target_port
from bailiwick.policy.network.specs import Opening, pods_of
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import Entity
from bailiwick.policy.selectors import Selector

DNS_PORT = 53
_DNS_PROTOCOLS: tuple[Protocol, ...] = ("TCP", "UDP")


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


def _dns(scope: Scope, ports: Ports, *, as_target: bool) -> Resolved:
    """Open the pods of the DNS Service, and the caches on the nodes where there are any."""
    openings: list[Opening] = []
    own_addresses: list[str] = []
    for namespace, name in keys.dns_candidates(scope.reading.settings):
        service = scope.reading.service(namespace, name, keys.DNS)
        if service is None or not service.selector:
            continue
        targets = {target_port(p) for p in service.ports if p.number == DNS_PORT}
        chosen = _restricted(targets, ports) if as_target else None
        if chosen != ():
            peer = pods_of(namespace, Selector.of(service.selector))
            openings.append(Opening((peer,), chosen))
            own_addresses += service.cluster_ips
    if not openings:
        raise Closed(
            "DNSUnknown",
            "the cluster's DNS Service was not found: name it in the operator's settings",
        )
    settings = scope.reading.settings
    cached = any(
        keys.is_node_local_dns(pod, settings)
        for pod in scope.reading.pods(settings.dns_namespace, keys.DNS)
    )
    if cached:
        # The caches run in the nodes' network and answer on their own and the Service's address.
        own = {Port.number(DNS_PORT, p) for p in _DNS_PROTOCOLS}
        peers = addresses.hosts([*settings.node_local_dns, *own_addresses])
        chosen = _restricted(own, ports) if as_target else None
        if chosen != ():
            openings.append(Opening(peers, chosen))
    return Resolved(tuple(openings))


def _api_server(scope: Scope, ports: Ports, *, as_target: bool) -> Resolved:
    slices = scope.reading.slices(*keys.API_SERVER_SERVICE, keys.API_SERVER)
    openings = [
        opening
        for each in slices
        if (opening := _of_slice(each, ports if as_target else None, as_target=as_target))
    ]
    if not openings:
        raise Closed(
            "APIServerUnknown",
            "the addresses of the API server are not known: the EndpointSlices of Service "
            "default/kubernetes name none that this rule's ports fit",
        )
    return Resolved(tuple(openings))


def _of_slice(slice_: EndpointSlice, ports: Ports, *, as_target: bool) -> Opening | None:
    peers = addresses.hosts(slice_.addresses) if slice_.address_type != "FQDN" else ()
    if not peers:
        return None
    if not as_target:
        return Opening(peers, None)
    own = {Port.number(p.number, p.protocol) for p in slice_.ports if p.number is not None}
    chosen = _restricted(own, ports)
    return Opening(peers, chosen) if chosen else None


def _nodes(scope: Scope, ports: Ports) -> Resolved:
    left, closed = scope.without_names(ports, "a node")
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


def _restricted(own: Iterable[Port], ports: Ports) -> tuple[Port, ...]:
    """Return the entity's own ports, or those of them that a rule names."""
    everything = tuple(sorted(set(own)))
    if ports is None:
        return everything
    return tuple(p for p in everything if any(_covers(each, p) for each in ports))


def _covers(asked: Port, own: Port) -> bool:
    if asked.protocol != own.protocol:
        return False
    if own.name or asked.name:
        return asked.name == own.name
    return asked.first <= own.first and own.last <= asked.last
