"""A kind that the operator may not read is named, freezes what needs it, and recovers by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest

from tests.cluster.engine.conftest import ENFORCER, ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import WITHIN, Tenant, enforcing, rule
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/bailiwick-operator"
LABEL = "bailiwick.dev/profile"
OTHERS = [
    "services",
    "endpointslices",
    "nodes",
    "servicecidrs",
    "rescanrequests",
    "vulnerabilityexceptions",
    "clustervulnerabilityexceptions",
]

GiveBack = Callable[[], object]
Without = Callable[..., AbstractContextManager[GiveBack]]


@pytest.fixture
def without(installed: ControlPlane) -> Without:
    """Takes rights on kinds from the operator's role, until they are given back."""

    @contextmanager
    def taken(*kinds: str, verbs: Sequence[str] = ()) -> Iterator[GiveBack]:
        """All verbs, where none are named."""
        whole = installed.api.get(ROLE)["rules"]
        left = [
            {**each, "resources": [r for r in each["resources"] if r not in kinds]}
            for each in whole
        ]
        kept = [
            {**each, "resources": [kind], "verbs": [v for v in each["verbs"] if v not in verbs]}
            for each in whole
            for kind in kinds
            if verbs and kind in each["resources"]
        ]
        rules = [each for each in (*left, *kept) if each["resources"]]
        installed.api.patch(ROLE, {"rules": rules})
        give_back = partial(installed.api.patch, ROLE, {"rules": whole})
        try:
            yield give_back
        finally:
            give_back()

    return taken


def start(cluster: ControlPlane) -> OperatorProcess:
    """An operator that reads everything anew each second."""
    return OperatorProcess(cluster, "--enforcer", ENFORCER, "--resync", "1s")


def versions(shop: Tenant) -> dict[str, str]:
    """The resource version of each policy."""
    return {n: p["metadata"]["resourceVersion"] for n, p in shop.policies().items()}


def until_named(shop: Tenant, kind: str) -> None:
    """Wait until the status says that a kind cannot be read, and draws no verdict."""
    ready = shop.until("Ready", "False", "Unreadable")
    assert f"cannot read {kind} (" in ready["message"]
    assert kind in shop.until("EvidenceFresh", "Unknown", "Unreadable")["message"]
    shop.until("Compliant", "Unknown", "Unreadable")


def until_well(shop: Tenant) -> None:
    shop.until_ready()
    shop.until("Compliant", "True")
    assert len(shop.policies()) == 4


@pytest.mark.parametrize(
    "kind", ["pods", "networkpolicies", "imagescans", "customresourcedefinitions"]
)
def test_a_kind_that_cannot_be_read_at_the_start_is_named_and_recovers_by_itself(
    installed: ControlPlane, tenant: TenantFactory, without: Without, kind: str
) -> None:
    shop = tenant(intent=enforcing(rule()))
    with without(kind) as give_back, start(installed) as operator:
        until_named(shop, kind)
        assert operator.metric("bailiwick_unreadable", kind=kind) == 1
        give_back()
        until_well(shop)
        assert operator.metric("bailiwick_unreadable", kind=kind) == 0


def test_every_kind_that_cannot_be_read_is_told(
    installed: ControlPlane, tenant: TenantFactory, without: Without
) -> None:
    shop = tenant(intent=enforcing(rule()))
    with without(*OTHERS) as give_back, start(installed) as operator:
        until_named(shop, min(OTHERS))
        assert all(operator.metric("bailiwick_unreadable", kind=kind) == 1 for kind in OTHERS)
        give_back()
        until_well(shop)
        assert operator.metric("bailiwick_unreadable") == 0


@pytest.mark.parametrize("kind", ["services", "imagescans"])
def test_a_right_that_is_taken_at_run_time_changes_nothing_but_the_status(
    installed: ControlPlane, tenant: TenantFactory, without: Without, kind: str
) -> None:
    shop = tenant(intent=enforcing(rule()))
    with start(installed) as operator:
        until_well(shop)
        before = versions(shop)
        with without(kind):
            until_named(shop, kind)
            assert versions(shop) == before
            assert operator.is_running
        until_well(shop)
        assert versions(shop) == before


def test_what_does_not_need_the_kind_goes_on(
    installed: ControlPlane, tenant: TenantFactory, without: Without, profile: ProfileFactory
) -> None:
    bare = profile()
    to_nodes = {"name": "nodes", "to": {"entity": "Nodes"}, "ports": [10250]}
    shop = tenant(intent=enforcing(to_nodes, rule(), profile=bare))
    with start(installed):
        shop.until_ready()
        before = versions(shop)
        with without("nodes"):
            until_named(shop, "nodes")
            shop.declare(enforcing(to_nodes, rule(), rule("more", 9000), profile=bare))
            until_named(shop, "nodes")
            now = versions(shop)
            assert len(now) == len(before) + 2
            assert before.items() <= now.items()


