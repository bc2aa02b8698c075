"""What single fields of the cluster's policies mean, by the words of their API's documentation.

https://network-policy-api.sigs.k8s.io/
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.unit.network.evaluator import JSON, Endpoint, Port

ADMIN_KINDS = {"AdminNetworkPolicy": "Admin", "BaselineAdminNetworkPolicy": "Baseline"}


@dataclass(frozen=True)
class End(Endpoint):
    """One end of a connection; `node` is the one on which a pod runs."""

    node: str = ""


def tier_of(policy: JSON) -> str:
    tier: str = policy["spec"].get("tier", "")
    return ADMIN_KINDS.get(policy["kind"], tier)


def priority_of(policy: JSON) -> int:
    priority: int = policy["spec"].get("priority", 0)
    return priority


def is_cluster_port(entry: JSON, target: End, port: Port) -> bool:
    """Say whether a connection is to a port of v1alpha1, or to a protocol of v1alpha2."""
    name = entry.get("namedPort") or entry.get("destinationNamedPort")
    if name:
        return target.named_ports.get((name, port.protocol)) == port.number
    if "portNumber" in entry:
        number = entry["portNumber"]
        return bool((number.get("protocol", "TCP"), number["port"]) == (port.protocol, port.number))
    if "portRange" in entry:
        some = entry["portRange"]
        return some.get("protocol", "TCP") == port.protocol and bool(
            some["start"] <= port.number <= some["end"]
        )
    of_protocol = entry.get(port.protocol.lower())
    if of_protocol is None:
        return False
    wanted = of_protocol.get("destinationPort")
    if wanted is None:
        return True
    some = wanted.get("range", {"start": wanted.get("number"), "end": wanted.get("number")})
    return bool(some["start"] <= port.number <= some["end"])
