"""Allowances by template, from the profile to the policies of each namespace."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.engine.conftest import ENFORCER, TenantFactory
from tests.cluster.engine.tenant import PROFILES, WITHIN, Tenant, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.cluster import OPERATOR, ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

HOME = OPERATOR[0]
CONFIG_MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{HOME}/roles/bailiwick-operator"
METRICS: Json = {"name": "metrics", "template": "prometheus-scrape", "with": {"port": 9090}}
ENDLESS = 'to: {namespace: "{{ 10 ** (10 ** 10) }}"}'
SHARED = 'to: {namespace: "{{ namespace.labels.team }}-%s"}'

Write = Callable[[str, Mapping[str, str]], None]
Declare = Callable[..., str]


@pytest.fixture(scope="module")
def operator(installed: ControlPlane) -> Iterator[OperatorProcess]:
    """An operator that reads everything anew often, and so soon notices what it may not read."""
    with OperatorProcess(installed, "--enforcer", ENFORCER, "--resync", "2s") as running:
        yield running.wait_ready()


@pytest.fixture
def templates(installed: ControlPlane) -> Iterator[Write]:
    """Writes ConfigMaps of templates, as the platform team does."""
    written: set[str] = set()

    def write(name: str, data: Mapping[str, str]) -> None:
        labels = {"bailiwick.dev/templates": "true"}
        body = {"metadata": {"name": name, "labels": labels}, "data": dict(data)}
        if name in written:
            installed.api.patch(f"{CONFIG_MAPS}/{name}", body)
        else:
            installed.api.create(CONFIG_MAPS, body)
        written.add(name)

    yield write
    for name in written:
        installed.api.delete(f"{CONFIG_MAPS}/{name}")


@pytest.fixture
def profile(installed: ControlPlane) -> Iterator[Declare]:
    """Makes profiles with these allowances, and gives their names."""
    made: list[str] = []

    def declare(name: str, *allowances: Json) -> str:
        body = {
            "apiVersion": API_VERSION,
            "kind": "SecurityProfile",
            "metadata": {"name": name},
            "spec": {"network": {"allowances": list(allowances)}},
        }
        installed.api.create(PROFILES, body)
        made.append(name)
        return name

    yield declare
    for name in made:
        installed.api.delete(f"{PROFILES}/{name}")


def specs(tenant: Tenant, allowance: str) -> list[Json]:
    """The policies that an allowance gave, as the API has them."""
    return [
        policy["spec"]
        for policy in tenant.own_policies().values()
        if policy["metadata"]["labels"].get("bailiwick.dev/rule") == allowance
    ]


def namespaces_reached(tenant: Tenant, allowance: str) -> set[str]:
    """The names of the namespaces that an allowance opens the way to."""
    return {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for spec in specs(tenant, allowance)
        for entry in spec["egress"]
        for peer in entry["to"]
    }


@pytest.mark.usefixtures("operator")
def test_a_template_of_the_package_opens_what_it_says(
    tenant: TenantFactory, profile: Declare
) -> None:
    shop = tenant(intent=enforcing(profile=profile("scraped", METRICS)))
    shop.until_ready()
    (spec,) = specs(shop, "metrics")
    prometheus = {"app.kubernetes.io/name": "prometheus"}
    monitoring = {"kubernetes.io/metadata.name": "monitoring"}
    assert spec == {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": monitoring},
                        "podSelector": {"matchLabels": prometheus},
                    }
                ],
                "ports": [{"port": 9090, "protocol": "TCP"}],
            }
        ],
    }


@pytest.mark.usefixtures("operator")
def test_policies_follow_the_config_map_and_the_labels(
    tenant: TenantFactory, profile: Declare, templates: Write
) -> None:
    templates("followed", {"team-shared": SHARED % "shared"})
    name = profile("following", {"name": "shared", "template": "team-shared"})
    shop = tenant(labels={"team": "shop"}, intent=enforcing(profile=name))

    def reaches(namespace: str) -> None:
        def assertion() -> None:
            assert namespaces_reached(shop, "shared") == {namespace}

        eventually(assertion, WITHIN)

    reaches("shop-shared")
    templates("followed", {"team-shared": SHARED % "common"})
    reaches("shop-common")
    shop.label({"team": "web"})
    reaches("web-common")


@pytest.mark.usefixtures("operator")
def test_a_template_that_loops_is_a_condition_and_all_else_stays_in_force(
    tenant: TenantFactory, profile: Declare, templates: Write
) -> None:
    templates("looping", {"endless": ENDLESS})
    name = profile("looping", {"name": "endless", "template": "endless"}, METRICS)
    shop = tenant(intent=enforcing(rule(), profile=name))
    said = shop.until("Ready", "False", "TemplateFailed")["message"]
    assert 'template "endless" gives no rule: it needs more than 1 s of CPU' in said
    assert specs(shop, "endless") == []
    assert len(specs(shop, "metrics")) == 1
    assert len(specs(shop, "web-to-store")) == 2
    templates("looping", {"endless": "to: {entity: DNS}"})
    shop.until_ready()
    assert len(specs(shop, "endless")) == 1


@pytest.mark.usefixtures("operator")
def test_a_template_of_the_package_cannot_be_replaced(
    tenant: TenantFactory, profile: Declare, templates: Write
) -> None:
    name = profile("replaced", METRICS)
    shop = tenant(intent=enforcing(profile=name))
    shop.until_ready()
    templates("hostile", {"prometheus-scrape": 'to: {cidr: "0.0.0.0/0"}'})
    said = shop.until("Ready", "False", "TemplateFailed")["message"]
    assert f"in Bailiwick itself and ConfigMap {HOME}/hostile" in said
    assert specs(shop, "metrics") == []


@pytest.fixture
def right(installed: ControlPlane) -> Iterator[Callable[[bool], None]]:
    """Gives and takes the operator's right to read ConfigMaps."""
    rules: list[Json] = installed.api.get(ROLE)["rules"]

    def give(given: bool) -> None:
        kept = [r for r in rules if given or "configmaps" not in r["resources"]]
        installed.api.patch(ROLE, {"rules": kept})

    yield give
    give(True)


