"""Random rules of intents and random profiles, and how a profile is made tighter."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.network.compile import compile_network
from bailiwick.policy.network.model import CompiledNetwork
from tests.unit.network.make import JSON, effective
from tests.unit.network.worlds import SETTINGS

_ENTITIES = ("Internet", "DNS", "KubeAPIServer", "Nodes", "IngressController", "Cluster")
_RARELY = st.sampled_from([False] * 9 + [True])
_VALUES = st.sampled_from("abxy")
_EXPRESSIONS = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(("app", "tier")),
            "operator": st.sampled_from(("In", "NotIn")),
            "values": st.lists(_VALUES, min_size=1, max_size=2, unique=True),
        }
    ),
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(("app", "tier")),
            "operator": st.sampled_from(("Exists", "DoesNotExist")),
        }
    ),
)
_SELECTORS: st.SearchStrategy[JSON] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"matchLabels": st.just({"app": "a"}) | st.just({"app": "b"})}),
    st.fixed_dictionaries({"matchExpressions": st.lists(_EXPRESSIONS, min_size=1, max_size=2)}),
)
_WORKLOADS = st.fixed_dictionaries({"workload": _SELECTORS})
_SERVICES_HERE = st.sampled_from(("web", "ext", "alias", "gone")).map(
    lambda name: {"service": {"name": name}}
)
HERE = st.one_of(_WORKLOADS, _WORKLOADS, _SERVICES_HERE)
_BLOCKS: tuple[JSON, ...] = (
    {"cidr": "0.0.0.0/0"},
    {"cidr": "::/0"},
    {"cidr": "10.0.0.0/8", "except": ["10.9.0.0/16"]},
    {"cidr": "10.0.0.0/8"},
    {"cidr": "10.244.2.0/24"},
    {"cidr": "fd00::/8", "except": ["fd44::/64", "fd99::/16"]},
    {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/30"]},
    {"cidr": "8.8.8.0/24"},
    {"cidr": "192.168.7.0/24"},
    {"cidr": "169.254.169.254/32"},
    {"cidr": "64:ff9b::/96"},
)
_NAMESPACES = st.fixed_dictionaries(
    {"namespace": st.sampled_from(("payments", "secret", "kube-system", "shop"))},
    optional={"workload": _SELECTORS},
)
THERE = st.one_of(
    _NAMESPACES,
    st.sampled_from(_BLOCKS),
    st.sampled_from(_ENTITIES).map(lambda name: {"entity": name}),
    st.just({"service": {"name": "api", "namespace": "payments"}}),
)
_FQDN = st.just({"fqdn": "api.example.com"})
PORTS = st.lists(
    st.sampled_from(
        (53, "53/UDP", 80, 443, "443-8443", 8080, "http", "dns/UDP", "https", "9/SCTP", 6443)
    ),
    max_size=3,
    unique=True,
)


@st.composite
def rules(draw: st.DrawFn, http: st.SearchStrategy[bool] = _RARELY) -> JSON:
    """Return a rule as an intent writes it, without its name."""
    near: JSON | None = draw(st.none() | HERE)
    far: JSON | None = draw(st.none() | HERE | THERE | THERE)
    if near is None and far is None:
        near = {"workload": {}}
    sides = [("from", near), ("to", far)] if draw(st.booleans()) else [("from", far), ("to", near)]
    rule: JSON = {side: peer for side, peer in sides if peer is not None}
    if "to" not in rule and draw(_RARELY):
        rule["to"] = draw(_FQDN)
    ports = draw(PORTS)
    if ports:
        rule["ports"] = ports
    if draw(http):
        rule["http"] = [{"path": "/"}]
    return rule


intents = st.lists(rules(), min_size=1, max_size=5)


@st.composite
def profiles(draw: st.DrawFn, *, limited: bool = True) -> JSON:
    """Return `spec.network` of a profile; it limits nothing unless `limited`."""
    profile: JSON = {
        "isolate": sorted(draw(st.sets(st.sampled_from(("Ingress", "Egress")), min_size=1))),
    }
    if not limited:
        return profile
    return {
        **profile,
        "internet": draw(st.sampled_from(("Open", "Declared", "Declared", "Denied"))),
        "httpWithoutEnforcer": draw(st.sampled_from(("Close", "AllowPort"))),
        "mayDeclare": draw(_LIMITS),
        "allowances": [
            {"name": f"a{n}", **each}
            for n, each in enumerate(draw(st.lists(_ALLOWANCES, max_size=2)))
        ],
    }


_LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "entities": st.lists(st.sampled_from(_ENTITIES), unique=True),
        "cidrs": st.lists(
            st.sampled_from(("0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24", "::/0", "fd00::/8")),
            unique=True,
        ),
        "namespaces": st.sampled_from(
            ({}, {"matchLabels": {"team": "payments"}}, {"matchLabels": {"team": "spies"}})
        ),
    },
)
_ALLOWANCES = st.one_of(
    st.sampled_from(_ENTITIES).map(lambda name: {"entity": name}),
    st.fixed_dictionaries({"from": THERE | HERE}, optional={"toPorts": PORTS}),
    st.fixed_dictionaries({"to": THERE | HERE}, optional={"toPorts": PORTS}),
)


@st.composite
def tighter(draw: st.DrawFn, profile: JSON) -> JSON:
    """Return a profile that allows less than another, or the same, in each of its fields."""
    result = deepcopy(profile)
    if draw(st.booleans()):
        result["isolate"] = ["Egress", "Ingress"]
    order = ("Open", "Declared", "Denied")
    result["internet"] = draw(st.sampled_from(order[order.index(profile["internet"]) :]))
    if draw(st.booleans()):
        result["httpWithoutEnforcer"] = "Close"
    result["allowances"] = [
        draw(_tighter_allowance(each)) for each in result["allowances"] if draw(st.booleans())
    ]
    limits = result["mayDeclare"]
    more = draw(_LIMITS)
    for field in ("entities", "cidrs"):
        if field in limits:
            limits[field] = draw(_some_of(limits[field]))
        elif field in more:
            limits[field] = more[field]
    if "namespaces" not in limits or not limits["namespaces"]:
        limits |= {key: value for key, value in more.items() if key == "namespaces" and value}
    return result


@st.composite
def _tighter_allowance(draw: st.DrawFn, allowance: JSON) -> JSON:
    result = dict(allowance)
    if draw(st.booleans()):
        result["onlyIf"] = {"workload": {"matchLabels": {"app": "a"}}}
    if result.get("toPorts"):
        result["toPorts"] = draw(_some_of(result["toPorts"])) or result["toPorts"]
    elif draw(st.booleans()):
        result["toPorts"] = draw(PORTS)
    return result


def _some_of(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    if not values:
        return st.just(values)
    chosen = st.sets(st.sampled_from(range(len(values))))
    return chosen.map(lambda numbers: [values[n] for n in sorted(numbers)])


def compiled_in(cluster: FixedCluster, intent: list[JSON], profile: JSON) -> CompiledNetwork:
    """Compile the rules of an intent of shop in one of the random clusters."""
    merged = effective(*intent, profile=profile, on=cluster, settings=SETTINGS)
    return compile_network(merged, {}, cluster, SETTINGS)


def manifests(network: CompiledNetwork) -> list[JSON]:
    """Return the policies as they are applied."""
    return [policy.manifest("shop") for policy in network.policies]
