"""A change in the cluster reaches the namespaces whose policies depend on it, and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.engine.conftest import ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import PROFILES, WITHIN, Tenant, enforcing, rule
from tests.controlplane.api import Api, Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

DNS = "/api/v1/namespaces/kube-system/services/kube-dns"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
BYSTANDERS = 8


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    return control_plane.api


@pytest.fixture
def bare(profile: ProfileFactory) -> str:
    """A profile that opens nothing by itself."""
    return profile("bare", enforcement={"initial": "Enforce"})


@pytest.fixture
def bystanders(tenant: TenantFactory, bare: str) -> list[Tenant]:
    """Namespaces that depend on nothing outside of themselves."""
    made = [tenant("idle", intent=enforcing(rule(), profile=bare)) for _ in range(BYSTANDERS)]
    for each in made:
        each.until_ready()
    return made


def looks(api: Api, operator: OperatorProcess) -> float:
    """How often the operator looked at a namespace, once it has no more to look at for a second."""

    def count() -> float:
        return operator.metric("bailiwick_reconcile_seconds_count", queue="namespaces")

    def settled() -> float:
        going = [
            n for n in api.get("/api/v1/namespaces")["items"] if n["status"]["phase"] != "Active"
        ]
        assert not going, "namespaces of earlier tests are being deleted"
        before = count()
        time.sleep(1)
        assert count() == before
        return before

    return eventually(settled, timeout=WITHIN)


def written(shop: Tenant) -> str:
    """All of a namespace's policies as one text."""
    return str({name: policy["spec"] for name, policy in shop.policies().items()})


def until_written(shop: Tenant, text: str, *, there: bool = True) -> None:
    """Wait until a text is in a namespace's policies, or no longer is."""

    def holds() -> None:
        assert (text in written(shop)) == there, written(shop)

    eventually(holds, timeout=WITHIN)


@contextmanager
def touching_few(api: Api, operator: OperatorProcess) -> Iterator[None]:
    """Fail where what happens within has all namespaces looked at.

    One is looked at once or twice: the watch may tell of our write before its answer came.
    """
    before = looks(api, operator)
    yield
    assert looks(api, operator) - before < BYSTANDERS


@pytest.mark.usefixtures("bystanders")
def test_addresses_of_the_api_server(
    api: Api, operator: OperatorProcess, tenant: TenantFactory, bare: str
) -> None:
    to_api = {"name": "api", "to": {"entity": "KubeAPIServer"}}
    shop = tenant(intent=enforcing(to_api, profile=bare))
    shop.until_ready()
    with touching_few(api, operator):
        api.create(SLICES, endpoints("kubernetes", "192.0.2.10", name="https", port=6443))
        until_written(shop, "192.0.2.10/32")
    with touching_few(api, operator):
        api.delete(f"{SLICES}/kubernetes-192.0.2.10")
        until_written(shop, "192.0.2.10/32", there=False)


@pytest.mark.usefixtures("bystanders")
def test_the_port_of_the_dns_service(
    api: Api, operator: OperatorProcess, tenant: TenantFactory, bare: str
) -> None:
    to_dns = {"name": "names", "to": {"entity": "DNS"}}
    shop = tenant(intent=enforcing(to_dns, profile=bare))
    shop.until_ready()
    ports = api.get(DNS)["spec"]["ports"]
    moved = [{**port, "targetPort": 5353} if port["name"] == "dns" else port for port in ports]
    with touching_few(api, operator):
        api.patch(DNS, {"spec": {"ports": moved}})
        until_written(shop, "5353")
    with touching_few(api, operator):
        api.patch(DNS, {"spec": {"ports": ports}})
        until_written(shop, "5353", there=False)


