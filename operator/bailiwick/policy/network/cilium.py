"""Policies in Cilium's own dialect, `cilium.io/v2` CiliumNetworkPolicy.

https://docs.cilium.io/en/stable/security/policy/language/

They add up with NetworkPolicies and isolate as those do. So that one plan orders both, a spec is
planned in the form of a NetworkPolicy's (`podSelector`, `policyTypes`) with entries as Cilium has
them, and takes Cilium's own form where it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bailiwick.policy.network.specs import (
    LISTS,
    NAMESPACE_NAME,
    ORDER,
    PEERS,
    Opening,
    unique,
)
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import Direction, HTTPMatch
from bailiwick.policy.selectors import Selector

JSON = dict[str, Any]

API_VERSION = "cilium.io/v2"

ENTITIES = "entities"
HOST_NAME = "fqdn"
"""Peers that only this dialect has, as the resolvers name them: `{"fqdn": "api.example.com"}`."""

TO_HOSTS = "toFQDNs"
"""The field of an entry that opens hosts by their names."""

API_SERVER: JSON = {ENTITIES: ["kube-apiserver"]}
NODES: JSON = {ENTITIES: ["host", "remote-node"]}
NODE_ITSELF: JSON = {ENTITIES: ["host"]}

MOST_PORTS = 40
"""Of one entry of `toPorts`, by Cilium's validation."""

_SOURCE = "k8s:"
_NAMESPACE = f"{_SOURCE}io.kubernetes.pod.namespace"
_SEARCHED = ("*.svc.cluster.local", "svc.cluster.local", "cluster.local")
"""What resolvers in pods append to a name before they ask for the name itself."""

_NAME_LENGTH = 253  # of DNS, RFC 1035
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")  # what RE2 does not take for itself
_ESCAPED = r"\\\1"
_RULES = {each: (LISTS[each], f"{LISTS[each]}Deny") for each in ORDER}
_FIELDS = {"endpointSelector", *LISTS.values()}


def planned_spec(
    direction: Direction,
    selector: Selector,
    openings: Sequence[Opening],
    denied: Iterable[str] = (),
) -> JSON:
    """Write one half of a rule in the form that is planned; `denied` are ranges to cut off.

    Cilium takes a denial before whatever is allowed, by policies of others too.
    """
    side = PEERS[direction]
    entries = [entry for opening in openings for entry in _entries(side, opening)]
    spec: JSON = {
        "podSelector": selector.to_json(),
        "policyTypes": [direction.value],
        LISTS[direction]: unique(entries),
    }
    cut = sorted(denied)
    if cut:
        spec[f"{LISTS[direction]}Deny"] = [{f"{side}CIDR": cut}]
    return spec


def written(spec: Mapping[str, Any]) -> JSON:
    """Return a planned spec as Cilium reads it."""
    selector = Selector.from_json(spec.get("podSelector"))
    return {
        "endpointSelector": _selector(selector),
        **{
            key: value
            for key, value in spec.items()
            if value and key not in ("podSelector", "policyTypes")
        },
    }


def planned(body: Mapping[str, Any]) -> JSON:
    """Return a live policy, by its `spec` and `specs`, in the form that is planned.

    What we never write is kept beside, so that no policy with any of it is taken for ours as it
    is to be.
    """
    spec = body.get("spec") or {}
    result: JSON = {
        "policyTypes": [d.value for d in ORDER if any(spec.get(each) for each in _RULES[d])]
        or ["None"],
    }
    selector = spec.get("endpointSelector")
    pods = _pod_selector(selector)
    result["podSelector"] = {} if pods is None else pods
    if pods is None:
        result["endpointSelector"] = selector
    for section in LISTS.values():
        entries = [entry for entry in spec.get(section) or () if entry and any(entry.values())]
        if entries:
            result[section] = entries
    result.update({k: v for k, v in spec.items() if v and k not in _FIELDS})
    if body.get("specs"):
        result["specs"] = body["specs"]
    return result


