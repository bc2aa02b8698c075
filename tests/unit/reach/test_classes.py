"""Pods that no policy can tell apart are one class, whatever else differs between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bailiwick.policy.facts import ContainerPort, Owner
from bailiwick.policy.reach.addresses import Family
from bailiwick.policy.reach.classes import Classes
from bailiwick.policy.reach.cluster_network import NOTHING_TOLD, OUTSIDE_ONLY
from bailiwick.policy.reach.model import NamedPort
from bailiwick.policy.reach.peers import numbers
from bailiwick.policy.selectors import Requirement, Selector
from tests.unit.reach.make import pod, port, ports

WEB = pod("shop/web", "10.0.0.1", node="n0", owner=Owner("ReplicaSet", "web"))


def classes_of(*pods: Any) -> Classes:
    found = Classes(NOTHING_TOLD)
    for each in pods:
        found.put_pod(each)
    return found


@pytest.mark.parametrize(
    "more",
    [
        {"addresses": ("10.0.0.2",)},
        {"node": "n1"},
        {"owner": None},
        {"ports": (ContainerPort(80),)},
        {"containers": ()},
    ],
)
def test_what_no_policy_can_tell_apart(more: Any) -> None:
    assert len(list(classes_of(WEB, replace(WEB, name="other", **more)).all())) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"namespace": "payments"},
        {"labels": {"app": "web", "tier": "x"}},
        {"labels": {}},
        {"ports": (port(80, "http"),)},
        {"host_network": True},
    ],
)
def test_what_some_policy_can_tell_apart(more: Any) -> None:
    assert len(list(classes_of(WEB, replace(WEB, name="other", **more)).all())) == 2


def test_pods_on_their_nodes_network_are_told_apart_by_address() -> None:
    agent = replace(WEB, host_network=True)
    found = classes_of(agent, replace(agent, name="b"), replace(agent, name="c", addresses=()))
    assert len(list(found.all())) == 2


def test_a_class_knows_its_workloads_and_ends_with_its_last_pod() -> None:
    found = classes_of(WEB, replace(WEB, name="a"), replace(WEB, name="b", owner=None))
    (one,) = found.all()
    assert {str(name): count for name, count in one.workloads.items()} == {
        "shop/web[ReplicaSet]": 2,
        "shop/b[Pod]": 1,
    }
    for name in ("web", "a"):
        assert not found.remove_pod("shop", name).ended
    assert found.remove_pod("shop", "b").ended == [one]
    assert not list(found.all())
    with pytest.raises(KeyError):
        found[one.number]


def test_a_number_is_used_again() -> None:
    found = classes_of(WEB)
    found.remove_pod("shop", "web")
    found.put_pod(pod("payments/api"))
    assert [each.number for each in found.all()] == [0]
    assert list(numbers(found.in_namespace("payments"))) == [0]
    assert found.in_namespace("shop") == 0


def test_the_only_pod_of_a_class_may_stay_in_it() -> None:
    found = classes_of(WEB)
    change = found.put_pod(replace(WEB, node="n1", owner=None))
    assert (change.began, change.ended) == ([], [])
    assert found.put_pod(replace(WEB, node="n1", owner=None)) == type(change)()


@pytest.mark.parametrize(
    "selector, expected",
    [
        (Selector(), {"web", "api"}),
        (Selector.of({"app": "web"}), {"web"}),
        (Selector.of({"app": "web", "tier": "x"}), set()),
        (Selector.of({}, [Requirement("tier", "DoesNotExist")]), {"web", "api"}),
        (Selector.of({"app": "web"}, [Requirement("app", "NotIn", ("web",))]), set()),
    ],
)
def test_selectors_never_select_pods_on_their_nodes_network(
    selector: Selector, expected: set[str]
) -> None:
    agent = pod("shop/agent", "192.168.0.1", host_network=True)
    found = classes_of(WEB, pod("payments/api"), agent)
    names = {
        workload.name
        for number in numbers(found.with_labels(selector))
        for workload in found[number].workloads
    }
    assert names == expected


def test_a_ports_name_stands_for_the_first_of_each_protocol() -> None:
    found = classes_of(
        replace(WEB, ports=(port(1, "dns", "UDP"), port(2, "dns"), port(3, "dns"), port(9)))
    )
    (one,) = found.all()
    assert one.ports_named(NamedPort("dns", "TCP")) == ports(2)
    assert one.ports_named(NamedPort("dns")) == ports(2, "1/UDP")
    assert one.ports_named(NamedPort("http")) == 0


@pytest.mark.parametrize(
    "addresses, expected",
    [
        (("10.0.0.1",), {Family.V4}),
        (("fd00::1",), {Family.V6}),
        (("10.0.0.1", "fd00::1"), {Family.V4, Family.V6}),
        ((), {Family.V4, Family.V6}),
        (("nonsense",), {Family.V4, Family.V6}),
    ],
)
def test_a_class_has_the_families_of_its_addresses(
    addresses: tuple[str, ...], expected: set[Family]
) -> None:
    found = classes_of(replace(WEB, addresses=addresses))
    (one,) = found.all()
    assert one.families == expected


def test_families_follow_addresses_that_come_and_go() -> None:
    found = classes_of(WEB, replace(WEB, name="b", addresses=("fd00::1",)))
    (one,) = found.all()
    assert one.families == {Family.V4, Family.V6}
    found.remove_pod("shop", "web")
    assert one.families == {Family.V6}
    found.put_pod(replace(WEB, name="b", addresses=()))
    assert one.families == {Family.V4, Family.V6}


def test_pods_without_an_address_are_of_the_families_of_the_clusters_ranges() -> None:
    (first, _) = NOTHING_TOLD.pod_ranges[:2]
    found = Classes(replace(NOTHING_TOLD, pod_ranges=(first,)))
    found.put_pod(replace(WEB, addresses=()))
    assert [each.families for each in found.all()] == [{Family.V4}]
    found = Classes(OUTSIDE_ONLY)
    found.put_pod(replace(WEB, addresses=()))
    assert [each.families for each in found.all()] == [{Family.V4, Family.V6}]
