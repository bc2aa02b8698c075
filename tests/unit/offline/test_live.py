"""A cluster is read with the rights of the caller, and what may not be read is unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bailiwick.kube.errors import Unauthorized
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.live import read_cluster
from bailiwick.offline.world import world
from bailiwick.policy.facts import Owner
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.edges import Connection
from tests.unit.kube.fakeapi import FakeApi, client_of, serving
from tests.unit.offline.make import inventory, policy, workload

EVERYTHING = Connection(port_sets.ALL)
UNKNOWN = Connection(unknown=port_sets.ALL)


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    """Two namespaces with a pod each, and a policy that closes the pod of one of them."""
    async with serving() as served:
        for namespace in ("shop", "payments"):
            served.put("namespaces", namespace, "")
            served.put("pods", "api", namespace, metadata={"labels": {"app": "api"}}, spec={})
        closed = {"podSelector": {}, "policyTypes": ["Ingress"]}
        served.put("networkpolicies", "closed", "payments", spec=closed)
        yield served


async def read(api: FakeApi, *namespaces: str) -> Inventory:
    async with client_of(api) as client:
        return await read_cluster(client, namespaces)


def connections(found: Inventory) -> dict[tuple[str, str], Connection]:
    workloads = world(found.cluster(), found.policies.values()).workloads
    return {
        (source.namespace, target.namespace): connection
        for source in workloads.classes
        for target, connection in workloads.targets(source).items()
        if source != target
    }


def forbid(api: FakeApi, plural: str) -> None:
    api.fail(f"/{plural}?", 403, "Forbidden", times=100, message=f"may not list {plural}")


async def test_everything_that_says_something_of_traffic_is_read(api: FakeApi) -> None:
    api.put("services", "api", "shop", spec={"selector": {"app": "api"}, "ports": [{"port": 80}]})
    api.put(
        "nodes", "one", "", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}
    )
    found = await read(api)
    assert found.unreadable == {}
    assert connections(found) == {("payments", "shop"): EVERYTHING}
    assert found.services["shop", "api"].ports[0].number == 80
    assert found.nodes["one"].addresses == ("10.0.0.1",)


async def test_kinds_that_the_server_does_not_have_are_no_trouble(api: FakeApi) -> None:
    await read(api)
    asked = {path for _, path, _ in api.requests}
    assert "/apis/cilium.io/v2" in asked
    assert "/apis/cilium.io/v2/ciliumnetworkpolicies" not in asked


async def test_policies_of_other_kinds_are_read_where_they_are_served(api: FakeApi) -> None:
    api.groups.add("policy.networking.k8s.io/v1alpha1")
    api.put(
        "adminnetworkpolicies",
        "floor",
        "",
        spec={
            "priority": 1,
            "subject": {"namespaces": {}},
            "egress": [{"action": "Deny", "to": [{"namespaces": {}}]}],
        },
    )
    assert connections(await read(api)) == {}


async def test_policies_that_may_not_be_read_make_the_answer_unknown(api: FakeApi) -> None:
    forbid(api, "networkpolicies")
    found = await read(api)
    assert found.unreadable == {"networkpolicies": "may not list networkpolicies"}
    assert connections(found) == {("payments", "shop"): UNKNOWN, ("shop", "payments"): UNKNOWN}


async def test_policies_of_the_whole_cluster_that_may_not_be_read_do_so_too(api: FakeApi) -> None:
    api.groups.add("policy.networking.k8s.io/v1alpha1")
    forbid(api, "adminnetworkpolicies")
    found = connections(await read(api))
    assert found["payments", "shop"] == UNKNOWN


async def test_calicos_policies_that_may_not_be_read_are_not_taken_for_kubernetes_own(
    api: FakeApi,
) -> None:
    path = "crd.projectcalico.org/v1"
    api.groups.add(path)
    for plural in ("networkpolicies", "globalnetworkpolicies"):
        api.fail(f"{path}/{plural}?", 403, "Forbidden", times=9, message="not for you")
    found = await read(api)
    assert found.unreadable == {
        "networkpolicies.crd.projectcalico.org": "not for you",
        "globalnetworkpolicies.crd.projectcalico.org": "not for you",
    }
    assert {str(key) for key in found.policies} == {
        "NetworkPolicy payments/closed",
        "NetworkPolicy.crd.projectcalico.org payments/(not readable)",
        "NetworkPolicy.crd.projectcalico.org shop/(not readable)",
        "GlobalNetworkPolicy.crd.projectcalico.org (not readable)",
    }
    assert set(connections(found).values()) == {UNKNOWN}


async def test_whoever_may_read_one_namespace_learns_of_that_one(api: FakeApi) -> None:
    for plural in ("pods", "networkpolicies"):
        api.fail(f"GET /api/v1/{plural}?", 403, "Forbidden", times=100)
        api.fail(f"GET /apis/networking.k8s.io/v1/{plural}?", 403, "Forbidden", times=100)
    found = await read(api, "shop")
    assert {pod.namespace for pod in found.running()} == {"shop"}
    assert found.unreadable.keys() == {"pods", "networkpolicies"}
    assert [key.namespace for key in found.policies] == ["payments"]


async def test_pods_are_named_after_their_deployment(api: FakeApi) -> None:
    metadata: dict[str, Any] = {
        "labels": {"app": "web", "pod-template-hash": "7d7f"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d7f", "controller": True}],
    }
    api.put("pods", "web-7d7f-x", "shop", metadata=metadata, spec={})
    found = await read(api)
    assert found.pods["shop", "web-7d7f-x"].owner == Owner("Deployment", "web")


async def test_pods_of_a_cron_job_are_named_after_it(api: FakeApi) -> None:
    of_job = {"ownerReferences": [{"kind": "Job", "name": "nightly-1", "controller": True}]}
    of_cron = {"ownerReferences": [{"kind": "CronJob", "name": "nightly", "controller": True}]}
    api.put("pods", "nightly-1-x", "shop", metadata=of_job, spec={})
    api.put("jobs", "nightly-1", "shop", metadata=of_cron)
    owners = {pod.name: pod.owner for pod in (await read(api)).running()}
    assert owners["nightly-1-x"] == Owner("CronJob", "nightly")


async def test_a_server_that_knows_nobody_is_told_as_that(api: FakeApi) -> None:
    api.fail("GET", 401, "Unauthorized", times=100)
    with pytest.raises(Unauthorized):
        await read(api)


async def test_manifests_replace_what_is_in_the_cluster(api: FakeApi, tmp_path: Any) -> None:
    metadata = {
        "labels": {"app": "web", "pod-template-hash": "1"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": True}],
    }
    api.put("pods", "web-1-x", "shop", metadata=metadata, spec={})
    live = await read(api)
    files = inventory(
        tmp_path, workload("web"), policy("closed", "podSelector: {}", namespace="payments")
    )
    changed = live.changed_by(files)
    assert sorted(pod.name for pod in changed.running()) == ["api", "api", "web"]
    assert len(changed.policies) == len(live.policies) == 1
    assert len(live.running()) == 3
