"""Services, resolved to the pods or addresses behind them and to their target ports.

A NetworkPolicy is held against what a connection ends at, so the Service's own addresses and
ports mean nothing to it: its selector, its target ports and its EndpointSlices do.
"""

from __future__ import annotations

from bailiwick.policy.facts import EndpointSlice, Service, ServicePort
from bailiwick.policy.limits import within
from bailiwick.policy.network import addresses
from bailiwick.policy.network.reading import Closed
from bailiwick.policy.network.resolved import Ports, Resolved, Scope
from bailiwick.policy.network.specs import Opening, own_pods, pods_of
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import ServicePeer
from bailiwick.policy.selectors import Selector

_CLUSTER_SUFFIXES = (".svc.cluster.local", ".svc")
_MOST_ALIASES = 5


def resolve(scope: Scope, peer: ServicePeer, ports: Ports, as_target: bool) -> Resolved:
    """Resolve a Service: who is behind it and, as the target of a rule, on what ports.

    Raises Closed where there is no such Service or nothing behind it can be named.
    """
    service = _find(scope, peer)
    here = scope.effective.namespace
    if service.namespace != here:
        scope.check_namespace(service.namespace)
    if not service.selector:
        return _by_addresses(scope, service, ports, as_target=as_target)
    targets, closed = _targets(scope, service, ports) if as_target else (None, 0)
    selector = Selector.of(service.selector)
    scope.check_names(service.namespace, selector, targets)
    if service.namespace == here:
        opening = Opening((own_pods(selector),), targets)
        return Resolved((opening,), (selector,), closed)
    opening = Opening((pods_of(service.namespace, selector),), targets)
    return Resolved((opening,), closed_ports=closed)


def target_port(port: ServicePort) -> Port:
    """Return the port that pods listen on; a name stays one, since each pod resolves it."""
    if isinstance(port.target, int):
        return Port.number(port.target, port.protocol)
    return Port.named(port.target, port.protocol)


def _find(scope: Scope, peer: ServicePeer) -> Service:
    """Find the Service, through names of type ExternalName that stand for another Service."""
    namespace, name = peer.namespace, peer.name
    for _ in range(_MOST_ALIASES):
        service = scope.reading.service(namespace, name)
        if service is None:
            raise Closed(
                "ServiceNotFound",
                f"there is no Service {namespace}/{name}: correct the name, or create it",
            )
        if service.type != "ExternalName":
            return service
        alias = _named_in_cluster(service.external_name)
        if alias is None:
            raise Closed(
                "FQDNNotEnforceable",
                f"Service {namespace}/{name} stands for the host {service.external_name}, and "
                "nothing here can restrict traffic by host name: name the addresses as a cidr",
            )
        name, namespace = alias
        if namespace != scope.effective.namespace:
            scope.check_namespace(namespace)
    raise Closed("ServiceNotFound", f"Service {peer.namespace}/{peer.name} stands for itself")


def _named_in_cluster(host: str) -> tuple[str, str] | None:
    for suffix in _CLUSTER_SUFFIXES:
        body = host.rstrip(".").removesuffix(suffix)
        if body != host.rstrip(".") and body.count(".") == 1:
            name, _, namespace = body.partition(".")
            return name, namespace
    return None


def _targets(scope: Scope, service: Service, ports: Ports) -> tuple[tuple[Port, ...], int]:
    """Return the target ports that a rule means, and how many of its ports there are not."""
    found: set[Port] = set()
    unknown: list[Port] = []
    for port in ports or (None,):
        matching = [p for p in service.ports if port is None or _means(port, p)]
        if port is not None and not matching:
            unknown.append(port)
        found.update(map(target_port, matching))
    if unknown:
        known = ", ".join(_as_written(p) for p in service.ports) or "none"
        message = (
            f"Service {service.namespace}/{service.name} has no port "
            f"{', '.join(map(str, unknown))}; it has: {known}"
        )
        if not found:
            raise Closed("ServicePortUnknown", message)
        scope.tell("ServicePortUnknown", message, "closed")
    if not found:
        raise Closed(
            "ServicePortUnknown",
            f"Service {service.namespace}/{service.name} has no ports: add them, or name its "
            "pods as a workload",
        )
    return tuple(sorted(found)), len(unknown)


def _means(port: Port, served: ServicePort) -> bool:
    """Say whether a rule's port is this one of the Service: by its name, number or target."""
    if port.protocol != served.protocol:
        return False
    if port.name:
        return port.name in (served.name, served.target)
    return port.first <= served.number <= port.last


def _as_written(port: ServicePort) -> str:
    number = str(Port.number(port.number, port.protocol))
    return f"{number} ({port.name})" if port.name else number


def _by_addresses(scope: Scope, service: Service, ports: Ports, *, as_target: bool) -> Resolved:
    """Resolve a Service without a selector to the addresses that somebody gave it."""
    slices = [
        each
        for each in scope.reading.slices(service.namespace, service.name)
        if each.address_type != "FQDN"
    ]
    found = sorted({address for each in slices for address in each.addresses})
    what = f"Service {service.namespace}/{service.name}"
    if not found:
        raise Closed("NoEndpoints", f"{what} has no selector and no addresses: add EndpointSlices")
    limit = scope.reading.settings.address_limit
    if len(found) > limit:
        raise Closed("TooManyAddresses", f"{what} has {len(found)} addresses, {limit} at most")
    if not scope.rule.from_profile:
        _hold_to_profile(scope, what, found)
    openings = [_opening(each, service, ports, as_target=as_target) for each in slices]
    possible = tuple(opening for opening in openings if opening is not None)
    if not possible:
        raise Closed("ServicePortUnknown", f"{what} has none of the rule's ports")
    return Resolved(possible)


def _hold_to_profile(scope: Scope, what: str, found: list[str]) -> None:
    allowed = scope.effective.may_declare.cidrs
    beyond = [a for a in found if not within(addresses.parse(a).compressed, allowed)]
    cut = [a for a in found if addresses.parse(a) in addresses.METADATA]
    if beyond or cut:
        raise Closed(
            "AddressNotAllowed",
            f"{what} leads to {(beyond or cut)[0]}, which profile {scope.effective.profile} does "
            "not let intents name: ask the platform team",
        )


def _opening(
    slice_: EndpointSlice, service: Service, ports: Ports, *, as_target: bool
) -> Opening | None:
    peers = addresses.hosts(slice_.addresses)
    if not peers:
        return None
    if not as_target:
        return Opening(peers, None)
    names = {
        p.name for p in service.ports if ports is None or any(_means(each, p) for each in ports)
    }
    chosen = [p for p in slice_.ports if p.name in names]
    if any(p.number is None for p in chosen):
        return Opening(peers, None) if ports is None else None
    numbers = tuple(sorted({Port.number(p.number or 0, p.protocol) for p in chosen}))
    return Opening(peers, numbers) if numbers else None
