"""Whatever stands in a field where something else should: it is told, and nothing falls over."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bailiwick.offline import plan_data, plan_reports, plan_text
from bailiwick.offline.connlist import connection_list
from bailiwick.offline.documents import documents
from bailiwick.offline.drafting import draft
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.objects import Collector
from bailiwick.offline.planning import plan
from bailiwick.policy.settings import Settings
from tests.unit.offline.make import from_to, intent, policy, profile, service, workload

NOW = datetime(2026, 11, 25, tzinfo=UTC)

MANIFESTS = (
    profile("network: {allowances: [{name: dns, entity: DNS}, {name: a, to: {cidr: 10.0.0.0/8}}]}")
    + workload("web", spec="containers: [{name: a, ports: [{name: http, containerPort: 80}]}]")
    + workload("nightly", kind="CronJob")
    + service("web", 80)
    + intent(from_to("web", "payments/api", "8443, 90-99/UDP"), "name: a, to: {entity: Internet}")
    + policy(
        "one",
        "podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}, "
        "policyTypes: [Ingress, Egress], "
        "ingress: [{from: [{namespaceSelector: {}, podSelector: {}}], ports: [{port: http}]}], "
        "egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], "
        "ports: [{port: 80, endPort: 90, protocol: UDP}]}]",
    )
    + """\
apiVersion: v1
kind: Pod
metadata:
  name: a
  labels: {a: b}
  ownerReferences: [{kind: ReplicaSet, name: a, controller: true}]
spec: {hostNetwork: true, nodeName: n, containers: [{name: a}]}
status: {phase: Running, podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {bailiwick.dev/profile: restricted}}
---
apiVersion: v1
kind: Node
metadata: {name: n, labels: {a: b}}
spec: {podCIDRs: [10.2.0.0/24]}
status: {addresses: [{type: InternalIP, address: 10.0.0.5}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}]
ports: [{port: 6443, name: https}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, namespace: shop}
spec: {rules: [{http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a, namespace: shop}
spec: {rules: [{backendRefs: [{name: web, port: 80}]}]}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: a}
spec:
  priority: 1
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}
  ingress: [{name: a, action: Pass, from: [{namespaces: {}}], ports: [{portNumber: {port: 80}}]}]
  egress: [{action: Deny, to: [{networks: [10.0.0.0/8]}, {nodes: {}}], ports: [{namedPort: a}]}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: a}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Accept, from: [{pods: {namespaceSelector: {}, podSelector: {}}}],
    protocols: [{tcp: {destinationPort: {range: {start: 80, end: 90}}}}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: a, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  enableDefaultDeny: {egress: false}
  ingress: [{fromEntities: [world, host], toPorts: [{ports: [{port: "80", protocol: TCP}],
    rules: {http: [{method: GET, path: /}]}}]}, {fromEndpoints: [{matchLabels: {a: b}}]}]
  egress: [{toFQDNs: [{matchName: a.b}]}, {toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]}]
"""
)
DOCUMENTS = [each for each in yaml.safe_load_all(MANIFESTS) if each]

Path = tuple[str | int, ...]
ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, True, 0, -1, 70000, 10**30, 1.5, "", "x", "a/b", "*", "10.0.0.1/8", "::/0", "80-70",
    "http/UDP", "Infinity", "\x00", "2027-13-45", "é" * 300, [], {}, [None], [[]], [{}], {"": ""},
    ["a"], {"a": "b"}, {"matchLabels": {"a": 1}}, {"matchExpressions": [{"key": "a"}]},
])  # fmt: skip


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    if at:
        yield at
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from paths(value[key], (*at, key))


def within(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def mutated(draw: st.DrawFn) -> list[Any]:
    """All of the manifests, with one to three fields that hold something else, or are gone."""
    found = copy.deepcopy(DOCUMENTS)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(list(paths(found))))
        if draw(st.booleans()) and draw(st.booleans()):
            del within(found, tuple(above))[last]
        else:
            within(found, tuple(above))[last] = copy.deepcopy(draw(ODD))
    return found


def read(text: str) -> Inventory:
    inventory = Inventory()
    collector = Collector(inventory, "shop")
    for document in documents(io.BytesIO(text.encode()), "app.yaml"):
        collector.take(document)
    return inventory


def test_without_a_mutation_nothing_is_told() -> None:
    inventory = read(json.dumps({"kind": "List", "items": DOCUMENTS}))
    assert inventory.problems == []
    assert len(plan(inventory, Settings(), NOW).world.workloads.classes) == 4


@given(mutated(), st.booleans())
@settings(max_examples=200)
def test_whatever_stands_in_a_field_it_is_told_and_nothing_falls_over(
    manifests: list[Any], as_yaml: bool
) -> None:
    if as_yaml:
        inventory = read("---\n".join(map(yaml.safe_dump, manifests)))
    else:
        inventory = read(json.dumps({"kind": "List", "items": manifests}))
    for problem in inventory.problems:
        assert problem.place.line >= 1
        assert problem.message
    made = plan(inventory, Settings(), NOW)
    assert plan_text.as_text(made, policies=True)
    assert json.dumps(plan_data.as_data(made))
    assert plan_reports.as_junit(made)
    assert plan_reports.as_sarif(made)
    assert plan_reports.as_markdown(made)
    connection_list(made.world)
    for namespace in inventory.populated():
        drafted = draft(
            inventory, namespace, inventory.cluster(), made.world.workloads, has_dns=False
        )
        assert yaml.safe_load(drafted.as_yaml("restricted"))["kind"] == "SecurityIntent"
