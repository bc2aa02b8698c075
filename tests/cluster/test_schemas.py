"""What the API server itself refuses of our kinds, and that it says what to write instead."""

from __future__ import annotations

from typing import Any, Final

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.conftest import NamespaceFactory
from tests.controlplane.api import Api, ApiError
from tests.controlplane.cluster import ControlPlane

Json = dict[str, Any]

PODS: Final[Json] = {"workload": {"matchLabels": {"app": "web"}}}
ONE_KIND: Final = "write exactly one of workload, namespace (alone or with workload), service, cidr"
LOCAL: Final = "one side must be in this namespace: leave from or to out"
PORT: Final = "write a port's number (8443), a range (9000-9100) or a container port's name (grpc)"
DURATION: Final = "write a whole number and a unit: 60s, 90m, 24h or 15d"
EXCEPTION: Final[Json] = {
    "vulnerabilities": ["CVE-2026-1"],
    "status": "not_affected",
    "justification": "component_not_present",
    "reason": "the package is not loaded",
    # Where manifests/base is applied, an author has to be who asks.
    "author": "admin",
    "expiresAt": "2027-03-01T00:00:00Z",
}


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    return control_plane.api


@pytest.fixture(scope="module")
def shop(control_plane: ControlPlane) -> str:
    """A namespace in which nothing is kept: everything is offered for a try only."""
    control_plane.api.create("/api/v1/namespaces", {"metadata": {"name": "schemas"}})
    return "schemas"


def offer(api: Api, kind: str, where: str, spec: object, name: str = "default") -> Json:
    """Offer an object to the API server, which keeps nothing of it, and return what it makes."""
    body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    return api.create(f"/apis/{API_VERSION}/{where}?dryRun=All&fieldValidation=Strict", body)


def offer_intent(api: Api, namespace: str, spec: object, name: str = "default") -> Json:
    return offer(api, "SecurityIntent", f"namespaces/{namespace}/securityintents", spec, name)


def refusal(api: Api, kind: str, where: str, spec: object, name: str = "default") -> str:
    """What the API server says when it refuses an object."""
    with pytest.raises(ApiError) as refused:
        offer(api, kind, where, spec, name)
    assert refused.value.status == 422
    return str(refused.value)


def with_rule(rule: Json) -> Json:
    return {"network": {"allow": [{"name": "a-rule", **rule}]}}


