"""From the kinds as people write them to rules and peers."""

from __future__ import annotations

from bailiwick.api.intent import AllowRule
from bailiwick.api.peers import Peer as DeclaredPeer
from bailiwick.api.peers import Ports
from bailiwick.api.profile import Allowance, SecurityProfileSpec
from bailiwick.api.types import LabelSelector
from bailiwick.policy.effective import Refusal
from bailiwick.policy.ports import InvalidPort, Port
from bailiwick.policy.rules import (
    CIDRPeer,
    Entity,
    EntityPeer,
    FQDNPeer,
    HTTPMatch,
    NamespacePeer,
    Peer,
    Rule,
    ServicePeer,
    TemplateRequest,
    WorkloadPeer,
)
from bailiwick.policy.selectors import EVERYTHING, Requirement, Selector


def selector_of(selector: LabelSelector | None) -> Selector:
    """Return the canonical selector; None selects everything."""
    if selector is None:
        return EVERYTHING
    return Selector.of(
        selector.match_labels or {},
        (
            Requirement(e.key, e.operator, tuple(sorted(set(e.values or ()))))
            for e in selector.match_expressions or ()
        ),
    )


def declared_rule(namespace: str, entry: AllowRule) -> Rule | Refusal:
    """Read a rule of the intent of `namespace`, or say why it cannot be."""
    field = f"spec.network.allow[{entry.name}]"
    try:
        ports = _ports(entry.ports)
    except InvalidPort as error:
        return Refusal(f"{field}.ports", str(error))
    if entry.from_ is None and entry.to is None:
        return Refusal(field, "write from, to, or both: a rule without a side allows nothing")
    return Rule(
        name=entry.name,
        source=_peer(namespace, entry.from_),
        target=_peer(namespace, entry.to),
        ports=ports,
        http=tuple(HTTPMatch(tuple(sorted(m.methods or ())), m.path or "") for m in entry.http),
        reason=entry.reason or "",
        review_by=entry.review_by,
        field=field,
    )


def profile_allowances(
    namespace: str, profile: str, spec: SecurityProfileSpec
) -> tuple[tuple[Rule, ...], tuple[TemplateRequest, ...]]:
    """Read what a profile opens in every namespace: rules, and those that templates give."""
    rules = []
    templates = []
    for allowance in spec.network.allowances:
        field = f"SecurityProfile {profile}, allowance {allowance.name}"
        if allowance.template is not None:
            templates.append(
                TemplateRequest(
                    allowance.name, allowance.template, dict(allowance.with_ or {}), field
                )
            )
        else:
            rules.append(_allowance(namespace, allowance, field))
    return tuple(rules), tuple(templates)


def _allowance(namespace: str, allowance: Allowance, field: str) -> Rule:
    """`onlyIf` narrows the side that is in the namespace.

    An entity is what the workloads may reach, but for the ingress controller, which reaches them.
    """
    ours = WorkloadPeer(selector_of(allowance.only_if.workload)) if allowance.only_if else None
    source = _peer(namespace, allowance.from_)
    target = _peer(namespace, allowance.to)
    if allowance.entity == "IngressController":
        source = EntityPeer(Entity.INGRESS_CONTROLLER)
    elif allowance.entity is not None:
        target = EntityPeer(Entity(allowance.entity))
    return Rule(
        name=allowance.name,
        source=source if source is not None else ours,
        target=target if target is not None else ours,
        ports=_ports(allowance.to_ports),
        reason=allowance.reason or "",
        from_profile=True,
        field=field,
    )


def _peer(namespace: str, peer: DeclaredPeer | None) -> Peer | None:
    if peer is None:
        return None
    if peer.service is not None:
        return ServicePeer(peer.service.namespace or namespace, peer.service.name)
    if peer.cidr is not None:
        return CIDRPeer(peer.cidr, tuple(sorted(peer.except_ or ())))
    if peer.fqdn is not None:
        return FQDNPeer(peer.fqdn)
    if peer.entity is not None:
        return EntityPeer(Entity(peer.entity))
    selector = selector_of(peer.workload)
    if peer.namespace is not None and peer.namespace != namespace:
        return NamespacePeer(peer.namespace, selector)
    return WorkloadPeer(selector)


def _ports(ports: Ports) -> tuple[Port, ...]:
    return tuple(sorted({Port.parse(port) for port in ports}))
