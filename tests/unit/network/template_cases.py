"""Rules that templates give, and whether the schema of an intent takes them too."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

ALLOWED: tuple[Json, ...] = (
    {"from": {"namespace": "monitoring"}, "ports": ["metrics"]},
    {"from": {"namespace": "monitoring", "workload": {"matchLabels": {"app": "a"}}}},
    {"to": {"service": {"name": "db", "namespace": "data"}}, "ports": [5432, "9000-9100/UDP"]},
    {"from": {"workload": {}}, "to": {"workload": {}}, "reason": "they belong together"},
    {"from": {"entity": "IngressController"}, "ports": [8080]},
    {"to": {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/32"]}, "ports": ["grpc/TCP"]},
    {"to": {"cidr": "2001:db8::/32"}},
    {"to": {"fqdn": "*.example.com"}, "ports": [443]},
    {"to": {"workload": {"matchLabels": {"example.com/Tier": ""}}}},
    {"to": {"workload": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}},
    {"to": {"workload": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}}},
)

# What is refused, and a part of what is said of it.
REFUSED: tuple[tuple[Json, str], ...] = (
    ({}, "write from, to, or both"),
    ({"ports": [80]}, "write from, to, or both"),
    ({"form": {"namespace": "a"}, "to": {"workload": {}}}, "form: there is no such field"),
    ({"to": {"namespaces": ["a"]}}, "to.namespaces: there is no such field"),
    ({"to": {}}, "to: write exactly one of"),
    ({"to": {"workload": {}, "cidr": "203.0.113.0/24"}}, "to: write exactly one of"),
    ({"from": {"service": {"name": "a"}, "namespace": "b"}}, "from: write exactly one of"),
    ({"from": {"namespace": "a"}, "to": {"namespace": "b"}}, "one side must be in this namespace"),
    ({"from": {"fqdn": "example.com"}}, "from.fqdn"),
    ({"from": {"namespace": "Monitoring"}}, 'from.namespace: "Monitoring"'),
    ({"from": {"namespace": ""}}, "from.namespace"),
    ({"from": {"namespace": "a\n"}}, "from.namespace"),
    ({"from": {"namespace": "a" * 64}}, "from.namespace"),
    ({"from": {"namespace": 7}}, "from.namespace: write a text"),
    ({"from": "monitoring"}, "from: write a mapping"),
    ({"to": {"service": {"namespace": "a"}}}, "to.service.name"),
    ({"to": {"service": {"name": "a.b"}}}, "to.service.name"),
    ({"to": {"service": {"name": "a", "namespace": "-"}}}, "to.service.namespace"),
    ({"to": {"entity": "Moon"}}, "to.entity"),
    ({"to": {"cidr": "203.0.113.1/24"}}, "to.cidr"),
    ({"to": {"cidr": "203.0.113.0"}}, "to.cidr"),
    ({"to": {"cidr": "203.0.113.0/255.255.255.0"}}, "to.cidr"),
    ({"to": {"cidr": "203.0.113.0/033"}}, "to.cidr"),
    ({"to": {"cidr": "203.0.113.0/024"}}, "to.cidr"),
    ({"to": {"cidr": "example.com"}}, "to.cidr"),
    ({"to": {"cidr": "::ffff:203.0.113.0/120"}}, "to.cidr"),
    ({"to": {"namespace": "a", "except": ["203.0.113.0/28"]}}, "to.except"),
    ({"to": {"cidr": "203.0.113.0/24", "except": []}}, "to.except"),
    ({"to": {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/24"]}}, "to.except[0]"),
    ({"to": {"cidr": "203.0.113.0/24", "except": ["198.51.100.0/28"]}}, "to.except[0]"),
    ({"to": {"cidr": "203.0.113.0/24", "except": ["2001:db8::/64"]}}, "to.except[0]"),
    ({"to": {"cidr": "203.0.113.0/24", "except": ["nothing"]}}, "to.except[0]"),
    ({"to": {"fqdn": "Example.com"}}, "to.fqdn"),
    ({"to": {"fqdn": "localhost"}}, "to.fqdn"),
    ({"to": {"fqdn": "203.0.113.7"}}, "to.fqdn"),
    ({"to": {"fqdn": "https://example.com"}}, "to.fqdn"),
    ({"to": {"workload": {"matchLabels": {"a b": "c"}}}}, "to.workload.matchLabels"),
    ({"to": {"workload": {"matchLabels": {"/b": "c"}}}}, "to.workload.matchLabels"),
    ({"to": {"workload": {"matchLabels": {"A.example/b": "c"}}}}, "to.workload.matchLabels"),
    ({"to": {"workload": {"matchLabels": {"a": "-"}}}}, "to.workload.matchLabels"),
    ({"to": {"workload": {"matchLabels": {"a": 1}}}}, "to.workload.matchLabels.a: write a text"),
    ({"to": {"workload": {"app": "a"}}}, "to.workload.app: there is no such field"),
    (
        {"to": {"workload": {"matchExpressions": [{"key": "a", "operator": "In"}]}}},
        "to.workload.matchExpressions[0]",
    ),
    (
        {
            "to": {
                "workload": {
                    "matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]
                }
            }
        },
        "to.workload.matchExpressions[0]",
    ),
    (
        {"to": {"workload": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}},
        "to.workload.matchExpressions[0].operator",
    ),
    ({"to": {"workload": {}}, "ports": 80}, "ports: write a list"),
    ({"to": {"workload": {}}, "ports": [0]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": [65536]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": [True]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": [80.5]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": ["9100-9000"]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": ["80/tcp"]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": ["http_alt"]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": ["a-name-of-16-char"]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": [""]}, "ports[0]"),
    ({"to": {"workload": {}}, "ports": list(range(1, 22))}, "ports: "),
    ({"to": {"workload": {}}, "reason": "x" * 1025}, "reason"),
)
