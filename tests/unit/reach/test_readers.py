"""Whatever stands in a policy, its reader reads it or says what is wrong with it."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.reach.edges import Connection
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.kinds import cilium
from bailiwick.policy.reach.model import InvalidPolicy, Policy
from tests.unit.reach.examples import many
from tests.unit.reach.make import pod
from tests.unit.reach.policies import JSON, policy_lists, read

_CILIUM: JSON = {
    "kind": "CiliumNetworkPolicy",
    "metadata": {"namespace": "shop", "name": "c"},
    "spec": {
        "endpointSelector": {"matchLabels": {"app": "a"}},
        "enableDefaultDeny": {"ingress": True},
        "ingress": [
            {
                "fromEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "shop"}}],
                "toPorts": [
                    {
                        "ports": [{"port": "80", "protocol": "TCP", "endPort": 90}],
                        "rules": {"http": [{"method": "GET", "path": "/"}]},
                        "serverNames": ["example.com"],
                    }
                ],
            },
            {"fromEntities": ["cluster", "host"], "icmps": [{"fields": [{"type": 8}]}]},
        ],
        "egressDeny": [{"toCIDR": ["10.0.0.0/8"]}],
        "egress": [
            {"toCIDRSet": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}]},
            {"toFQDNs": [{"matchName": "example.com"}], "toServices": [{}]},
        ],
    },
}
_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(("In", "80", "TCP", "10.0.0.0/8", "Deny", "Admin", "Ingress")),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(("cidr", "port", "matchLabels", "key", "a")), inner)
    ),
    max_leaves=4,
)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to everything inside a policy's body."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, each in steps:
        found.append((*path, key))
        if isinstance(each, dict | list | tuple):
            found += paths_in(each, (*path, key))
    return found


@st.composite
def spoilt(draw: st.DrawFn) -> JSON:
    """Return a policy in which something is replaced by anything, or is gone."""
    policy: JSON = deepcopy(draw(st.sampled_from([*draw(policy_lists()), _CILIUM])))
    for _ in range(draw(st.integers(1, 2))):
        inside: Any = policy["spec"]
        *way, last = draw(st.sampled_from(paths_in(inside) or [("podSelector",)]))
        for step in way:
            inside = inside[step]
        if isinstance(inside, tuple):
            continue
        if isinstance(inside, dict) and draw(st.booleans()):
            inside.pop(last, None)
        else:
            inside[last] = draw(_ANYTHING)
    return policy


def policies_of(given: JSON) -> list[Policy]:
    if given["kind"].startswith("Cilium"):
        return cilium.read("shop", "c", given)
    return [read(given)]


@many
@given(spoilt())
def test_a_policy_with_something_else_in_it(given: JSON) -> None:
    try:
        policies = policies_of(given)
    except InvalidPolicy:
        return
    graph = Graph.build((), [pod("shop/web", labels={"app": "a"})], policies)
    assert isinstance(graph.connection(0, 0), Connection)


@given(st.sampled_from(["NetworkPolicy", "ClusterNetworkPolicy", "Cilium"]), _ANYTHING)
def test_anything_instead_of_a_policy(kind: str, spec: Any) -> None:
    metadata = {"namespace": "shop", "name": "a"}
    with suppress(InvalidPolicy):
        policies_of({"kind": kind, "metadata": metadata, "spec": spec})
