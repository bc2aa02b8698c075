"""What the API server refuses by our schemas, in words that say what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.api.meta import API_VERSION
from tests.controlplane.api import Api, ApiError
from tests.controlplane.cluster import ControlPlane

Spec = dict[str, Any]

ALL: Spec = {"workload": {}}

A_LABEL = "write lower-case letters, digits and '-', starting and ending with a letter or digit"
ONE_KIND = "write exactly one of workload, namespace (alone or with workload), service, cidr, fqdn"
OURS = "one side must be in this namespace: leave from or to out, or write workload or service"
A_PORT = "write a port's number (8443), a range (9000-9100) or a container port's name (grpc)"
A_RANGE = "write a range of addresses whose bits after the prefix are zero: 203.0.113.0/24"
A_HOST = "write a host name in lower case, api.example.com or *.example.com, without scheme"
A_DATE = "write a date: 2027-03-01"
AN_INSTANT = "write an instant with its time zone: 2026-11-23T10:00:00Z"
A_DURATION = "write a whole number and a unit: 60s, 90m, 24h or 15d, at most 9999d"
INSIDE = "each range under except must lie inside cidr and be smaller than it"
VALUES = "In and NotIn need values, Exists and DoesNotExist have none"
LABELS = "write label keys and values as Kubernetes allows them"
ONE_ALLOWANCE = "write exactly one of entity, from, to, template; for both directions write two"
A_BATCH = "write a number of namespaces (5) or a percentage from 1% to 100%"


def rules(**fields: Any) -> Spec:
    """An intent with one rule."""
    return {"network": {"allow": [{"name": "rule", **fields}]}}


def to(**peer: Any) -> Spec:
    """An intent with one rule towards a peer."""
    return rules(to=peer)


def selecting(**expression: Any) -> Spec:
    return to(workload={"matchExpressions": [{"key": "app", **expression}]})


def allowances(*entries: Spec) -> Spec:
    return {"network": {"allowances": [{"name": "one", **entry} for entry in entries]}}


def refusal(api: Api, kind: str, name: str, spec: Any) -> str:
    """What the API server says of an object; nothing is kept of it, whatever it says."""
    where = "namespaces/default/securityintents" if kind == "SecurityIntent" else "securityprofiles"
    body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    path = f"/apis/{API_VERSION}/{where}?dryRun=All&fieldValidation=Strict"
    with pytest.raises(ApiError) as refused:
        api.create(path, body)
    assert refused.value.status in {400, 422}
    return str(refused.value)


@pytest.mark.parametrize(
    "spec, field, words",
    [
        (rules(), "allow[0]", "write from, to, or both"),
        (rules(name="Web", to=ALL), "allow[0].name", A_LABEL),
        (rules(name="a" * 64, to=ALL), "allow[0].name", "may not be more than 63 bytes"),
        ({"network": {"allow": [{"to": ALL}]}}, "allow[0].name", "Required value"),
        ({"network": {"allow": [{"name": "a", "to": ALL}] * 2}}, "allow[1]", "Duplicate value"),
        (to(), "allow[0].to", ONE_KIND),
        (to(workload={}, cidr="203.0.113.0/24"), "allow[0].to", ONE_KIND),
        (to(service={"name": "a"}, entity="DNS"), "allow[0].to", ONE_KIND),
        (rules(to={"namespace": "a"}, **{"from": {"namespace": "b"}}), "allow[0]", OURS),
        (rules(to={"entity": "DNS"}, **{"from": {"entity": "Nodes"}}), "allow[0]", OURS),
        (rules(**{"from": {"fqdn": "a.example.com"}}), "allow[0]", "fqdn can only stand under to"),
        (to(namespace="Shop"), "allow[0].to.namespace", A_LABEL),
        (to(service={}), "allow[0].to.service.name", "Required value"),
        (to(entity="World"), "allow[0].to.entity", 'supported values: "Internet", "DNS"'),
        (to(cidr="203.0.113.7/24"), "allow[0].to.cidr", A_RANGE),
        (to(cidr="203.0.113.7"), "allow[0].to.cidr", A_RANGE),
        (to(cidr="2001:db8::1/32"), "allow[0].to.cidr", A_RANGE),
        (to(cidr="example.com"), "allow[0].to.cidr", A_RANGE),
        (to(cidr="10.0.0.0/8", **{"except": ["192.0.2.0/24"]}), "allow[0].to", INSIDE),
        (to(cidr="10.0.0.0/8", **{"except": ["10.0.0.0/8"]}), "allow[0].to", INSIDE),
        (to(workload={}, **{"except": ["10.0.0.0/8"]}), "allow[0].to", "write cidr beside it"),
        (to(fqdn="https://a.example.com"), "allow[0].to.fqdn", A_HOST),
        (to(fqdn="a.example.com:443"), "allow[0].to.fqdn", A_HOST),
        (to(fqdn="A.example.com"), "allow[0].to.fqdn", A_HOST),
        (to(fqdn="203.0.113.7"), "allow[0].to.fqdn", "write cidr: 203.0.113.7/32"),
        (to(workload={"matchLabels": {"a b": "c"}}), "workload.matchLabels", LABELS),
        (selecting(operator="In"), "matchExpressions[0]", VALUES),
        (selecting(operator="Exists", values=["a"]), "matchExpressions[0]", VALUES),
        (selecting(operator="Is"), "matchExpressions[0].operator", 'supported values: "In"'),
        *((rules(to=ALL, ports=[p]), "ports[0]", A_PORT) for p in ("80/tcp", "Web", "a--b", "")),
        *((rules(to=ALL, ports=[p]), "ports[0]", "1 to 65535") for p in (0, 65536, "0-9", "70000")),
        (rules(to=ALL, ports=["9100-9000"]), "ports[0]", "write the lower port of a range first"),
        (rules(to=ALL, ports=[80, 80]), "ports[1]", "Duplicate value"),
        (rules(to=ALL, ports=[]), "ports", "name some ports, or leave this out"),
        (rules(to=ALL, ports=list(range(1, 22))), "ports", "must have at most 20 items"),
        *(
            (rules(to=ALL, reviewBy=d), "reviewBy", A_DATE)
            for d in ("soon", "2027-02-30", "1.3.27")
        ),
        (rules(to=ALL, http=[{"methods": ["get"]}]), "methods[0]", 'supported values: "GET"'),
        (rules(to=ALL, http=[{"path": "charge"}]), "path", "write a path that starts with /"),
        (rules(to=ALL, reason="a" * 1025), "reason", "may not be more than 1024 bytes"),
        ({"profile": "No such"}, "profile", A_LABEL),
        ({"enforcement": "On"}, "enforcement", 'supported values: "Audit", "Enforce"'),
        ({"images": {"scannedAfter": "2026-11-23"}}, "scannedAfter", AN_INSTANT),
        ({"images": {"scannedAfter": "2026-11-23T10:00:00"}}, "scannedAfter", AN_INSTANT),
        ({"images": {"scan": {"maxAge": "1 day"}}}, "scan.maxAge", A_DURATION),
        ({"images": {"remediateWithin": {"high": "2w"}}}, "remediateWithin.high", A_DURATION),
        ({"netwrok": {}}, "spec.netwrok", "unknown field"),
        (rules(form=ALL), "allow[0].form", "unknown field"),
        ("all", "spec", "must be of type object"),
    ],
)
def test_an_intent_is_refused_with_the_field_and_what_to_write(
    control_plane: ControlPlane, spec: Any, field: str, words: str
) -> None:
    said = refusal(control_plane.api, "SecurityIntent", "default", spec)
    assert field in said
    assert words in said


def test_a_second_intent_of_a_namespace_is_refused(control_plane: ControlPlane) -> None:
    said = refusal(control_plane.api, "SecurityIntent", "second", {})
    assert "metadata.name" in said
    assert "name it default: a namespace has one SecurityIntent" in said


@pytest.mark.parametrize(
    "spec, field, words",
    [
        (allowances({}), "allowances[0]", ONE_ALLOWANCE),
        (allowances({"entity": "DNS", "to": ALL}), "allowances[0]", ONE_ALLOWANCE),
        (allowances({"entity": "DNS"}, {"entity": "DNS"}), "allowances[1]", "Duplicate value"),
        (allowances({"entity": "DNS", "with": {}}), "allowances[0]", "write template beside it"),
        (allowances({"template": "a", "toPorts": [1]}), "allowances[0]", "hand them to it under"),
        (allowances({"from": {"fqdn": "a.example.com"}}), "allowances[0]", "write cidr under from"),
        (allowances({"to": {"cidr": "10.0.0.1/8"}}), "allowances[0].to.cidr", A_RANGE),
        ({"network": {"isolate": ["Both"]}}, "isolate[0]", 'supported values: "Ingress", "Egress"'),
        ({"network": {"internet": "Yes"}}, "internet", 'supported values: "Denied", "Declared"'),
        ({"network": {"mayDeclare": {"cidrs": ["10.0.0.1/8"]}}}, "mayDeclare.cidrs[0]", A_RANGE),
        ({"network": {"mayDeclare": {"entities": ["World"]}}}, "entities[0]", "supported values"),
        ({"usableBy": {"namespaceSelector": {"matchLabels": {"a b": "c"}}}}, "usableBy", LABELS),
        ({"enforcement": {"minimum": "On"}}, "enforcement.minimum", 'supported values: "Audit"'),
        ({"images": {"pinned": False}}, "images.pinned", 'supported values: "Digest", "NotLatest"'),
        ({"images": {"scan": {"rescanEvery": "1y"}}}, "scan.rescanEvery", A_DURATION),
        *(({"rollout": {"batch": b}}, "rollout.batch", A_BATCH) for b in (0, "0%", "101%", "ten")),
        ({"rollout": {"pause": "soon"}}, "rollout.pause", A_DURATION),
        ({"controls": {"image-age": "Maybe"}}, "controls.image-age", 'supported values: "Off"'),
    ],
)
def test_a_profile_is_refused_with_the_field_and_what_to_write(
    control_plane: ControlPlane, spec: Spec, field: str, words: str
) -> None:
    said = refusal(control_plane.api, "SecurityProfile", "floor", spec)
    assert field in said
    assert words in said


@pytest.mark.parametrize(
    "name, words",
    [
        ("shop.floor", "at most 63 lower-case letters, digits and '-'"),
        ("built-in", "built-in is the profile that holds where there is none"),
    ],
)
def test_a_profile_cannot_have_every_name(
    control_plane: ControlPlane, name: str, words: str
) -> None:
    said = refusal(control_plane.api, "SecurityProfile", name, {})
    assert "metadata.name" in said
    assert words in said


def test_a_thousand_rules_are_refused_with_the_limit(control_plane: ControlPlane) -> None:
    many = [{"name": f"rule-{number}", "to": ALL} for number in range(1000)]
    said = refusal(control_plane.api, "SecurityIntent", "default", {"network": {"allow": many}})
    assert "spec.network.allow: Too many: 1000: must have at most 500 items" in said


@pytest.mark.parametrize("number", [200, 500])
def test_many_rules_of_twenty_ports_keep_within_the_budget_of_the_api_server(
    control_plane: ControlPlane, number: int
) -> None:
    ports = [f"{port}-{port + 9}/SCTP" for port in range(40000, 40200, 10)]
    peer = {"cidr": "10.0.0.0/8", "except": [f"10.{n}.0.0/16" for n in range(16)]}
    allow = [{"name": f"rule-{n}", "to": peer, "ports": ports} for n in range(number)]
    body = {
        "apiVersion": API_VERSION,
        "kind": "SecurityIntent",
        "metadata": {"name": "default"},
        "spec": {"network": {"allow": allow}},
    }
    path = f"/apis/{API_VERSION}/namespaces/default/securityintents?dryRun=All"
    made = control_plane.api.create(path, body)
    assert len(made["spec"]["network"]["allow"]) == number
