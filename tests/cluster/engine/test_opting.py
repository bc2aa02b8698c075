"""Opting in by the label, taking the intent over, opting out, and namespaces that are exempt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.engine.conftest import ENFORCER, ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import WITHIN, Tenant, absent_as_none, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.cluster import OPERATOR, ControlPlane
from tests.controlplane.kubectl import Kubectl, eventually
from tests.controlplane.operator_process import OperatorProcess

EXEMPT = "exempt-by-setting"
LABEL = "bailiwick.dev/profile"
EMPTY: Json = {"network": {}, "images": {}}
"""A spec that says nothing, as the API server gives it back."""


@pytest.fixture(scope="module", autouse=True)
def operator(installed: ControlPlane) -> Iterator[OperatorProcess]:
    """An operator that exempts one namespace more than always."""
    settings = ("--enforcer", ENFORCER, "--exempt-namespace", EXEMPT)
    with OperatorProcess(installed, *settings) as running:
        yield running.wait_ready()


@pytest.fixture
def strict(profile: ProfileFactory) -> str:
    """A profile that enforces where an intent says nothing."""
    return profile("strict", enforcement={"initial": "Enforce"})


def labelled(tenant: TenantFactory, profile: str) -> Tenant:
    """A namespace that carries the label only, once its policies are there."""
    shop = tenant(labels={LABEL: profile}, team=True)
    eventually(shop.intent, timeout=WITHIN)
    shop.until_ready()
    return shop


def manifest(shop: Tenant, spec: Json) -> Json:
    """The intent as a team keeps it in Git."""
    return {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "SecurityIntent",
        "metadata": {"name": "default", "namespace": shop.name},
        "spec": spec,
    }


def is_released(shop: Tenant) -> None:
    assert absent_as_none(lambda: shop.api.get(shop.intent_path)) is None
    assert shop.policies() == {}


def test_the_label_alone_isolates_and_gives_a_status_to_read(
    tenant: TenantFactory, strict: str
) -> None:
    shop = labelled(tenant, strict)
    assert shop.intent()["spec"] == EMPTY
    assert shop.status()["profile"] == {"name": strict, "generation": 1, "chosenBy": "Label"}
    assert shop.policies().keys() == {"bailiwick-isolation"}


def test_a_label_set_later_isolates_too(tenant: TenantFactory, strict: str) -> None:
    shop = tenant()
    shop.label({LABEL: strict})
    eventually(shop.intent, timeout=WITHIN)
    shop.until_ready()
    assert shop.policies().keys() == {"bailiwick-isolation"}


def test_nothing_of_ours_is_written_on_the_namespace(tenant: TenantFactory, strict: str) -> None:
    shop = labelled(tenant, strict)
    metadata = shop.api.get(shop.path)["metadata"]
    assert "annotations" not in metadata
    assert "finalizers" not in metadata
    assert "finalizers" not in shop.intent()["metadata"]
    assert "annotations" not in shop.intent()["metadata"]


def test_without_the_label_the_intent_that_we_wrote_and_its_policies_go(
    tenant: TenantFactory, strict: str
) -> None:
    shop = labelled(tenant, strict)
    shop.label({LABEL: None})
    eventually(lambda: is_released(shop), timeout=WITHIN)


@pytest.mark.parametrize("options", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_a_team_takes_the_intent_over_with_kubectl_apply_and_keeps_it_without_the_label(
    app_team: Kubectl, tenant: TenantFactory, strict: str, options: tuple[str, ...]
) -> None:
    shop = labelled(tenant, strict)
    spec = {"profile": strict, "network": {"allow": [rule()]}}
    # Our roles join the cluster's own a moment after they are applied.
    eventually(lambda: app_team.apply(manifest(shop, spec), *options), timeout=WITHIN)
    shop.until_ready()
    assert len(shop.policies()) == 3
    shop.label({LABEL: None})

    def is_chosen_by_the_intent() -> None:
        assert shop.status()["profile"]["chosenBy"] == "Intent"

    eventually(is_chosen_by_the_intent, timeout=WITHIN)
    assert len(shop.policies()) == 3
    assert shop.intent()["spec"]["network"] == {"allow": [rule()]}


@pytest.mark.parametrize("options", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_an_intent_taken_over_as_it_was_is_kept_as_well(
    admin: Kubectl, tenant: TenantFactory, strict: str, options: tuple[str, ...]
) -> None:
    shop = labelled(tenant, strict)
    admin.apply(manifest(shop, {}), *options)
    shop.label({LABEL: None})

    def is_held_to_the_default() -> None:
        assert shop.status()["profile"]["chosenBy"] == "BuiltIn"

    eventually(is_held_to_the_default, timeout=WITHIN)


def test_an_intent_that_a_team_deletes_is_written_again_while_the_label_asks_for_it(
    tenant: TenantFactory, strict: str
) -> None:
    shop = labelled(tenant, strict)
    shop.declare({"network": {"allow": [rule()]}})
    shop.until_ready()
    shop.delete_intent()

    def is_as_the_label_asks() -> None:
        assert shop.intent()["spec"] == EMPTY
        assert shop.policies().keys() == {"bailiwick-isolation"}

    eventually(is_as_the_label_asks, timeout=WITHIN)
    shop.until_ready()


def test_committing_an_intent_opts_in_without_a_label(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    assert shop.status()["profile"]["chosenBy"] == "BuiltIn"
    shop.delete_intent()
    eventually(lambda: is_released(shop), timeout=WITHIN)


@pytest.fixture(params=["kube-system", "kube-public", OPERATOR[0], EXEMPT])
def exempt(request: pytest.FixtureRequest, control_plane: ControlPlane) -> Iterator[Tenant]:
    """A namespace that is exempt: always, as the operator's own, and by the setting."""
    found = Tenant(control_plane.api, request.param)
    if absent_as_none(lambda: found.api.get(found.path)) is None:
        found.api.create("/api/v1/namespaces", {"metadata": {"name": found.name}})
    yield found
    found.label({LABEL: None})
    absent_as_none(found.delete_intent)


def refusals(operator: OperatorProcess) -> float:
    return operator.metric("bailiwick_exempt_namespace_refusals_total")


def test_an_intent_in_an_exempt_namespace_isolates_nothing_and_says_so(
    exempt: Tenant,
) -> None:
    before = exempt.policies()
    exempt.declare(enforcing(rule()))
    found = exempt.until("Ready", "False", "NamespaceExempt")
    assert "exempt by the operator's settings" in found["message"]
    assert exempt.condition("Compliant")["status"] == "Unknown"
    assert exempt.policies() == before


def test_a_label_on_an_exempt_namespace_is_refused_by_an_event_and_counted(
    operator: OperatorProcess, exempt: Tenant, strict: str
) -> None:
    before, counted = exempt.policies(), refusals(operator)
    exempt.label({LABEL: strict})

    def is_told() -> None:
        assert any(
            "label asks for isolation" in each["note"] for each in exempt.events("NamespaceExempt")
        )

    eventually(is_told, timeout=WITHIN)
    assert refusals(operator) == counted + 1
    assert absent_as_none(lambda: exempt.api.get(exempt.intent_path)) is None
    assert exempt.policies() == before
