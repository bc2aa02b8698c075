"""One manifest of every kind that is read, with something in nearly every field."""

from __future__ import annotations

from tests.unit.offline.make import from_to, intent, policy, profile, service, workload

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
