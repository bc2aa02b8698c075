"""A policy of the cluster that the API server would refuse is refused, with the field's path."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.policy.reach.kinds import admin_policy
from bailiwick.policy.reach.model import InvalidPolicy
from tests.unit.reach.make import JSON, rule

SUBJECT: JSON = {"subject": {"namespaces": {}}}
ANYBODY: JSON = {"namespaces": {}}


def of_admin(**spec: Any) -> JSON:
    return {**SUBJECT, "priority": 1, **spec}


def with_ports(*given: object) -> JSON:
    return of_admin(ingress=[rule("Allow", "from", ANYBODY, ports=list(given))])


@pytest.mark.parametrize(
    "spec, message",
    [
        ("all", "spec: write an object"),
        ({"priority": 1}, "spec.subject: write namespaces or pods"),
        ({"priority": 1, "subject": "all"}, "spec.subject: write an object"),
        ({"priority": 1, "subject": {}}, "spec.subject: write namespaces or pods"),
        (of_admin(subject={"pods": "all"}), "spec.subject.pods: write an object"),
        (SUBJECT, "spec.priority: None is not a number from 0 to 1000"),
        (of_admin(priority=1001), "spec.priority: 1001 is not a number from 0 to 1000"),
        (of_admin(priority=-1), "spec.priority: -1 is not a number"),
        (of_admin(priority="1"), "spec.priority: 1 is not a number"),
        (of_admin(priority=True), "spec.priority: True is not a number"),
        (of_admin(ingress={}), "spec.ingress: write a list"),
        (of_admin(ingress=["all"]), r"spec.ingress\[0\]: write an object"),
        (
            of_admin(ingress=[rule("Accept", "from", ANYBODY)]),
            r"spec.ingress\[0\].action: Accept is not one of Allow, Deny, Pass",
        ),
        (of_admin(ingress=[{"from": [ANYBODY]}]), r"ingress\[0\].action: None is not one of"),
        (of_admin(ingress=[{"action": ["Deny"]}]), r"ingress\[0\].action"),
        (of_admin(ingress=[rule("Deny", "from")]), r"ingress\[0\].from: write at least one peer"),
        (of_admin(egress=[rule("Deny", "from", ANYBODY)]), r"egress\[0\].to: write at least one"),
        (
            of_admin(egress=[rule("Deny", "to", {"networks": ["10.0.0.0/40"]})]),
            r"spec.egress\[0\].to\[0\].networks: 10.0.0.0/40 is not a range",
        ),
        (
            of_admin(egress=[rule("Deny", "to", {"networks": "10.0.0.0/8"})]),
            r"to\[0\].networks: write a list",
        ),
        (
            of_admin(egress=[rule("Deny", "to", {"nodes": {"matchLabels": {"a": 1}}})]),
            r"to\[0\].nodes.matchLabels: write labels as strings",
        ),
        (with_ports({}), r"ports\[0\]: write portNumber, portRange or namedPort"),
        (with_ports({"portNumber": 80}), r"ports\[0\].portNumber: write an object"),
        (with_ports({"portNumber": {}}), r"portNumber: None is not a port number"),
        (with_ports({"portNumber": {"port": 0}}), r"portNumber: 0 is not a port"),
        (with_ports({"portRange": {"start": 9, "end": 8}}), "the range 9 to 8 is empty"),
        (with_ports({"portRange": {"start": 9, "end": 70000}}), "70000 is not a port"),
        (
            with_ports({"portNumber": {"port": 1, "protocol": "ICMP"}}),
            "portNumber.protocol: ICMP is not one of TCP, UDP, SCTP",
        ),
        (with_ports({"namedPort": "80"}), r'namedPort: "80" is not the name of a port'),
    ],
)
def test_an_admin_network_policy(spec: Any, message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        admin_policy.read_admin("a", spec)


def test_a_baseline_passes_nothing_and_has_no_priority() -> None:
    passes = {**SUBJECT, "ingress": [rule("Pass", "from", ANYBODY)]}
    with pytest.raises(InvalidPolicy, match="action: Pass is not one of Allow, Deny"):
        admin_policy.read_baseline("default", passes)
    assert admin_policy.read_baseline("default", {**SUBJECT, "priority": "x"}).priority == 0


@pytest.mark.parametrize(
    "more, message",
    [
        ({"tier": "Platform"}, "spec.tier: Platform is neither Admin nor Baseline"),
        ({}, "spec.tier: None is neither"),
        ({"tier": ["Admin"]}, "is neither Admin nor Baseline"),
        (
            {"tier": "Admin", "ingress": [rule("Allow", "from", ANYBODY)]},
            "action: Allow is not one of Accept, Deny, Pass",
        ),
        (
            {"tier": "Admin", "ingress": [rule("Deny", "from", ANYBODY, protocols=[{}])]},
            r"protocols\[0\]: write one of tcp, udp, sctp, destinationNamedPort",
        ),
        (
            {
                "tier": "Admin",
                "ingress": [rule("Deny", "from", ANYBODY, protocols=[{"tcp": {}, "udp": {}}])],
            },
            r"protocols\[0\]: write one of",
        ),
        (
            {
                "tier": "Admin",
                "ingress": [
                    rule("Deny", "from", ANYBODY, protocols=[{"tcp": {"destinationPort": {}}}])
                ],
            },
            r"protocols\[0\].tcp.destinationPort: None is not a port number",
        ),
    ],
)
def test_a_cluster_network_policy(more: JSON, message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        admin_policy.read_cluster("c", of_admin(**more))