@pytest.mark.usefixtures("operator")
def test_config_maps_that_cannot_be_read_leave_everything_as_it_is(
    tenant: TenantFactory, profile: Declare, templates: Write, right: Callable[[bool], None]
) -> None:
    templates("frozen", {"frozen": SHARED % "shared"})
    name = profile("frozen", {"name": "frozen", "template": "frozen"})
    shop = tenant(labels={"team": "shop"}, intent=enforcing(profile=name))
    shop.until_ready()
    before = shop.policies()
    right(False)
    said = shop.until("Ready", "False", "Unreadable")["message"]
    assert "configmaps" in said
    shop.label({"team": "web"})
    shop.declare(enforcing(rule(), profile=name))
    shop.until("Ready", "False", "Unreadable")
    assert len(specs(shop, "web-to-store")) == 2
    assert namespaces_reached(shop, "frozen") == {"shop-shared"}
    assert before.items() <= shop.policies().items()
    right(True)
    shop.until_ready()
    assert namespaces_reached(shop, "frozen") == {"web-shared"}


def test_an_operator_that_never_could_read_config_maps_says_so_and_recovers(
    operator: OperatorProcess,
    tenant: TenantFactory,
    profile: Declare,
    templates: Write,
    right: Callable[[bool], None],
) -> None:
    templates("frozen", {"frozen": SHARED % "shared"})
    name = profile("restarted", {"name": "frozen", "template": "frozen"})
    shop = tenant(labels={"team": "shop"}, intent=enforcing(profile=name))
    shop.until_ready()
    operator.stop()
    right(False)
    operator.start_again()
    shop.label({"team": "web"})
    shop.until("Ready", "False", "Unreadable")
    assert namespaces_reached(shop, "frozen") == {"shop-shared"}
    right(True)
    shop.until_ready()
    assert namespaces_reached(shop, "frozen") == {"web-shared"}


@pytest.mark.parametrize("end", [OperatorProcess.stop, OperatorProcess.kill])
def test_the_process_that_renders_ends_with_the_operator(
    operator: OperatorProcess,
    tenant: TenantFactory,
    profile: Declare,
    end: Callable[[OperatorProcess], float | None],
) -> None:
    shop = tenant(intent=enforcing(profile=profile("ending", METRICS)))
    shop.until_ready()
    children = Path(f"/proc/{operator.pid}/task/{operator.pid}/children").read_text().split()
    (renderer,) = [os.pidfd_open(int(child)) for child in children]
    try:
        assert (end(operator) or 0.0) < 5.0
        assert select.select([renderer], [], [], WITHIN)[0], "it outlived the operator"
    finally:
        os.close(renderer)
        operator.start_again()
        operator.wait_ready()