@pytest.mark.usefixtures("bystanders")
def test_a_service_that_a_rule_names_and_the_addresses_behind_it(
    api: Api, operator: OperatorProcess, tenant: TenantFactory, bare: str
) -> None:
    shop, other = tenant(), tenant("other")
    to_service = {"name": "out", "to": {"service": {"name": "gateway", "namespace": other.name}}}
    shop.declare(enforcing(to_service, profile=bare))
    shop.until("Ready", "False", "RulesNotEnforceable")
    ports = [{"port": 443, "protocol": "TCP"}]
    with touching_few(api, operator):
        api.create(
            f"{other.path}/services", {"metadata": {"name": "gateway"}, "spec": {"ports": ports}}
        )
        slices = f"/apis/discovery.k8s.io/v1/namespaces/{other.name}/endpointslices"
        api.create(slices, endpoints("gateway", "203.0.113.5", port=8443))
        until_written(shop, "203.0.113.5/32")
    assert "8443" in written(shop)
    shop.until_ready()


@pytest.mark.usefixtures("bystanders")
def test_the_container_ports_of_pods_that_a_rule_names(
    api: Api, operator: OperatorProcess, tenant: TenantFactory, bare: str
) -> None:
    shop, other = tenant(), tenant("other")
    peer = {"namespace": other.name, "workload": {"matchLabels": {"app": "api"}}}
    shop.declare(enforcing({"name": "out", "to": peer, "ports": ["grpc"]}, profile=bare))

    def is_unknown(unknown: bool) -> None:
        findings = {each["code"] for each in shop.status()["network"]["findings"]}
        assert ("UnresolvedPort" in findings) == unknown

    shop.until_ready()
    is_unknown(True)
    with touching_few(api, operator):
        api.create(f"{other.path}/pods", pod("api", 9000))
        eventually(lambda: is_unknown(False), timeout=WITHIN)


@pytest.mark.usefixtures("bystanders")
def test_a_profile_that_comes_and_goes(
    api: Api, operator: OperatorProcess, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule(), profile="profile-late"))
    shop.until("Ready", "False", "ProfileNotFound")
    body = {
        "apiVersion": API_VERSION,
        "kind": "SecurityProfile",
        "metadata": {"name": "profile-late"},
    }
    with touching_few(api, operator):
        api.create(PROFILES, body)
        shop.until_ready()
    with touching_few(api, operator):
        api.delete(f"{PROFILES}/profile-late")
        shop.until("Ready", "False", "ProfileNotFound")


@pytest.mark.usefixtures("bystanders")
def test_the_addresses_of_nodes(
    api: Api, operator: OperatorProcess, tenant: TenantFactory, bare: str
) -> None:
    to_nodes = {"name": "nodes", "to": {"entity": "Nodes"}, "ports": [10250]}
    shop = tenant(intent=enforcing(to_nodes, profile=bare))
    shop.until_ready()
    node = {"metadata": {"name": "late"}}
    addresses = [{"type": "InternalIP", "address": "192.0.2.77"}]
    with touching_few(api, operator):
        api.create("/api/v1/nodes", node)
        api.patch("/api/v1/nodes/late/status", {"status": {"addresses": addresses}})
        until_written(shop, "192.0.2.77/32")
    with touching_few(api, operator):
        api.delete("/api/v1/nodes/late")
        until_written(shop, "192.0.2.77/32", there=False)


@pytest.mark.usefixtures("bystanders")
def test_a_pod_that_comes_and_goes_touches_its_own_namespace(
    api: Api, operator: OperatorProcess, tenant: TenantFactory, bare: str
) -> None:
    shop = tenant(intent=enforcing(rule(), profile=bare))
    shop.until_ready()

    def found(number: int) -> None:
        assert shop.status()["images"]["digests"] == number

    with touching_few(api, operator):
        api.create(f"{shop.path}/pods", pod("web", 8080))
        eventually(lambda: found(1), timeout=WITHIN)
        api.delete(f"{shop.path}/pods/web?gracePeriodSeconds=0")
        eventually(lambda: found(0), timeout=WITHIN)


def endpoints(service: str, address: str, name: str = "", port: int = 443) -> Json:
    """The addresses behind a Service without a selector."""
    return {
        "metadata": {
            "name": f"{service}-{address}",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"name": name, "port": port, "protocol": "TCP"}],
    }


def pod(app: str, port: int) -> Json:
    """A pod with one container port that is called grpc."""
    container = {
        "name": app,
        "image": "registry.example.com/app:1",
        "ports": [{"name": "grpc", "containerPort": port}],
    }
    return {"metadata": {"name": app, "labels": {"app": app}}, "spec": {"containers": [container]}}
