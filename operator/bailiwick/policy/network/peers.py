"""The sides of a rule, resolved to what the policies of its dialect can say.

A side that lies in the namespace has selectors, for the policy of its own half. Every side
has openings, as the policy of the other half names it.
"""

from __future__ import annotations

from dataclasses import replace

from bailiwick.policy.dialects import Dialect
from bailiwick.policy.effective import EffectiveIntent
from bailiwick.policy.network import addresses, cilium, entities, services
from bailiwick.policy.network.model import NetworkFinding
from bailiwick.policy.network.reading import Closed, Reading
from bailiwick.policy.network.resolved import Ports, Resolved, Scope
from bailiwick.policy.network.specs import Opening, own_pods, pods_of
from bailiwick.policy.rules import (
    CIDRPeer,
    Entity,
    EntityPeer,
    FQDNPeer,
    NamespacePeer,
    Peer,
    Rule,
    ServicePeer,
    WorkloadPeer,
)

FQDN_CLOSED = (
    "nothing that is known to enforce policies can restrict traffic by host name: name the "
    "addresses as a cidr, or ask the platform team"
)


def is_local(peer: Peer | None, namespace: str) -> bool:
    """Say whether a side of a rule lies in this namespace."""
    match peer:
        case None | WorkloadPeer():
            return True
        case NamespacePeer() | ServicePeer():
            return peer.namespace == namespace
        case _:
            return False


class Resolver:
    """Resolves the two sides of one rule."""

    def __init__(
        self,
        effective: EffectiveIntent,
        reading: Reading,
        rule: Rule,
        findings: list[NetworkFinding],
        dialect: Dialect,
    ) -> None:
        self._rule = rule
        self._scope = Scope(effective, reading, rule, findings, dialect)

    def source(self) -> Resolved:
        """Resolve who may open connections; on what ports is the other side's to say."""
        return self._resolve(self._rule.source, None, as_target=False)

    def target(self) -> Resolved:
        """Resolve who may be reached, and on what ports."""
        ports = tuple(sorted(set(self._rule.ports))) or None
        return self._resolve(self._rule.target, ports, as_target=True)

    def _resolve(self, peer: Peer | None, ports: Ports, *, as_target: bool) -> Resolved:
        here = self._scope.effective.namespace
        match peer:
            case None:
                return self._own(WorkloadPeer(), ports)
            case WorkloadPeer():
                return self._own(peer, ports)
            case NamespacePeer(namespace, selector) if namespace == here:
                return self._own(WorkloadPeer(selector), ports)
            case NamespacePeer(namespace, selector):
                self._scope.check_namespace(namespace, held=not self._rule.from_profile)
                self._scope.check_names(namespace, selector, ports)
                return Resolved((Opening((pods_of(namespace, selector),), ports),))
            case ServicePeer():
                return services.resolve(self._scope, peer, ports, as_target=as_target)
            case CIDRPeer():
                return addresses.resolve(self._scope, peer, ports)
            case FQDNPeer(name):
                return self._host(name, ports)
            case EntityPeer(entity):
                return entities.resolve(self._scope, entity, ports, as_target=as_target)

    def _host(self, name: str, ports: Ports) -> Resolved:
        """Open a host by its name, and what has to be asked of DNS: answers tell its addresses."""
        if self._scope.dialect is not Dialect.CILIUM:
            raise Closed("NotEnforceable", FQDN_CLOSED)
        left, closed = self._scope.without_names(ports, f"the host {name}")
        dns = entities.resolve(self._scope, Entity.DNS, None, as_target=True)
        asked = (replace(each, lookups=(name,)) for each in dns.openings)
        openings = (Opening(({cilium.HOST_NAME: name},), left), *asked)
        return Resolved(openings, closed_ports=closed)

    def _own(self, peer: WorkloadPeer, ports: Ports) -> Resolved:
        selector = peer.selector
        self._scope.check_names(self._scope.effective.namespace, selector, ports)
        return Resolved((Opening((own_pods(selector),), ports),), (selector,))