def test_nothing_becomes_isolated_while_a_rule_cannot_be_worked_out(
    installed: ControlPlane, tenant: TenantFactory, without: Without
) -> None:
    to_service = {"name": "out", "to": {"service": {"name": "none"}}}
    shop = tenant(intent=enforcing(to_service, rule()))
    with without("services"), start(installed):
        until_named(shop, "services")
        assert shop.policies() == {}


def test_what_may_be_written_but_not_read_is_not_written(
    installed: ControlPlane, tenant: TenantFactory, without: Without
) -> None:
    shop = tenant()
    body = {"metadata": {"name": "bailiwick-isolation"}, "spec": {"podSelector": {}}}
    theirs = shop.api.create(shop.policy_path, body)
    shop.declare(enforcing(rule()))
    with without("networkpolicies", verbs=["get", "list", "watch"]), start(installed):
        until_named(shop, "networkpolicies")
        now = shop.policies()
    assert {n: p["metadata"]["uid"] for n, p in now.items()} == {
        "bailiwick-isolation": theirs["metadata"]["uid"]
    }
    assert versions(shop) == {"bailiwick-isolation": theirs["metadata"]["resourceVersion"]}


@pytest.mark.parametrize("named", [True, False], ids=["named", "default"])
def test_profiles_that_cannot_be_read_are_not_taken_for_missing_ones(
    installed: ControlPlane,
    tenant: TenantFactory,
    without: Without,
    profile: ProfileFactory,
    named: bool,
) -> None:
    floor = profile(default=not named, enforcement={"initial": "Enforce"})
    shop = tenant(intent={"profile": floor} if named else {})
    with start(installed):
        shop.until_ready()
    before = versions(shop)
    assert before.keys() == {"bailiwick-isolation"}
    with without("securityprofiles") as give_back, start(installed) as operator:
        until_named(shop, "securityprofiles")
        assert versions(shop) == before
        assert not operator.probe("readyz")[0]
        give_back()
        shop.until_ready()
        assert versions(shop) == before


def test_namespaces_that_cannot_be_read_change_nothing_in_theirs(
    installed: ControlPlane, tenant: TenantFactory, without: Without
) -> None:
    shop = tenant(intent=enforcing(rule()))
    with start(installed):
        until_well(shop)
    before = versions(shop)
    with without("namespaces") as give_back, start(installed):
        until_named(shop, "namespaces")
        assert versions(shop) == before
        give_back()
        until_well(shop)
        assert versions(shop) == before


def test_intents_that_cannot_be_read_are_not_written_anew(
    installed: ControlPlane, tenant: TenantFactory, without: Without, profile: ProfileFactory
) -> None:
    shop = tenant(labels={LABEL: profile(enforcement={"initial": "Enforce"})})
    with start(installed):
        eventually(shop.intent, timeout=WITHIN)
        shop.until_ready()
    before, intent = versions(shop), shop.intent()
    with without("securityintents", verbs=["list", "watch"]), start(installed) as operator:

        def says_so() -> None:
            ready, words = operator.probe("readyz")
            assert not ready
            assert "securityintents cannot be listed" in words

        eventually(says_so, timeout=WITHIN)
        assert operator.metric("bailiwick_reconcile_errors_total") == 0
    assert versions(shop) == before
    assert shop.intent()["metadata"]["resourceVersion"] == intent["metadata"]["resourceVersion"]


def test_without_a_kind_of_policy_nobody_says_what_is_possible(
    installed: ControlPlane, tenant: TenantFactory, without: Without
) -> None:
    shop = tenant(intent=enforcing(rule()))

    def is_told(result: str, unknown: list[str]) -> None:
        status = shop.status()
        found = status.get("network", {}).get("findings", [])
        controls = {each["id"]: each for each in status.get("controls", [])}
        assert controls["network-effective"]["result"] == result, status
        causes = [each["message"].split()[0] for each in found if each["code"] == "Unknown"]
        assert causes == unknown

    with without("networkpolicies") as give_back, start(installed):
        until_named(shop, "networkpolicies")
        eventually(lambda: is_told("error", ["networkpolicies"]), WITHIN)
        give_back()
        until_well(shop)
        eventually(lambda: is_told("pass", []), WITHIN)
