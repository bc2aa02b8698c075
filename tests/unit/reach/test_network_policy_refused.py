"""A NetworkPolicy that the API server would refuse is refused, with the path of the field."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.policy.reach.kinds import network_policy
from bailiwick.policy.reach.model import InvalidPolicy
from bailiwick.policy.rules import Direction
from tests.unit.reach.make import (
    JSON,
)


def peer(given: object) -> JSON:
    return {"ingress": [{"from": [given]}]}


def ports_of(*given: object) -> JSON:
    return {"egress": [{"ports": list(given)}]}


REFUSED: list[tuple[object, str]] = [
    ([], "spec: write an object"),
    ({"podSelector": "all"}, "spec.podSelector: write an object"),
    ({"podSelector": {"matchLabels": ["a"]}}, "spec.podSelector.matchLabels: write an object"),
    ({"podSelector": {"matchLabels": {"a": 1}}}, "matchLabels: write labels as strings"),
    ({"podSelector": {"matchLabels": {1: "a"}}}, "matchLabels: write labels as strings"),
    ({"policyTypes": ["Both"]}, "spec.policyTypes: Both is neither Ingress nor Egress"),
    ({"policyTypes": "Ingress"}, "spec.policyTypes: write a list"),
    ({"policyTypes": [1]}, r"spec.policyTypes\[0\]: write a string"),
    ({"ingress": {}}, "spec.ingress: write a list"),
    ({"ingress": ["all"]}, r"spec.ingress\[0\]: write an object"),
    ({"ingress": [{"from": {}}]}, r"spec.ingress\[0\].from: write a list"),
    (peer({}), r"spec.ingress\[0\].from\[0\]: write podSelector, namespaceSelector or ipBlock"),
    (peer(None), r"spec.ingress\[0\].from\[0\]: write podSelector"),
    (peer("all"), r"spec.ingress\[0\].from\[0\]: write an object"),
    (
        peer({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}),
        r"from\[0\]: ipBlock stands alone",
    ),
    (peer({"ipBlock": "10.0.0.0/8"}), r"from\[0\].ipBlock: write an object"),
    (peer({"ipBlock": {}}), r"from\[0\].ipBlock.cidr: write a range of addresses"),
    (peer({"ipBlock": {"cidr": "10.0.0.0/33"}}), r"ipBlock: 10.0.0.0/33 is not a range"),
    (peer({"ipBlock": {"cidr": "10.0.0.0/8", "except": "10.0.0.0/9"}}), "except: write a list"),
    (
        peer({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/9"]}}),
        r"ipBlock: except 11.0.0.0/9 is not a smaller range of 10.0.0.0/8",
    ),
    (ports_of("http"), r"spec.egress\[0\].ports\[0\]: write an object"),
    (ports_of({"port": 0}), r"ports\[0\]: 0 is not a port: they go from 1 to 65535"),
    (ports_of({"port": 80}, {"port": 70000}), r"ports\[1\]: 70000 is not a port"),
    (ports_of({"port": -1}), r"ports\[0\]: -1 is not a port"),
    (ports_of({"port": True}), "True is not a port number"),
    (ports_of({"port": 8.5}), "8.5 is not a port number"),
    (ports_of({"port": 90, "endPort": 80}), "the range 90 to 80 is empty: write the lower first"),
    (ports_of({"port": 90, "endPort": 70000}), "70000 is not a port"),
    (ports_of({"port": 90, "endPort": "95"}), "95 is not a port number"),
    (ports_of({"port": "http", "endPort": 90}), r"ports\[0\].endPort: it needs a port number"),
    (ports_of({"endPort": 90}), r"ports\[0\].endPort: it needs a port number"),
    (ports_of({"port": "8080"}), r'ports\[0\].port: "8080" is not the name of a port'),
    (ports_of({"port": "HTTP"}), '"HTTP" is not the name of a port'),
    (ports_of({"protocol": "ICMP"}), r"ports\[0\].protocol: ICMP is not one of TCP, UDP, SCTP"),
    (ports_of({"protocol": ["TCP"]}), r"ports\[0\].protocol"),
]


@pytest.mark.parametrize("spec, message", REFUSED)
def test_what_the_api_server_refuses_is_refused(spec: Any, message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        network_policy.read("shop", "p", spec)


@pytest.mark.parametrize(
    "requirement, message",
    [
        ({"key": "a", "operator": "Gt", "values": ["1"]}, "operator: Gt is not one of In, NotIn"),
        ({"key": "a", "operator": "in", "values": ["1"]}, "operator: in is not one of In"),
        ({"key": "a"}, "operator: None is not one of In"),
        ({"key": "a", "operator": "In"}, "values: In needs values"),
        ({"key": "a", "operator": "NotIn", "values": []}, "values: NotIn needs values"),
        ({"key": "a", "operator": "Exists", "values": ["1"]}, "values: Exists takes no values"),
        ({"key": "a", "operator": "DoesNotExist", "values": ["1"]}, "takes no values"),
        ({"key": "a", "operator": "In", "values": "abc"}, "values: write a list"),
        ({"key": "a", "operator": "In", "values": [1]}, r"values\[0\]: write a string"),
        ({"key": "a", "operator": "In", "values": [["b"]]}, r"values\[0\]: write a string"),
        ({"operator": "Exists"}, "key: write the key of a label"),
        ({"key": 1, "operator": "Exists"}, "key: write the key of a label"),
        ("a", r"\[0\]: write an object"),
    ],
)
def test_a_selector_is_checked_wherever_it_stands(requirement: object, message: str) -> None:
    wrong = {"matchExpressions": [requirement]}
    for spec, path in (
        ({"podSelector": wrong}, "spec.podSelector"),
        (peer({"podSelector": wrong}), r"spec.ingress\[0\].from\[0\].podSelector"),
        (peer({"namespaceSelector": wrong}), r"spec.ingress\[0\].from\[0\].namespaceSelector"),
    ):
        with pytest.raises(InvalidPolicy, match=rf"{path}.matchExpressions.*{message}"):
            network_policy.read("shop", "p", spec)


def test_an_absent_spec_selects_every_pod_and_isolates_its_ingress() -> None:
    found = network_policy.read("shop", "p", {})
    assert set(found.sides) == {Direction.INGRESS}
    assert found.sides[Direction.INGRESS].rules == ()
