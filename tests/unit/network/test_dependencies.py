"""What a compilation looked at is recorded: a change of anything else changes nothing in it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import EndpointSlice, Namespace, Node, Pod, Service, ServiceCIDR
from bailiwick.policy.network import dependencies as keys
from tests.unit.network.intents import compiled_in, intents, profiles
from tests.unit.network.make import JSON, allowing, compiled
from tests.unit.network.worlds import SETTINGS, clusters

_LISTS = [field.name for field in fields(FixedCluster) if field.name.startswith("all_")]


@given(clusters(), clusters(), intents, profiles(), st.data())
def test_a_change_of_what_was_not_looked_at_changes_nothing(
    cluster: FixedCluster,
    other: FixedCluster,
    intent: list[JSON],
    profile: JSON,
    data: st.DataObject,
) -> None:
    kind = data.draw(st.sampled_from(_LISTS))
    before, after = getattr(cluster, kind), getattr(other, kind)
    # One object comes, goes, or becomes what it is in another cluster.
    name = data.draw(st.sampled_from(sorted({_key(each) for each in (*before, *after)})))
    old = next((each for each in before if _key(each) == name), None)
    new = data.draw(st.sampled_from([None, next((e for e in after if _key(e) == name), None)]))
    rest = [each for each in before if _key(each) != name]
    changed: Any = {kind: (*rest, *([new] if new else []))}
    was = compiled_in(cluster, intent, profile)
    if not was.depends_on & _keys_of_change(old, new):
        assert compiled_in(replace(cluster, **changed), intent, profile) == was


def _key(each: Any) -> tuple[str, str]:
    return getattr(each, "namespace", ""), each.name


def _keys_of_change(old: Any, new: Any) -> frozenset[str]:
    """Return the keys that the engine tells of a change."""
    if isinstance(old or new, Node):
        return keys.keys_of_node_change(old, new)
    return frozenset(key for each in (old, new) if each for key in _keys_of(each))


def _keys_of(each: Any) -> frozenset[str]:
    match each:
        case Pod():
            return keys.keys_of_pod(each, SETTINGS)
        case Service():
            return keys.keys_of_service(each, SETTINGS)
        case EndpointSlice():
            return keys.keys_of_slice(each, SETTINGS)
        case ServiceCIDR():
            return frozenset({keys.CLUSTER_RANGES})
        case Namespace():
            return frozenset({keys.namespace_key(each.name)})
    return frozenset()


@pytest.mark.parametrize(
    "entity, key",
    [
        ("DNS", keys.DNS),
        ("KubeAPIServer", keys.API_SERVER),
        ("Nodes", keys.NODES),
        ("Internet", keys.CLUSTER_RANGES),
        ("IngressController", keys.INGRESS_CONTROLLERS),
    ],
)
def test_an_entity_is_followed_as_it_changes(entity: str, key: str) -> None:
    assert key in compiled(profile=allowing(entity)).depends_on


@pytest.mark.parametrize(
    "thing, touched",
    [
        (Service("kube-system", "kube-dns"), {keys.DNS, "services/kube-system/kube-dns"}),
        (Service("openshift-dns", "dns-default"), {keys.DNS, "services/openshift-dns/dns-default"}),
        (Service("default", "kubernetes"), {keys.API_SERVER, "services/default/kubernetes"}),
        (Service("shop", "kube-dns"), {"services/shop/kube-dns"}),
        (
            EndpointSlice("kube-system", "x", "kube-dns", "IPv4"),
            {keys.DNS, "endpoints/kube-system/kube-dns"},
        ),
        (
            EndpointSlice("default", "x", "kubernetes", "IPv4"),
            {keys.API_SERVER, "endpoints/default/kubernetes"},
        ),
        (EndpointSlice("shop", "x", "kubernetes", "IPv4"), {"endpoints/shop/kubernetes"}),
        (Pod("shop", "p", "u"), {"ports/shop"}),
        (
            Pod("kube-system", "p", "u", {"k8s-app": "node-local-dns"}),
            {keys.DNS, "ports/kube-system"},
        ),
        (
            Pod("ingress", "p", "u", {"app": "gateway"}),
            {keys.INGRESS_CONTROLLERS, "ports/ingress"},
        ),
        (ServiceCIDR("kubernetes"), {keys.CLUSTER_RANGES}),
    ],
)
def test_a_change_of_an_object_touches_those_who_look_at_it(thing: Any, touched: set[str]) -> None:
    assert _keys_of_change(None, thing) == touched
    assert _keys_of_change(thing, None) == touched


def test_a_node_touches_by_what_of_it_changed() -> None:
    node = Node("a", ("192.168.7.1",), ("10.244.0.0/24",))
    assert _keys_of_change(None, node) == {keys.NODES, keys.CLUSTER_RANGES}
    assert _keys_of_change(node, replace(node, addresses=("192.168.7.2",))) == {keys.NODES}
    assert _keys_of_change(node, replace(node, pod_cidrs=())) == {keys.CLUSTER_RANGES}
    assert _keys_of_change(node, replace(node, architecture="arm64")) == frozenset()


def test_who_does_not_name_the_api_server_is_not_touched_by_it() -> None:
    assert compiled({"to": {"namespace": "payments"}}).depends_on == {
        "namespaces/payments",
        "ports/shop",
    }
