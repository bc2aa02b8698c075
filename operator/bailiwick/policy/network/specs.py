"""The JSON of NetworkPolicy specs: writing it, and one form for comparing it.

The API server fills in defaults and leaves out empty lists
(https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bailiwick.policy.ports import Port
from bailiwick.policy.rules import Direction, HTTPMatch
from bailiwick.policy.selectors import Selector

JSON = dict[str, Any]
ORDER = (Direction.INGRESS, Direction.EGRESS)
LISTS = {Direction.INGRESS: "ingress", Direction.EGRESS: "egress"}
PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Opening:
    """Peers in the API's JSON, and the ports they are opened on; `ports` None is all ports.

    Neither may be an empty list: the API would read it as everybody, or as every port. `http`
    and `lookups`, which only Cilium's dialect can say, limit it to some requests, and to queries
    of DNS for some host names.
    """

    peers: tuple[JSON, ...]
    ports: tuple[Port, ...] | None
    http: tuple[HTTPMatch, ...] = ()
    lookups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would be read as wider than it is."""
        if not self.peers or self.ports == ():
            raise ValueError("an opening needs a peer, and ports or None")


def text(value: Any) -> str:
    """Return JSON as a text that is equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def unique(values: Iterable[Any]) -> list[Any]:
    """Return JSON values sorted, each once."""
    found = {text(value): value for value in values}
    return [found[key] for key in sorted(found)]


def own_pods(selector: Selector) -> JSON:
    """Return the peer of pods in the policy's own namespace."""
    return {"podSelector": selector.to_json()}


def pods_of(namespace: str, selector: Selector) -> JSON:
    """Return the peer of pods in the namespace of this name: both selectors in one peer."""
    peer: JSON = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}}}
    if selector:
        peer["podSelector"] = selector.to_json()
    return peer


def rule_spec(direction: Direction, selector: Selector, openings: Sequence[Opening]) -> JSON:
    """Write the spec of one half of a rule.

    The list of the other direction is written out, so that server-side apply owns it.
    """
    entries = []
    for opening in openings:
        if opening.http or opening.lookups:
            raise ValueError("a NetworkPolicy cannot tell requests apart")
        entry: JSON = {PEERS[direction]: unique(opening.peers)}
        if opening.ports is not None:
            entry["ports"] = [port.to_json() for port in sorted(set(opening.ports))]
        entries.append(entry)
    spec: JSON = {
        "podSelector": selector.to_json(),
        "policyTypes": [direction.value],
        "ingress": [],
        "egress": [],
    }
    spec[LISTS[direction]] = unique(entries)
    return spec


def isolation_spec(isolate: Iterable[Direction], opened: Iterable[Direction] = ()) -> JSON:
    """Write the spec that isolates every pod, but for the directions that are held open."""
    spec: JSON = {
        "podSelector": {},
        "policyTypes": [d.value for d in ORDER if d in set(isolate)],
        "ingress": [],
        "egress": [],
    }
    for direction in opened:
        spec[LISTS[direction]] = [{}]
    return spec


def canonical(spec: Mapping[str, Any]) -> JSON:
    """Return the one form of all specs that the API server reads alike.

    Defaults are filled in, empty lists left out, and lists whose order means nothing sorted.
    """
    result: JSON = {
        "podSelector": _selector(spec.get("podSelector")),
        "policyTypes": policy_types(spec),
    }
    for direction in ORDER:
        entries = unique(
            _entry(entry or {}, PEERS[direction]) for entry in spec.get(LISTS[direction]) or ()
        )
        if entries:
            result[LISTS[direction]] = entries
    known = {"podSelector", "policyTypes", *LISTS.values()}
    result.update({key: value for key, value in spec.items() if key not in known})
    return result


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether the API server reads both specs alike."""
    return _canonical_text(text(one)) == _canonical_text(text(other))


# One look at a namespace compares each of its specs several times.
@lru_cache(maxsize=1024)
def _canonical_text(spec: str) -> str:
    return text(canonical(json.loads(spec)))


def policy_types(spec: Mapping[str, Any]) -> list[str]:
    """Return the directions that a spec speaks of, which it need not name."""
    given = spec.get("policyTypes")
    if not given:
        return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    return [d.value for d in ORDER if d.value in given]


def _entry(entry: Mapping[str, Any], peers: str) -> JSON:
    result: JSON = {}
    if entry.get(peers):
        result[peers] = unique(_peer(peer) for peer in entry[peers])
    if entry.get("ports"):
        result["ports"] = unique(_port(port) for port in entry["ports"])
    result.update({key: value for key, value in entry.items() if key not in (peers, "ports")})
    return result


def _port(port: Mapping[str, Any]) -> JSON:
    result: JSON = {"protocol": port.get("protocol") or "TCP"}
    if port.get("port") is not None:
        result["port"] = port["port"]
    if port.get("endPort") not in (None, port.get("port")):
        result["endPort"] = port["endPort"]
    return result


def _peer(peer: Mapping[str, Any]) -> JSON:
    result: JSON = {}
    for key in ("podSelector", "namespaceSelector"):
        if peer.get(key) is not None:
            result[key] = _selector(peer[key])
    block = peer.get("ipBlock")
    if block is not None:
        result["ipBlock"] = {"cidr": block.get("cidr")}
        if block.get("except"):
            result["ipBlock"]["except"] = sorted(set(block["except"]))
    return result


def _selector(selector: Mapping[str, Any] | None) -> JSON:
    return Selector.from_json(selector).to_json()