def _entries(side: str, opening: Opening) -> Iterator[JSON]:
    """Write an opening: Cilium does not take peers of two kinds in one entry."""
    pods = [_endpoints(each) for each in opening.peers if _is_pods(each)]
    blocks = [_block(each["ipBlock"]) for each in opening.peers if "ipBlock" in each]
    entities = {name for each in opening.peers for name in each.get(ENTITIES, ())}
    names = [_name(each[HOST_NAME]) for each in opening.peers if HOST_NAME in each]
    ports = list(_ports(opening))
    for field, peers in (
        ("Endpoints", unique(pods)),
        ("CIDRSet", unique(blocks)),
        ("Entities", sorted(entities)),
        ("FQDNs", unique(names)),
    ):
        if peers:
            yield {f"{side}{field}": peers, **({"toPorts": ports} if ports else {})}


def _is_pods(peer: Mapping[str, Any]) -> bool:
    return "podSelector" in peer or "namespaceSelector" in peer


def _endpoints(peer: Mapping[str, Any]) -> JSON:
    """Write pods; one that names no namespace stays in the policy's own."""
    result = _selector(Selector.from_json(peer.get("podSelector")))
    if peer.get("namespaceSelector") is None:
        return result
    name = (peer["namespaceSelector"].get("matchLabels") or {}).get(NAMESPACE_NAME)
    if name is not None:
        result.setdefault("matchLabels", {})[_NAMESPACE] = name
    else:
        anywhere = {"key": _NAMESPACE, "operator": "Exists"}
        result.setdefault("matchExpressions", []).append(anywhere)
    return result


def _block(block: Mapping[str, Any]) -> JSON:
    return {"cidr": block["cidr"], **({"except": block["except"]} if "except" in block else {})}


def _name(host: str) -> JSON:
    return {"matchPattern": host} if "*" in host else {"matchName": host}


def _ports(opening: Opening) -> Iterator[JSON]:
    requests: JSON = {}
    if opening.http:
        requests = {"http": unique(r for match in opening.http for r in _requests(match))}
    elif opening.lookups:
        requests = {"dns": unique(q for host in opening.lookups for q in _queries(host))}
    ports = sorted(set(opening.ports or ()))
    for first in range(0, len(ports), MOST_PORTS):
        some = ports[first : first + MOST_PORTS]
        yield {"ports": list(map(_port, some)), **({"rules": requests} if requests else {})}


def _port(port: Port) -> JSON:
    if port.name:
        return {"port": port.name, "protocol": port.protocol}
    ends = {"endPort": port.last} if port.last != port.first else {}
    return {"port": str(port.first), **ends, "protocol": port.protocol}


def _requests(match: HTTPMatch) -> Iterator[JSON]:
    """Write requests: Cilium holds a path, with its query, against a regular expression."""
    path = {"path": f"{_SPECIAL.sub(_ESCAPED, match.path)}.*"} if match.path else {}
    for method in match.methods:
        yield {"method": method, **path}
    if not match.methods:
        yield path


def _queries(host: str) -> Iterator[JSON]:
    """Write what must be asked of DNS for a host: it, and what resolvers try before it."""
    for name in (host, *(f"{host}.{domain}" for domain in _SEARCHED)):
        if len(name) <= _NAME_LENGTH:
            yield _name(name)


def _selector(selector: Selector) -> JSON:
    """Write a selector of pods; `k8s:` is where their labels come from, for Cilium."""
    given = selector.to_json()
    result: JSON = {}
    if given.get("matchLabels"):
        result["matchLabels"] = {f"{_SOURCE}{k}": v for k, v in given["matchLabels"].items()}
    if given.get("matchExpressions"):
        result["matchExpressions"] = [
            {**each, "key": f"{_SOURCE}{each['key']}"} for each in given["matchExpressions"]
        ]
    return result


def _pod_selector(selector: object) -> JSON | None:
    """Read a selector as we write them; None where it is not one of those."""
    if not isinstance(selector, Mapping) or selector.keys() - {"matchLabels", "matchExpressions"}:
        return None
    labels = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    keys = [*labels, *(each["key"] for each in expressions)]
    if not all(key.startswith(_SOURCE) and key != _NAMESPACE for key in keys):
        return None
    start = len(_SOURCE)
    return {
        "matchLabels": {key[start:]: value for key, value in labels.items()},
        "matchExpressions": [{**each, "key": each["key"][start:]} for each in expressions],
    }
