"""A small cluster with the namespace `shop` in it, and its intents compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bailiwick.api.intent import SecurityIntentSpec
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.effective import EffectiveIntent
from bailiwick.policy.facts import (
    ContainerPort,
    EndpointPort,
    EndpointSlice,
    Namespace,
    NetworkPolicy,
    Node,
    Pod,
    Service,
    ServiceCIDR,
    ServicePort,
)
from bailiwick.policy.merge import ProfileVersion, merge
from bailiwick.policy.network.compile import Rendered, compile_network
from bailiwick.policy.network.model import CompiledNetwork, Policy
from bailiwick.policy.settings import Settings

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
JSON = dict[str, Any]
NAME = "kubernetes.io/metadata.name"


def namespace(name: str, **labels: str) -> Namespace:
    return Namespace(name, f"uid-{name}", {NAME: name, **labels})


def pod(namespace: str, name: str, labels: Mapping[str, str], **fields: Any) -> Pod:
    return Pod(namespace, name, f"uid-{name}", labels, **fields)


def endpoints(
    service: tuple[str, str], *addresses: str, ports: Sequence[EndpointPort]
) -> EndpointSlice:
    family = "IPv6" if ":" in addresses[0] else "IPv4"
    return EndpointSlice(
        service[0],
        f"{service[1]}-{family.lower()}",
        service[1],
        "IPv6" if family == "IPv6" else "IPv4",
        addresses,
        tuple(ports),
    )


HTTP = ContainerPort(8080, "TCP", "http")
DNS_PORTS = (ServicePort(53, 53, "UDP", "dns"), ServicePort(53, 53, "TCP", "dns-tcp"))
KUBE_DNS = Service(
    "kube-system",
    "kube-dns",
    {"k8s-app": "kube-dns"},
    (*DNS_PORTS, ServicePort(9153, 9153, "TCP", "metrics")),
    ("10.96.0.10", "fd10:96::a"),
)
API_SERVER = (EndpointPort(6443, "TCP", "https"),)
CLUSTER = FixedCluster(
    all_namespaces=(
        namespace("shop", team="shop"),
        namespace("payments", team="payments"),
        namespace("secret", team="spies"),
        namespace("kube-system"),
        namespace("default"),
    ),
    all_pods=(
        pod("shop", "cart-1", {"app": "cart"}, ports=(HTTP,)),
        pod("shop", "web-1", {"app": "web"}, ports=(HTTP,)),
        pod("payments", "api-1", {"app": "api"}, ports=(ContainerPort(8443, "TCP", "https"),)),
    ),
    all_services=(
        KUBE_DNS,
        Service("default", "kubernetes", ports=(ServicePort(443, 6443, "TCP", "https"),)),
        Service("shop", "cart", {"app": "cart"}, (ServicePort(80, "http", "TCP", "http"),)),
        Service("payments", "api", {"app": "api"}, (ServicePort(443, 8443, "TCP", "https"),)),
    ),
    all_slices=(
        endpoints(("default", "kubernetes"), "192.168.7.10", "192.168.7.11", ports=API_SERVER),
    ),
    all_nodes=(
        Node("a", ("192.168.7.1", "fd77::1"), ("10.244.0.0/24", "fd44::/80")),
        Node("b", ("192.168.7.2",), ("10.244.1.0/24",)),
    ),
    all_service_cidrs=(ServiceCIDR("kubernetes", ("10.96.0.0/16", "fd10:96::/112")),),
)


def having(cluster: FixedCluster = CLUSTER, **more: Any) -> FixedCluster:
    """Return the cluster with more objects: `having(services=[...])`."""
    added: dict[str, Any] = {
        f"all_{kind}": (*getattr(cluster, f"all_{kind}"), *objects)
        for kind, objects in more.items()
    }
    return replace(cluster, **added)


def effective(
    *rules: JSON,
    profile: JSON | None = None,
    on: FixedCluster = CLUSTER,
    settings: Settings | None = None,
    now: datetime = NOW,
) -> EffectiveIntent:
    """Merge rules of the intent of `shop` into a profile, of which `spec.network` is given."""
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
    return merge(
        "shop",
        ProfileVersion(
            "restricted", 3, SecurityProfileSpec.model_validate({"network": profile or {}})
        ),
        SecurityIntentSpec.model_validate({"network": {"allow": named}}),
        lookup=on.namespace,
        settings=settings or Settings(),
        now=now,
    )


def compiled(
    *rules: JSON,
    profile: JSON | None = None,
    on: FixedCluster = CLUSTER,
    settings: Settings | None = None,
    rendered: Rendered | None = None,
) -> CompiledNetwork:
    """Compile rules of the intent of `shop`; they are called r0, r1, … where they have no name."""
    settings = settings or Settings()
    intent = effective(*rules, profile=profile, on=on, settings=settings)
    return compile_network(intent, rendered or {}, on, settings)


def allowing(entity: str, **more: Any) -> JSON:
    """Return a profile with one allowance of an entity."""
    return {"allowances": [{"name": "it", "entity": entity, **more}]}


def halves(network: CompiledNetwork, half: str) -> list[Policy]:
    return [policy for policy in network.policies if policy.half == half]


def opened(network: CompiledNetwork, half: str = "egress") -> list[JSON]:
    """Return all entries of the policies of one half."""
    return [entry for policy in halves(network, half) for entry in policy.spec[half]]


def codes(network: CompiledNetwork, severity: str = "closed") -> list[str]:
    return [finding.code for finding in network.findings if finding.severity == severity]


def port(number: int | str, protocol: str = "TCP", end: int | None = None) -> JSON:
    return {"protocol": protocol, "port": number, **({"endPort": end} if end else {})}


def block(cidr: str, *holes: str) -> JSON:
    return {"ipBlock": {"cidr": cidr, **({"except": list(holes)} if holes else {})}}


def live(policy: Policy, namespace: str = "shop") -> NetworkPolicy:
    """Return a policy as it is in the cluster once it was applied."""
    return NetworkPolicy(
        namespace, policy.name, f"uid-{policy.name}", policy.labels, spec=policy.spec
    )
