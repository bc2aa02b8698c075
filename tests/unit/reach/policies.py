"""Random policies of every kind, as the API's JSON.

They are put together from a few values, so that policies often speak of the same pods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from hypothesis import strategies as st

from bailiwick.policy.reach.kinds import admin_policy, cilium, network_policy
from bailiwick.policy.reach.model import Policy
from tests.unit.reach.cilium_policies import cilium_policies

JSON = Mapping[str, Any]
Kind = Literal["AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"]

NAMESPACES = ("shop", "payments")


def read(policy: JSON) -> Policy:
    """Read a policy of any kind."""
    name, spec = policy["metadata"]["name"], policy["spec"]
    match policy["kind"]:
        case "NetworkPolicy":
            return network_policy.read(policy["metadata"]["namespace"], name, spec)
        case "AdminNetworkPolicy":
            return admin_policy.read_admin(name, spec)
        case "BaselineAdminNetworkPolicy":
            return admin_policy.read_baseline(name, spec)
        case "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy":
            (found,) = cilium.read(policy["metadata"].get("namespace", ""), name, policy)
            return found
    return admin_policy.read_cluster(name, spec)


def _requires(key: str, operator: str, *values: str) -> JSON:
    requirement = {"key": key, "operator": operator, **({"values": values} if values else {})}
    return {"matchExpressions": [requirement]}


_SELECTORS: Sequence[JSON] = (
    {},
    {},
    {},
    {"matchLabels": {"app": "a"}},
    {"matchLabels": {"app": "b"}},
    {"matchLabels": {"app": "a", "tier": "x"}},
    _requires("app", "In", "a", "z"),
    _requires("app", "NotIn", "a"),
    _requires("tier", "Exists"),
    _requires("tier", "DoesNotExist"),
    {"matchLabels": {"app": "b"}, **_requires("tier", "NotIn", "x", "y")},
)
_NAMESPACE_SELECTORS: Sequence[JSON] = (
    *_SELECTORS,
    {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
    _requires("kubernetes.io/metadata.name", "NotIn", "shop"),
)
BLOCKS = (
    ("0.0.0.0/0",),
    ("0.0.0.0/0", "10.0.0.0/16"),
    ("10.0.0.0/16", "10.0.0.8/29", "10.0.1.0/24"),
    ("10.0.0.0/29",),
    ("198.51.100.7/24",),
    ("192.168.0.2/32",),
    ("::/0",),
    ("::/0", "fd00::/8"),
    ("fd00::8/125",),
)
_selectors = st.sampled_from(_SELECTORS)
_namespace_selectors = st.sampled_from(_NAMESPACE_SELECTORS)
_protocols = st.sampled_from(("TCP", "UDP", "SCTP"))
_port_names = st.sampled_from(("http", "dns"))


def _block(cidr: str, *holes: str) -> JSON:
    return {"ipBlock": {"cidr": cidr, **({"except": holes} if holes else {})}}


_network_policy_peers = st.one_of(
    st.fixed_dictionaries({"podSelector": _selectors}),
    st.fixed_dictionaries({"namespaceSelector": _namespace_selectors}),
    st.fixed_dictionaries({"namespaceSelector": _namespace_selectors, "podSelector": _selectors}),
    st.sampled_from([_block(*block) for block in BLOCKS]),
)
_network_policy_ports = st.sampled_from(
    (
        {},
        {"protocol": "UDP"},
        {"port": 80},
        {"port": 8080, "protocol": "SCTP"},
        {"port": 80, "protocol": "UDP"},
        {"port": 1, "endPort": 65535},
        {"port": 81, "endPort": 8080, "protocol": "SCTP"},
        {"port": "http"},
        {"port": "http", "protocol": "UDP"},
        {"port": "dns"},
    )
)


def rules_of_network_policy(side: str) -> st.SearchStrategy[JSON]:
    """Return a rule; `side` is from or to."""
    peers = st.lists(_network_policy_peers, max_size=2)
    return st.fixed_dictionaries(
        {}, optional={side: peers, "ports": st.lists(_network_policy_ports, max_size=2)}
    )


@st.composite
def network_policies(draw: st.DrawFn, name: str) -> JSON:
    """Return a NetworkPolicy of any namespace."""
    spec: dict[str, Any] = {"podSelector": draw(_selectors)}
    types = draw(st.sampled_from((None, ["Ingress"], ["Egress"], ["Ingress", "Egress"])))
    if types:
        spec["policyTypes"] = types
    for section, side in (("ingress", "from"), ("egress", "to")):
        if draw(st.booleans()):
            spec[section] = draw(st.lists(rules_of_network_policy(side), max_size=2))
    metadata = {"namespace": draw(st.sampled_from(NAMESPACES)), "name": name}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


_pods = st.one_of(
    st.fixed_dictionaries({"namespaces": _namespace_selectors}),
    st.fixed_dictionaries(
        {
            "pods": st.fixed_dictionaries(
                {"podSelector": _selectors}, optional={"namespaceSelector": _namespace_selectors}
            )
        }
    ),
)
_of_a_newer_api: st.SearchStrategy[JSON] = st.just({"somethingNew": {}})
_ingress_peers = st.one_of(_pods, _pods, _of_a_newer_api)
_egress_peers = st.one_of(
    _pods,
    st.lists(st.sampled_from([block[0] for block in BLOCKS]), min_size=1, max_size=2).map(
        lambda some: {"networks": some}
    ),
    st.sampled_from(
        (
            {"nodes": {}},
            {"nodes": {"matchLabels": {"pool": "a"}}},
            {"domainNames": ["example.com"]},
            {"somethingNew": {}},
        )
    ),
)
_v1alpha1_ports = st.one_of(
    st.builds(
        lambda protocol, port: {"portNumber": {"protocol": protocol, "port": port}},
        _protocols,
        st.sampled_from((80, 8080)),
    ),
    st.builds(
        lambda protocol, end: {"portRange": {"protocol": protocol, "start": 80, "end": end}},
        _protocols,
        st.sampled_from((80, 8080)),
    ),
    st.builds(lambda name: {"namedPort": name}, _port_names),
)
_v1alpha2_ports = st.one_of(
    st.builds(
        lambda protocol, ports: {protocol.lower(): ports},
        _protocols,
        st.sampled_from(
            (
                {},
                {"destinationPort": {"number": 80}},
                {"destinationPort": {"range": {"start": 79, "end": 8079}}},
            )
        ),
    ),
    st.builds(lambda name: {"destinationNamedPort": name}, _port_names),
)
_ACTIONS = {
    "AdminNetworkPolicy": ("Allow", "Deny", "Pass"),
    "BaselineAdminNetworkPolicy": ("Allow", "Deny"),
    "ClusterNetworkPolicy": ("Accept", "Deny", "Pass"),
}


def rules_of_cluster_policy(
    kind: Kind, section: str, actions: Sequence[str] | None = None
) -> st.SearchStrategy[JSON]:
    """Return a rule; `section` is ingress or egress, `actions` are those of the kind."""
    side, peers = ("to", _egress_peers) if section == "egress" else ("from", _ingress_peers)
    is_new = kind == "ClusterNetworkPolicy"
    field, ports = ("protocols", _v1alpha2_ports) if is_new else ("ports", _v1alpha1_ports)
    return st.fixed_dictionaries(
        {
            "action": st.sampled_from(actions or _ACTIONS[kind]),
            side: st.lists(peers, min_size=1, max_size=2),
        },
        optional={field: st.lists(ports, min_size=1, max_size=2)},
    )


@st.composite
def cluster_policies(draw: st.DrawFn, kind: Kind, name: str) -> JSON:
    """Return a policy of one of the cluster's kinds."""
    spec: dict[str, Any] = {"subject": draw(_pods)}
    if kind != "BaselineAdminNetworkPolicy":
        spec["priority"] = draw(st.integers(0, 2))
    if kind == "ClusterNetworkPolicy":
        spec["tier"] = draw(st.sampled_from(("Admin", "Baseline")))
    for section in draw(st.sampled_from((["ingress"], ["egress"], ["ingress", "egress"]))):
        spec[section] = draw(st.lists(rules_of_cluster_policy(kind, section), max_size=3))
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


@st.composite
def policy_lists(draw: st.DrawFn) -> list[JSON]:
    """Return policies of every kind, each with a name of its own."""
    result = [draw(network_policies(f"np{n}")) for n in range(draw(st.integers(0, 3)))]
    for n in range(draw(st.integers(0, 2))):
        result.append(draw(cluster_policies("AdminNetworkPolicy", f"anp{n}")))
    for n in range(draw(st.integers(0, 2))):
        result.append(draw(cluster_policies("ClusterNetworkPolicy", f"cnp{n}")))
    for n in range(draw(st.sampled_from((0, 0, 1, 2)))):
        result.append(draw(cilium_policies(NAMESPACES, f"cilium{n}")))
    if draw(st.booleans()):
        result.append(draw(cluster_policies("BaselineAdminNetworkPolicy", "default")))
    return result
