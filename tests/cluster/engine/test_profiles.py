"""Which profile holds, what it forbids, and what becomes of a namespace without one."""

from __future__ import annotations

import pytest

from tests.cluster.engine.conftest import ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import PROFILES, WITHIN, Tenant, enforcing, rule
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually

pytestmark = pytest.mark.usefixtures("operator")

LABEL = "bailiwick.dev/profile"


def versions(shop: Tenant) -> dict[str, str]:
    """The resource version of each policy."""
    return {n: p["metadata"]["resourceVersion"] for n, p in shop.policies().items()}


def test_a_profile_that_is_not_there_changes_nothing_and_names_those_that_are(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    there = profile("there")
    shop = tenant(intent=enforcing(rule(), profile=there))
    shop.until_ready()
    before = versions(shop)
    shop.declare({"profile": "nowhere"})
    found = shop.until("Ready", "False", "ProfileNotFound")
    assert 'spec.profile names "nowhere"' in found["message"]
    assert there in found["message"]
    assert shop.until("Compliant", "Unknown", "ProfileNotFound")
    assert versions(shop) == before


def test_a_profile_that_comes_later_holds_at_once(
    control_plane: ControlPlane, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule(), profile="later"))
    shop.until("Ready", "False", "ProfileNotFound")
    body = {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "SecurityProfile",
        "metadata": {"name": "later"},
        "spec": {},
    }
    control_plane.api.create(PROFILES, body)
    shop.until_ready()
    control_plane.api.delete(f"{PROFILES}/later")
    before = versions(shop)
    shop.until("Ready", "False", "ProfileNotFound")
    assert versions(shop) == before


