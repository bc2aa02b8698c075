"""What a profile denies is one ClusterNetworkPolicy, for those namespaces that are enforced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from tests.cluster.dialects.conftest import TenantFactory, profile
from tests.cluster.dialects.definitions import CLUSTER_POLICY, Definitions
from tests.cluster.engine.tenant import (
    PROFILES,
    STORE,
    WEB,
    WITHIN,
    absent_as_none,
    enforcing,
    rule,
)
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

LABEL = "bailiwick.dev/profile"
_numbers = count(1)

Declare = Callable[..., str]


@pytest.fixture
def declare(control_plane: ControlPlane) -> Iterator[Declare]:
    """Makes profiles of names of their own, and removes them after the test."""
    made: list[str] = []

    def make(**network: Any) -> str:
        name = f"floor-{next(_numbers)}"
        control_plane.api.create(PROFILES, profile(name, **network))
        made.append(name)
        return name

    yield make
    for name in made:
        absent_as_none(partial(control_plane.api.delete, f"{PROFILES}/{name}"))


@pytest.fixture
def served(definitions: Definitions) -> Definitions:
    """The kind is installed when the test begins."""
    definitions.install(CLUSTER_POLICY)
    return definitions


def until(served: Definitions, floor: str, *namespaces: str, rules: set[str]) -> Json:
    """Wait until the policy of a profile is for just these namespaces, with just these rules."""

    def holds() -> Json:
        found = served.objects(CLUSTER_POLICY)
        assert f"bailiwick-{floor}" in found
        policy = found[f"bailiwick-{floor}"]
        chosen = policy["spec"]["subject"]["namespaces"]
        values = sorted(namespaces)
        key = "kubernetes.io/metadata.name"
        assert chosen == {"matchExpressions": [{"key": key, "operator": "In", "values": values}]}
        assert {rule["name"] for rule in policy["spec"].get("egress") or ()} == rules
        return policy

    return eventually(holds, WITHIN)


def until_gone(served: Definitions, floor: str) -> None:
    def is_gone() -> None:
        assert f"bailiwick-{floor}" not in served.objects(CLUSTER_POLICY)

    eventually(is_gone, WITHIN)


BOTH = {"metadata services", "internet"}
METADATA = {"metadata services"}


def test_enforced_namespaces_are_denied_what_their_profile_denies(
    served: Definitions, tenant: TenantFactory, declare: Declare
) -> None:
    floor = declare(internet="Denied")
    labelled = tenant(labels={LABEL: floor}, intent=enforcing())
    named = tenant(intent=enforcing(profile=floor))
    audited = tenant(intent={"profile": floor, "enforcement": "Audit"})
    policy = until(served, floor, labelled.name, named.name, rules=BOTH)
    assert policy["spec"]["tier"] == "Admin"
    assert {rule["action"] for rule in policy["spec"]["egress"]} == {"Deny"}
    (owner,) = policy["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("SecurityProfile", floor)
    audited.declare(enforcing(profile=floor))
    until(served, floor, labelled.name, named.name, audited.name, rules=BOTH)
    named.delete_intent()
    labelled.declare({"enforcement": "Audit"})
    until(served, floor, audited.name, rules=BOTH)
    audited.declare({"profile": floor, "enforcement": "Audit"})
    until_gone(served, floor)


def test_metadata_services_are_denied_whatever_the_internet_is(
    served: Definitions, tenant: TenantFactory, declare: Declare
) -> None:
    floor = declare()
    shop = tenant(intent=enforcing(profile=floor))
    policy = until(served, floor, shop.name, rules=METADATA)
    (rule,) = policy["spec"]["egress"]
    assert "169.254.169.254/32" in rule["to"][0]["networks"]


def test_a_profile_that_turns_denies_once_all_its_namespaces_took_that_up(
    control_plane: ControlPlane, served: Definitions, tenant: TenantFactory, declare: Declare
) -> None:
    floor = declare()
    shop = tenant(intent=enforcing(profile=floor))
    until(served, floor, shop.name, rules=METADATA)
    for internet, rules in (("Denied", BOTH), ("Declared", METADATA)):
        patch = {"spec": {"network": {"internet": internet}}}
        control_plane.api.patch(f"{PROFILES}/{floor}", patch)
        until(served, floor, shop.name, rules=rules)


def test_what_others_do_to_it_is_mended(
    control_plane: ControlPlane, served: Definitions, tenant: TenantFactory, declare: Declare
) -> None:
    floor = declare(internet="Denied")
    shop = tenant(intent=enforcing(profile=floor))
    before = until(served, floor, shop.name, rules=BOTH)
    path = f"{served.path(CLUSTER_POLICY)}/bailiwick-{floor}"
    nobody = {"matchLabels": {"a": "b"}}
    accepted = {"action": "Accept", "from": [{"namespaces": {}}]}
    for patch in (
        {"spec": {"subject": {"namespaces": nobody}}},
        {"spec": {"egress": None}},
        {"spec": {"ingress": [accepted]}},
        {"spec": {"priority": 900}},
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}},
        None,
    ):
        if patch is None:
            control_plane.api.delete(path)
        else:
            control_plane.api.patch(path, patch)

        def is_mended() -> None:
            now = until(served, floor, shop.name, rules=BOTH)
            assert now["spec"] == before["spec"]
            assert now["metadata"]["labels"] == before["metadata"]["labels"]

        eventually(is_mended, WITHIN)


def test_a_restarted_operator_lets_no_namespace_out(
    operator: OperatorProcess, served: Definitions, tenant: TenantFactory, declare: Declare
) -> None:
    floor = declare(internet="Denied")
    shops = [tenant(intent=enforcing(profile=floor)) for _ in range(3)]
    before = until(served, floor, *(shop.name for shop in shops), rules=BOTH)
    operator.stop()
    operator.start_again()
    operator.wait_ready()
    more = tenant(intent=enforcing(profile=floor))
    after = until(served, floor, *(shop.name for shop in (*shops, more)), rules=BOTH)
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1


def test_it_goes_with_its_profile(
    control_plane: ControlPlane, served: Definitions, tenant: TenantFactory, declare: Declare
) -> None:
    floor = declare(internet="Denied")
    shop = tenant(labels={LABEL: floor}, intent=enforcing())
    until(served, floor, shop.name, rules=BOTH)
    control_plane.api.delete(f"{PROFILES}/{floor}")
    until_gone(served, floor)
    shop.until("Ready", "False", "ProfileNotFound")
    assert "bailiwick-isolation" in shop.policies()


def test_it_comes_and_goes_with_its_kind(
    served: Definitions, tenant: TenantFactory, declare: Declare
) -> None:
    floor = declare(internet="Denied")
    shop = tenant(intent=enforcing(profile=floor))
    until(served, floor, shop.name, rules=BOTH)
    served.remove(CLUSTER_POLICY)
    shop.declare(enforcing(profile=floor, images={"scannedAfter": "2026-01-01T00:00:00Z"}))
    shop.until_ready()
    served.install(CLUSTER_POLICY)
    until(served, floor, shop.name, rules=BOTH)


def test_a_policy_of_somebody_else_with_its_name_is_not_taken_over(
    control_plane: ControlPlane,
    operator: OperatorProcess,
    served: Definitions,
    tenant: TenantFactory,
    declare: Declare,
) -> None:
    floor = declare(internet="Denied")
    body = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": f"bailiwick-{floor}"},
        "spec": {"tier": "Baseline", "priority": 7, "subject": {"namespaces": {}}},
    }
    theirs = control_plane.api.create(served.path(CLUSTER_POLICY), body)
    shop = tenant(intent=enforcing(profile=floor))

    def is_told() -> None:
        assert f"bailiwick-{floor} is somebody else's" in operator.tail(40)

    eventually(is_told, WITHIN)
    path = f"{served.path(CLUSTER_POLICY)}/bailiwick-{floor}"
    version = control_plane.api.get(path)["metadata"]["resourceVersion"]
    assert version == theirs["metadata"]["resourceVersion"]
    control_plane.api.delete(path)
    until(served, floor, shop.name, rules=BOTH)


def test_a_policy_of_the_whole_cluster_that_cuts_a_rule_is_told_to_its_namespace(
    control_plane: ControlPlane, served: Definitions, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule()))
    for number, labels in enumerate((WEB, STORE)):
        container = {"name": "main", "image": "registry.example.com/it"}
        body = {
            "metadata": {"name": f"pod-{number}", "labels": labels["matchLabels"]},
            "spec": {"containers": [container]},
        }
        control_plane.api.create(f"{shop.path}/pods", body)
    shop.until_ready()
    path = served.path(CLUSTER_POLICY)
    name = f"cut-{shop.name}"
    here: Json = {"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": shop.name}}}
    policy: Json = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "tier": "Admin",
            "priority": 7,
            "subject": here,
            "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
        },
    }
    control_plane.api.create(path, policy)

    def told() -> set[str]:
        found = shop.status()["network"].get("findings") or ()
        return {each["policy"] for each in found if each["code"] == "NarrowedByForeign"}

    def is_told() -> None:
        assert told() == {f"ClusterNetworkPolicy {name}"}

    def is_told_no_more() -> None:
        assert told() == set()

    eventually(is_told, WITHIN)
    control_plane.api.delete(f"{path}/{name}")
    eventually(is_told_no_more, WITHIN)
