"""Rules that only Cilium's own dialect can say, and what it asks of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bailiwick.policy import ranges
from bailiwick.policy.effective import EffectiveIntent
from bailiwick.policy.network import cilium, entities
from bailiwick.policy.network.reading import Closed, Reading
from bailiwick.policy.network.specs import Opening
from bailiwick.policy.rules import CIDRPeer, Entity, EntityPeer, FQDNPeer, Peer, Rule

_NOT_IN_BLOCKS = (Entity.KUBE_API_SERVER, Entity.NODES)


def is_needed(rule: Rule, reading: Reading) -> bool:
    """Say whether a rule means something else, or nothing, as a NetworkPolicy under Cilium.

    There an `ipBlock` covers neither nodes nor what runs in their network.
    """
    return bool(rule.http) or any(_is_needed_for(p, reading) for p in (rule.source, rule.target))


def _is_needed_for(peer: Peer | None, reading: Reading) -> bool:
    match peer:
        case FQDNPeer():
            return True
        case EntityPeer(Entity.DNS):
            return reading.can_read("pods") and entities.is_cached(reading)
        case EntityPeer(entity):
            return entity in _NOT_IN_BLOCKS
        case _:
            return False


def check(rule: Rule) -> None:
    """Raise Closed where Cilium would refuse the rule's requests."""
    if not rule.http:
        return
    others = [str(port) for port in rule.ports if port.protocol != "TCP"]
    if others:
        raise Closed(
            "NotEnforceable",
            f"HTTP requests come over TCP, so http cannot stand beside {', '.join(others)}: write "
            "a rule of its own for these ports",
        )


def that_carry_http(openings: Iterable[Opening]) -> tuple[Opening, ...]:
    """Return what can be limited to requests: TCP, on named ports; raises Closed where nothing is.

    Queries of DNS stay as they are.
    """
    found = []
    for each in openings:
        if each.ports is None:
            raise Closed(
                "NotEnforceable",
                "requests are looked into on named ports only: write ports beside http",
            )
        tcp = tuple(port for port in each.ports if port.protocol == "TCP")
        if each.lookups:
            found.append(each)
        elif tcp:
            found.append(replace(each, ports=tcp))
    if all(each.lookups for each in found):
        raise Closed("NotEnforceable", "no port of the target has TCP: remove http from the rule")
    return tuple(found)


def denied(openings: Iterable[Opening], effective: EffectiveIntent) -> list[str]:
    """Return what is cut off where hosts are opened by name: whoever owns one decides its address.

    That is metadata services, unless an allowance of the profile opens one.
    """
    if not any(cilium.HOST_NAME in peer for each in openings for peer in each.peers):
        return []
    opened = {
        ranges.parse(rule.target.cidr)
        for rule in effective.allowances
        if isinstance(rule.target, CIDRPeer)
    }
    return [str(each) for each in ranges.ALWAYS_CUT if each not in opened]