def test_a_profile_that_is_deleted_and_made_again_holds_as_it_is_now(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile(network={"isolate": ["Ingress"]})
    shop = tenant(intent=enforcing(rule(), profile=name))
    shop.until_ready()
    control_plane.api.delete(f"{PROFILES}/{name}")
    body = {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "SecurityProfile",
        "metadata": {"name": name},
        "spec": {"network": {"isolate": ["Ingress", "Egress"]}},
    }
    control_plane.api.create(PROFILES, body)

    def isolated_both_ways() -> None:
        found = shop.policies()["bailiwick-isolation"]["spec"]["policyTypes"]
        assert sorted(found) == ["Egress", "Ingress"]

    eventually(isolated_both_ways, timeout=WITHIN)
    shop.until_ready()


def test_the_default_profile_holds_where_none_is_named(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    shop = tenant(intent=enforcing())
    shop.until_ready()
    assert shop.status()["profile"] == {"name": "built-in", "generation": 0, "chosenBy": "BuiltIn"}
    default = profile("default", default=True)

    def is_by_default() -> None:
        expected = {"name": default, "generation": 1, "chosenBy": "Default"}
        assert shop.status()["profile"] == expected

    eventually(is_by_default, timeout=WITHIN)


def test_without_any_profile_the_built_in_one_holds_and_the_status_says_so(
    tenant: TenantFactory,
) -> None:
    shop = tenant(intent=enforcing(rule()))
    ready = shop.until_ready()
    assert "the built-in profile, since no SecurityProfile is the default" in ready["message"]
    rules = {p["metadata"]["labels"].get("bailiwick.dev/rule") for p in shop.policies().values()}
    assert rules == {None, "dns", "web-to-store"}


def test_two_default_profiles_leave_everything_as_it_is(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    first = profile("default", default=True)
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    before = versions(shop)
    second = profile("default", default=True)
    found = shop.until("Ready", "False", "DefaultProfileAmbiguous")
    assert first in found["message"]
    assert second in found["message"]
    assert versions(shop) == before

    def both_say_so() -> None:
        for name in (first, second):
            status = shop.api.get(f"{PROFILES}/{name}")["status"]
            assert status["conditions"][0]["reason"] == "DefaultProfileAmbiguous"

    eventually(both_say_so, timeout=WITHIN)


def test_the_label_binds_whatever_the_intent_names(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    bound, other = profile("bound"), profile("other")
    shop = tenant(labels={LABEL: bound}, intent={"profile": other})
    found = shop.until("Ready", "False", "LooseningRefused")
    assert found["message"].startswith("spec.profile has no effect")
    assert shop.status()["profile"]["name"] == bound
    assert [each["field"] for each in shop.status()["refused"]] == ["spec.profile"]


def test_a_label_that_names_no_profile_says_so(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    profile("there")
    shop = tenant(labels={LABEL: "nowhere"})
    eventually(shop.intent, timeout=WITHIN)
    found = shop.until("Ready", "False", "ProfileNotFound")
    assert f'label {LABEL} names "nowhere"' in found["message"]


def test_usable_by_decides_who_may_name_a_profile_and_not_whom_the_label_binds(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    only = {"namespaceSelector": {"matchLabels": {"tier": "gold"}}}
    golden = profile("golden", usableBy=only)
    shop = tenant(intent=enforcing(profile=golden))
    found = shop.until("Ready", "False", "ProfileNotAllowed")
    assert "spec.usableBy does not match the namespace's labels" in found["message"]
    assert shop.policies() == {}
    shop.label({"tier": "gold"})
    shop.until_ready()
    bound = tenant(labels={LABEL: golden}, intent=enforcing())
    bound.until_ready()


LIMITS = {
    "enforcement": {"minimum": "Enforce", "initial": "Enforce"},
    "network": {
        "mayDeclare": {
            "entities": ["DNS"],
            "cidrs": ["203.0.113.0/24"],
            "namespaces": {"matchLabels": {"shared": "true"}},
        },
    },
    "images": {
        "scan": {"maxAge": "24h", "rescanEvery": "12h"},
        "remediateWithin": {"critical": "15d"},
    },
}
"""A profile that limits all there is."""

LOOSER = {
    "enforcement": "Audit",
    "network": {
        "allow": [
            {"name": "internet", "to": {"entity": "Internet"}},
            {"name": "far", "to": {"cidr": "198.51.100.0/24"}},
            {"name": "other", "to": {"namespace": "kube-system"}},
            {"name": "behind", "to": {"service": {"name": "kube-dns", "namespace": "kube-system"}}},
            {"name": "near", "to": {"cidr": "203.0.113.7/32"}},
        ]
    },
    "images": {"scan": {"maxAge": "48h"}, "remediateWithin": {"critical": "30d"}},
}
"""An intent that loosens each of them, and one rule within the limits."""


def test_whatever_loosens_the_profile_is_named_by_its_path_and_not_done(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    shop = tenant(intent={"profile": profile("limits", **LIMITS), **LOOSER})
    shop.until("Ready", "False", "LooseningRefused")
    assert {each["field"] for each in shop.status()["refused"]} == {
        "spec.enforcement",
        "spec.network.allow[internet].to",
        "spec.network.allow[far].to",
        "spec.network.allow[other].to",
        "spec.network.allow[behind].to",
        "spec.images.scan.maxAge",
        "spec.images.remediateWithin.critical",
    }
    rules = {p["metadata"]["labels"].get("bailiwick.dev/rule") for p in shop.policies().values()}
    assert rules == {None, "near"}
    assert shop.status()["enforcement"] == "Enforce"


def test_a_service_of_addresses_is_held_to_the_same_ranges(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    limits = {"network": {"mayDeclare": {"cidrs": ["203.0.113.0/24"]}}}
    shop = tenant()
    behind(shop, "inside", "203.0.113.9")
    behind(shop, "outside", "198.51.100.9")
    rules = [{"name": name, "to": {"service": {"name": name}}} for name in ("inside", "outside")]
    shop.declare(enforcing(*rules, profile=profile(**limits)))
    found = shop.until("Ready", "False")
    assert "198.51.100.9" in found["message"]
    names = {p["metadata"]["labels"].get("bailiwick.dev/rule") for p in shop.policies().values()}
    assert names == {None, "inside"}


def behind(shop: Tenant, name: str, address: str) -> None:
    """Make a Service without a selector, and the address behind it."""
    ports = [{"port": 443, "protocol": "TCP"}]
    service = {"metadata": {"name": name}, "spec": {"ports": ports}}
    shop.api.create(f"{shop.path}/services", service)
    shop.api.create(
        f"/apis/discovery.k8s.io/v1/namespaces/{shop.name}/endpointslices",
        {
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address]}],
            "ports": ports,
        },
    )