@pytest.mark.parametrize(
    "rule, place, words",
    [
        ({}, "allow[0]", "write from, to, or both"),
        ({"to": {}}, "allow[0].to", ONE_KIND),
        ({"to": {"cidr": "203.0.113.0/24", "fqdn": "example.com"}}, "allow[0].to", ONE_KIND),
        ({"to": {"service": {"name": "db"}, "namespace": "data"}}, "allow[0].to", ONE_KIND),
        ({"from": {"namespace": "a"}, "to": {"namespace": "b"}}, "allow[0]", LOCAL),
        ({"from": {"entity": "Internet"}, "to": {"cidr": "203.0.113.0/24"}}, "allow[0]", LOCAL),
        ({"from": {"fqdn": "example.com"}}, "allow[0]", "fqdn can only stand under to"),
        ({"to": PODS, "ports": ["http_alt"]}, "ports[0]", PORT),
        ({"to": PODS, "ports": ["8443/ICMP"]}, "ports[0]", PORT),
        ({"to": PODS, "ports": ["8443/"]}, "ports[0]", PORT),
        ({"to": PODS, "ports": [0]}, "ports[0]", "ports go from 1 to 65535"),
        ({"to": PODS, "ports": ["65536"]}, "ports[0]", "ports go from 1 to 65535"),
        ({"to": PODS, "ports": ["9100-9000"]}, "ports[0]", "write the lower port of a range first"),
        ({"to": {"cidr": "203.0.113.7/24"}}, "to.cidr", "whose bits after the prefix are zero"),
        ({"to": {"cidr": "203.0.113.7"}}, "to.cidr", "write a range of addresses"),
        (
            {"to": {"cidr": "203.0.113.0/24", "except": ["198.51.100.0/28"]}},
            "allow[0].to",
            "each range under except must lie inside cidr and be smaller than it",
        ),
        (
            {"to": {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/24"]}},
            "allow[0].to",
            "each range under except must lie inside cidr and be smaller than it",
        ),
        ({"to": {**PODS, "except": ["203.0.113.0/28"]}}, "allow[0].to", "write cidr beside it"),
        ({"to": {"fqdn": "https://example.com"}}, "to.fqdn", "without scheme, port or path"),
        ({"to": {"fqdn": "203.0.113.7"}}, "to.fqdn", "an address is no host name: write cidr"),
        ({"to": {"namespace": "Data"}}, "to.namespace", "write lower-case letters, digits and '-'"),
        ({"to": PODS, "reviewBy": "2027-02-30"}, "reviewBy", "write a date: 2027-03-01"),
        ({"to": PODS, "reviewBy": "1st of March"}, "reviewBy", "write a date: 2027-03-01"),
        ({"to": PODS, "http": [{"path": "charge"}]}, "http[0].path", "write a path that starts"),
        (
            {"to": {"workload": {"matchExpressions": [{"key": "a", "operator": "In"}]}}},
            "matchExpressions[0]",
            "In and NotIn need values",
        ),
    ],
)
def test_a_rule_is_refused_at_its_place_and_in_our_words(
    api: Api, shop: str, rule: Json, place: str, words: str
) -> None:
    said = refusal(api, "SecurityIntent", f"namespaces/{shop}/securityintents", with_rule(rule))
    assert f"{place}: " in said
    assert words in said


@pytest.mark.parametrize(
    "rule",
    [
        {"to": {"entity": "DNS"}},
        {"from": PODS, "to": {"namespace": "data", "workload": {}}, "ports": ["grpc", 8443]},
        {"from": {"namespace": "ingress"}, "to": {"service": {"name": "web"}}},
        {"to": {"cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"]}, "ports": ["53/UDP"]},
        {"to": {"fqdn": "*.example.com"}, "ports": ["9000-9100/SCTP"], "reviewBy": "2028-02-29"},
    ],
)
def test_a_rule_that_keeps_the_rules_is_taken(api: Api, shop: str, rule: Json) -> None:
    offer_intent(api, shop, with_rule(rule))


def test_a_namespace_has_one_intent_named_default(api: Api, shop: str) -> None:
    said = refusal(api, "SecurityIntent", f"namespaces/{shop}/securityintents", {}, name="second")
    assert "metadata.name: " in said
    assert "name it default: a namespace has one SecurityIntent" in said


def test_names_of_rules_are_unique(api: Api, shop: str) -> None:
    spec = {"network": {"allow": [{"name": "twice", "to": PODS}, {"name": "twice", "from": PODS}]}}
    said = refusal(api, "SecurityIntent", f"namespaces/{shop}/securityintents", spec)
    assert "allow[1]: Duplicate value" in said
    assert "twice" in said


@pytest.mark.parametrize(
    "images, place, words",
    [
        ({"scan": {"maxAge": "a day"}}, "scan.maxAge", DURATION),
        ({"remediateWithin": {"critical": "15 days"}}, "remediateWithin.critical", DURATION),
        ({"scannedAfter": "2026-11-23"}, "scannedAfter", "write an instant with its time zone"),
    ],
)
def test_times_are_refused_in_our_words(
    api: Api, shop: str, images: Json, place: str, words: str
) -> None:
    spec = {"images": images}
    said = refusal(api, "SecurityIntent", f"namespaces/{shop}/securityintents", spec)
    assert f"images.{place}: " in said
    assert words in said


def test_a_field_that_is_not_there_is_named(api: Api, shop: str) -> None:
    with pytest.raises(ApiError) as refused:
        offer_intent(api, shop, with_rule({"to": PODS, "port": 80}))
    assert 'unknown field "spec.network.allow[0].port"' in str(refused.value)


def test_two_hundred_rules_of_twenty_ports_are_within_the_api_servers_budget(
    api: Api, shop: str
) -> None:
    ports = [*range(8000, 8010), *(f"{n}-{n + 9}/UDP" for n in range(9000, 9100, 10))]
    spec = {
        "network": {
            "allow": [{"name": f"rule-{n}", "to": PODS, "ports": ports} for n in range(200)]
        }
    }
    made = offer_intent(api, shop, spec)
    assert len(made["spec"]["network"]["allow"]) == 200


def test_a_thousand_rules_are_more_than_an_intent_may_have(api: Api, shop: str) -> None:
    spec = {"network": {"allow": [{"name": f"rule-{n}", "to": PODS} for n in range(1000)]}}
    said = refusal(api, "SecurityIntent", f"namespaces/{shop}/securityintents", spec)
    assert "spec.network.allow: Too many: 1000: must have at most 500 items" in said


@pytest.mark.parametrize(
    "network, place, words",
    [
        ({"allowances": [{"name": "none"}]}, "allowances[0]", "exactly one of entity, from, to"),
        (
            {"allowances": [{"name": "both", "from": PODS, "to": PODS}]},
            "allowances[0]",
            "for both directions write two allowances",
        ),
        (
            {"allowances": [{"name": "dns", "entity": "DNS", "with": {"a": 1}}]},
            "allowances[0]",
            "with holds the values of a template: write template beside it",
        ),
        (
            {"allowances": [{"name": "scrape", "template": "scrape", "toPorts": [80]}]},
            "allowances[0]",
            "the template writes the ports: hand them to it under with",
        ),
        ({"mayDeclare": {"cidrs": ["203.0.113.7/24"]}}, "cidrs[0]", "write a range of addresses"),
    ],
)
def test_a_profile_is_refused_in_our_words(api: Api, network: Json, place: str, words: str) -> None:
    said = refusal(api, "SecurityProfile", "securityprofiles", {"network": network}, "strict")
    assert f"{place}: " in said
    assert words in said


@pytest.mark.parametrize("batch", [0, "0%", "101%", "half"])
def test_a_batch_is_a_number_of_namespaces_or_a_percentage(api: Api, batch: int | str) -> None:
    spec = {"rollout": {"batch": batch}}
    said = refusal(api, "SecurityProfile", "securityprofiles", spec, "strict")
    assert "write a number of namespaces (5) or a percentage from 1% to 100%" in said


def test_a_profile_is_named_as_a_label_would_be(api: Api) -> None:
    said = refusal(api, "SecurityProfile", "securityprofiles", {}, "strict.example")
    assert "name it as a label would be" in said


@pytest.mark.parametrize(
    "change, words",
    [
        ({"justification": None}, "say why it does not matter"),
        ({"status": "affected"}, "affected needs actionStatement"),
        ({"status": "fixed"}, "justification and impactStatement are for not_affected"),
        (
            {"status": "under_investigation", "justification": None, "impactStatement": "a"},
            "justification and impactStatement are for not_affected",
        ),
        ({"actionStatement": "update it"}, "actionStatement is for affected"),
        ({"vulnerabilities": ["everything"]}, "write the id that the scan reports"),
        ({"expiresAt": "some day"}, "write an instant with its time zone"),
        ({"packages": [{}]}, "write either name or purl"),
        ({"packages": [{"name": "a", "purl": "pkg:deb/debian/a"}]}, "write either name or purl"),
        ({"packages": [{"purl": "openssl"}]}, "write a package URL: pkg:deb/debian/openssl"),
        ({"packages": [{"name": "a", "versions": "<2"}]}, "write a range of versions: vers:deb/"),
        (
            {"packages": [{"purl": "pkg:deb/debian/a@1", "versions": "vers:deb/<2"}]},
            "the purl names a version",
        ),
        # An empty list is no limit to whoever reads it quickly.
        ({"packages": []}, "should have at least 1 items"),
        ({"images": []}, "should have at least 1 items"),
        ({"digests": []}, "should have at least 1 items"),
        ({"digests": ["latest"]}, "write a digest"),
    ],
)
@pytest.mark.parametrize("kind", ["VulnerabilityException", "ClusterVulnerabilityException"])
def test_an_exception_is_refused_in_our_words(
    api: Api, shop: str, kind: str, change: Json, words: str
) -> None:
    plural = f"{kind.lower()}s"
    where = plural if kind.startswith("Cluster") else f"namespaces/{shop}/{plural}"
    spec = {key: value for key, value in {**EXCEPTION, **change}.items() if value is not None}
    offer(api, kind, where, EXCEPTION, "tolerated")
    assert words in refusal(api, kind, where, spec, "tolerated")


def test_an_exception_ends(api: Api, shop: str) -> None:
    spec = {key: value for key, value in EXCEPTION.items() if key != "expiresAt"}
    where = f"namespaces/{shop}/vulnerabilityexceptions"
    said = refusal(api, "VulnerabilityException", where, spec, "for-ever")
    assert "spec.expiresAt: Required value" in said


def test_a_rescan_request_is_read_once(api: Api, namespace: NamespaceFactory) -> None:
    path = f"/apis/{API_VERSION}/namespaces/{namespace('rescan')}/rescanrequests"
    body = {"apiVersion": API_VERSION, "kind": "RescanRequest", "metadata": {"name": "now"}}
    api.create(path, {**body, "spec": {"reason": "an alert"}})
    with pytest.raises(ApiError, match="a request is read once: make another RescanRequest"):
        api.patch(f"{path}/now", {"spec": {"reason": "another"}})


@pytest.mark.parametrize(
    "kind, where, spec, name",
    [
        ("SecurityIntent", "namespaces/{}/securityintents", {}, "default"),
        ("SecurityProfile", "securityprofiles", {}, "strict"),
        ("RescanRequest", "namespaces/{}/rescanrequests", {}, "now"),
        ("VulnerabilityException", "namespaces/{}/vulnerabilityexceptions", EXCEPTION, "a"),
    ],
)
def test_an_object_says_that_nobody_looked_at_it_yet(
    api: Api, shop: str, kind: str, where: str, spec: Json, name: str
) -> None:
    made = offer(api, kind, where.format(shop), spec, name)
    assert made["status"] == {"observedGeneration": -1}
