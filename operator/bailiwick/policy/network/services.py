"""Services, resolved to the pods or addresses behind them and to their target ports.

A NetworkPolicy is held against what a connection ends at, so the Service's own addresses and
ports mean nothing to it: its selector, its target ports and its EndpointSlices do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bailiwick.policy.facts import EndpointSlice, Service, ServicePort
from bailiwick.policy.network import addresses
from bailiwick.policy.network.reading import Closed
from bailiwick.policy.network.resolved import Ports, Resolved, Scope
from bailiwick.policy.network.specs import Opening, own_pods, pods_of
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import ServicePeer
from bailiwick.policy.selectors import Selector

_CLUSTER_SUFFIXES = (".svc.cluster.local", ".svc")
_MOST_ALIASES = 5


def resolve(scope: Scope, peer: ServicePeer, ports: Ports, *, as_target: bool) -> Resolved:
    """Resolve a Service: who is behind it and, as the target of a rule, on what ports.

    Raises Closed where there is no such Service or nothing behind it can be named.
    """
    service, held = _find(scope, peer)
    if not service.selector:
        return _by_addresses(scope, service, ports, held=held, as_target=as_target)
    targets, closed = None, 0
    if as_target:
        served, closed = _served(scope, service, service.ports, ports)
        targets = tuple(sorted(set(map(target_port, served))))
    selector = Selector.of(service.selector)
    scope.check_names(service.namespace, selector, targets)
    if service.namespace == scope.effective.namespace:
        opening = Opening((own_pods(selector),), targets)
        return Resolved((opening,), (selector,), closed)
    opening = Opening((pods_of(service.namespace, selector),), targets)
    return Resolved((opening,), closed_ports=closed)


def target_port(port: ServicePort) -> Port:
    """Return the port that pods listen on; a name stays one, since each pod resolves it."""
    if isinstance(port.target, int):
        return Port.number(port.target, port.protocol)
    return Port.named(port.target, port.protocol)


def meant(port: Port, served: Iterable[ServicePort]) -> list[ServicePort]:
    """Return the ports of a Service that a rule's port means.

    That is by its name, or that of the target port; by number, the Service's own come first,
    and where none of them is meant, target ports.
    """
    same = [each for each in served if each.protocol == port.protocol]
    if port.name:
        return [each for each in same if port.name in (each.name, each.target)]
    own = [each for each in same if port.first <= each.number <= port.last]
    return own or [
        each
        for each in same
        if isinstance(each.target, int) and port.first <= each.target <= port.last
    ]


def of_slice(slice_: EndpointSlice, served: Iterable[ServicePort]) -> tuple[Port, ...]:
    """Return the numbers that ports of a Service have in one of its slices, sorted.

    A slice port without a number would be every port, which no Service means: it is left out.
    """
    names = {port.name for port in served}
    numbers = {
        Port.number(port.number, port.protocol)
        for port in slice_.ports
        if port.number is not None and port.name in names
    }
    return tuple(sorted(numbers))


def _find(scope: Scope, peer: ServicePeer) -> tuple[Service, bool]:
    """Find the Service, through names of type ExternalName that stand for another Service.

    Returns with it whether what it leads to is held to what the intent may name. An allowance
    of the profile is held to that too where it leads through a Service of this namespace,
    which the intent's own team may change.
    """
    here = scope.effective.namespace
    namespace, name = peer.namespace, peer.name
    held = not scope.rule.from_profile
    for _ in range(_MOST_ALIASES):
        if namespace != here:
            scope.check_namespace(namespace, held=held)
        held = held or namespace == here
        service = scope.reading.service(namespace, name)
        if service is None:
            raise Closed(
                "ServiceNotFound",
                f"there is no Service {namespace}/{name}: correct the name, or create it",
            )
        if service.type != "ExternalName":
            return service, held
        alias = _named_in_cluster(service.external_name)
        if alias is None:
            raise Closed(
                "NotEnforceable",
                f"Service {namespace}/{name} stands for the host {service.external_name}, and "
                "nothing here can restrict traffic by host name: name the addresses as a cidr",
            )
        name, namespace = alias
    raise Closed(
        "ServiceNotFound",
        f"Service {peer.namespace}/{peer.name} leads through more than {_MOST_ALIASES} names of "
        "type ExternalName: name the last Service itself",
    )


def _named_in_cluster(host: str) -> tuple[str, str] | None:
    for suffix in _CLUSTER_SUFFIXES:
        body = host.rstrip(".").removesuffix(suffix)
        if body != host.rstrip(".") and body.count(".") == 1:
            name, _, namespace = body.partition(".")
            return name, namespace
    return None


def _served(
    scope: Scope, service: Service, known: Sequence[ServicePort], ports: Ports
) -> tuple[list[ServicePort], int]:
    """Return which of the `known` ports a rule means, and how many of the rule's are none of them.

    Raises Closed where no port is left.
    """
    what = f"Service {service.namespace}/{service.name}"
    if not known:
        raise Closed(
            "UnresolvedPort",
            f"{what} has no ports: add them, or name its pods as a workload",
        )
    if ports is None:
        return list(known), 0
    unknown = [port for port in ports if not meant(port, known)]
    if unknown:
        message = (
            f"{what} has no port {', '.join(map(str, unknown))}; "
            f"it has: {', '.join(sorted(map(_as_written, known)))}"
        )
        if len(unknown) == len(ports):
            raise Closed("UnresolvedPort", message)
        scope.tell("UnresolvedPort", message, "closed", what)
    return [each for port in ports for each in meant(port, known)], len(unknown)


def _as_written(port: ServicePort) -> str:
    number = str(Port.number(port.number, port.protocol))
    return f"{number} ({port.name})" if port.name else number


def _by_addresses(
    scope: Scope, service: Service, ports: Ports, *, held: bool, as_target: bool
) -> Resolved:
    """Resolve a Service without a selector to the addresses that somebody gave it.

    `held` says whether these are held to what an intent may name.
    """
    what = f"Service {service.namespace}/{service.name}"
    slices = [
        each
        for each in scope.reading.slices(service.namespace, service.name)
        if each.address_type != "FQDN" and each.addresses
    ]
    if not slices:
        raise Closed("NoEndpoints", f"{what} has no selector and no addresses: add EndpointSlices")
    limit = scope.reading.settings.address_limit
    count = len({address for each in slices for address in each.addresses})
    if count > limit:
        raise Closed("TooManyAddresses", f"{what} has {count} addresses, {limit} at most")
    peers = [addresses.behind_service(scope, what, s.addresses, held=held) for s in slices]
    if not as_target:
        return Resolved(tuple(Opening(each, None) for each in peers))
    known = [port for port in service.ports if any(of_slice(s, (port,)) for s in slices)]
    served, closed = _served(scope, service, known, ports)
    numbers = [of_slice(each, served) for each in slices]
    openings = tuple(Opening(p, n) for p, n in zip(peers, numbers, strict=True) if n)
    return Resolved(openings, closed_ports=closed)
