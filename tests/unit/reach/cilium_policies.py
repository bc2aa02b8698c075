"""Random policies of Cilium's, as the API's JSON, of the same few values as the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

JSON = Mapping[str, Any]

_NAMESPACE = "k8s:io.kubernetes.pod.namespace"
_SELECTORS: Sequence[JSON] = (
    {},
    {},
    {"matchLabels": {"app": "a"}},
    {"matchLabels": {"k8s:app": "b"}},
    {"matchLabels": {"any:app": "a", "tier": "x"}},
    {"matchExpressions": [{"key": "k8s:app", "operator": "NotIn", "values": ["a"]}]},
    {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
)
_ENDPOINTS: Sequence[JSON] = (
    *_SELECTORS,
    {"matchLabels": {_NAMESPACE: "payments"}},
    {"matchLabels": {_NAMESPACE: "shop", "app": "b"}},
    {"matchExpressions": [{"key": _NAMESPACE, "operator": "Exists"}]},
    {"matchLabels": {"io.cilium.k8s.namespace.labels.app": "a"}},
)
_ENTITIES = (
    "all", "none", "cluster", "cluster", "world", "world", "world-ipv4", "world-ipv6", "host",
    "remote-node", "kube-apiserver", "init",
)  # fmt: skip
_BLOCKS = ("0.0.0.0/0", "10.0.0.0/16", "198.51.100.7", "192.168.0.2/32", "::/0", "fd00::8/125")
_SETS: Sequence[JSON] = (
    {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/16"]},
    {"cidr": "10.0.0.0/16", "except": ["10.0.0.8/29", "10.0.1.0/24"]},
    {"cidr": "::/0", "except": ["fd00::/8"]},
    {"cidrGroupRef": "partners"},
)


def _some(values: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), max_size=2)


def _peers(prefix: str) -> st.SearchStrategy[JSON]:
    """Return one field with peers, or none."""
    fields: dict[str, st.SearchStrategy[list[Any]]] = {
        "Endpoints": _some(_ENDPOINTS),
        "Entities": _some(_ENTITIES),
        "CIDR": _some(_BLOCKS),
        "CIDRSet": _some(_SETS),
    }
    if prefix == "to":
        fields["FQDNs"] = _some([{"matchName": "example.com"}, {"matchPattern": "*"}])
        fields["Services"] = st.just([{"k8sService": {"serviceName": "a"}}])
    named = [st.fixed_dictionaries({prefix + name: values}) for name, values in fields.items()]
    return st.one_of(st.just({}), named[0], named[0], named[1], *named)


_ports = st.sampled_from(
    (
        {"port": "80"},
        {"port": "80", "protocol": "TCP"},
        {"port": "8080", "protocol": "SCTP"},
        {"port": "79", "endPort": 8079, "protocol": "UDP"},
        {"port": "0", "protocol": "ANY"},
        {"port": "http", "protocol": "TCP"},
        {"port": "dns"},
    )
)
_to_ports = st.fixed_dictionaries(
    {"ports": st.lists(_ports, max_size=2)},
    optional={"rules": st.sampled_from(({"http": [{"method": "GET"}]}, {"dns": []}))},
)


@st.composite
def rules(draw: st.DrawFn, section: str) -> JSON:
    """Return a rule of a section, such as egressDeny."""
    rule = dict(draw(_peers("to" if section.startswith("egress") else "from")))
    match draw(st.integers(0, 7)):
        case 0 | 1 | 2:
            rule["toPorts"] = draw(st.lists(_to_ports, min_size=1, max_size=2))
        case 3:
            rule["icmps"] = [{"fields": [{"type": 8}]}]
    return rule


_SWITCHES: Sequence[JSON] = (
    {"ingress": False},
    {"egress": False},
    {"ingress": True, "egress": False},
    {"ingress": False, "egress": True},
)


@st.composite
def cilium_policies(draw: st.DrawFn, namespaces: Sequence[str], name: str) -> JSON:
    """Return a policy of a namespace, or one of the whole cluster."""
    spec: dict[str, Any] = {"endpointSelector": draw(st.sampled_from(_SELECTORS))}
    for section in ("ingress", "egress", "ingressDeny", "egressDeny"):
        if draw(st.integers(0, 2 if section.endswith("Deny") else 1)) == 0:
            spec[section] = draw(st.lists(rules(section), max_size=2))
    if draw(st.integers(0, 3)) == 0:
        spec["enableDefaultDeny"] = draw(st.sampled_from(_SWITCHES))
    namespace = draw(st.sampled_from((*namespaces, "")))
    kind = "CiliumNetworkPolicy" if namespace else "CiliumClusterwideNetworkPolicy"
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"kind": kind, "metadata": metadata, "spec": spec}
