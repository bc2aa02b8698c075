"""Random small clusters around the namespace `shop`, and everybody who may talk in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import (
    ContainerPort,
    EndpointPort,
    EndpointSlice,
    Node,
    Pod,
    Service,
    ServiceCIDR,
    ServicePort,
)
from bailiwick.policy.selectors import Selector
from bailiwick.policy.settings import PodsOf, Settings
from tests.unit.network.evaluator import Endpoint, Network, Port
from tests.unit.network.make import endpoints, namespace, pod

SETTINGS = Settings(ingress_controllers=(PodsOf("ingress", Selector.of({"app": "gateway"})),))
NAMESPACES = (
    namespace("shop", team="shop"),
    namespace("payments", team="payments"),
    namespace("secret", team="spies"),
    namespace("kube-system"),
    namespace("default"),
    namespace("ingress"),
)
NODE = ("192.168.7.1", "fd77::1")
API_SERVER = ("192.168.7.10", "fd77::10")
DNS_ADDRESS = "192.168.7.53"
CLUSTER_IPS = ("10.96.0.10", "fd10:96::a")
PUBLIC = ("8.8.8.8", "203.0.113.7", "2600::8")
PRIVATE = ("10.9.9.9", "fd99::9")
METADATA = ("169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe")
OUTSIDE = (
    *(*PUBLIC, *PRIVATE, *METADATA, *NODE, *API_SERVER, DNS_ADDRESS, *CLUSTER_IPS),
    "169.254.20.10",
)
PORTS = (
    *(Port(number) for number in (53, 80, 443, 6443, 8080, 8443, 9090)),
    *(Port(53, "UDP"), Port(5353, "UDP"), Port(9, "SCTP")),
)

_RARELY = st.sampled_from([False] * 7 + [True])
_LABELS = st.fixed_dictionaries(
    {"app": st.sampled_from("ab")}, optional={"tier": st.sampled_from("xy")}
)
_CONTAINER_PORTS = st.lists(
    st.sampled_from(
        (
            ContainerPort(8080, "TCP", "http"),
            ContainerPort(9090, "TCP", "http"),
            ContainerPort(5353, "UDP", "dns"),
        )
    ),
    max_size=2,
    unique_by=lambda port: (port.name, port.protocol),
)
_WEB_PORTS = (
    ServicePort(80, 8080, "TCP", "web"),
    ServicePort(443, "http", "TCP", "tls"),
    ServicePort(53, "dns", "UDP", "dns"),
)
_ALIASES = ("api.payments.svc.cluster.local", "spy.secret.svc", "web.shop.svc", "example.com")


@st.composite
def clusters(draw: st.DrawFn) -> FixedCluster:
    """Return a cluster that differs in what decides how rules are resolved."""
    pods = [
        *draw(_pods("shop", 4, 0)),
        *draw(_pods("payments", 2, 1)),
        *draw(_pods("secret", 1, 2)),
        *draw(_pods("ingress", 1, 3, st.just({"app": "gateway"}))),
    ]
    services = [
        Service("shop", "web", {"app": "a"}, _sample(draw, _WEB_PORTS)),
        Service("shop", "ext", ports=(ServicePort(443, 443, "TCP", "tls"),)),
        Service("shop", "alias", type="ExternalName", external_name=_one(draw, _ALIASES)),
        Service("payments", "api", {"app": "b"}, (ServicePort(443, 8443, "TCP", "https"),)),
        Service("secret", "spy", {}, (ServicePort(80, 80),)),
        Service("default", "kubernetes", ports=(ServicePort(443, 6443, "TCP", "https"),)),
    ]
    behind_ext = _sample(draw, (*PUBLIC, *PRIVATE, *METADATA, "10.244.2.1", "fd44::2:1"))
    slices = [
        *(
            endpoints(("shop", "ext"), each, ports=[EndpointPort(8443, "TCP", "tls")])
            for each in (behind_ext[:1] or (PUBLIC[0],))
        ),
        *(
            endpoints(("default", "kubernetes"), each, ports=[EndpointPort(6443, "TCP", "https")])
            for each in API_SERVER
        ),
    ]
    dns_services, dns_pods, dns_slices = draw(_dns())
    known = draw(st.booleans())
    return FixedCluster(
        NAMESPACES,
        (*pods, *dns_pods),
        (*services, *dns_services),
        (*slices, *dns_slices),
        (Node("a", NODE, ("10.244.0.0/16", "fd44::/64") if known else ()),),
        (ServiceCIDR("kubernetes", ("10.96.0.0/16", "fd10:96::/112")),),
    )


@st.composite
def _pods(
    draw: st.DrawFn,
    of: str,
    most: int,
    number: int,
    labels: st.SearchStrategy[Mapping[str, str]] = _LABELS,
) -> list[Pod]:
    made = []
    for n in range(1, 1 + draw(st.integers(1, most))):
        on_host = draw(_RARELY)
        made.append(
            pod(
                of,
                f"{of}-{n}",
                draw(labels),
                addresses=NODE if on_host else (f"10.244.{number}.{n}", f"fd44::{number}:{n}"),
                host_network=on_host,
                finished=draw(_RARELY),
                ports=tuple(draw(_CONTAINER_PORTS)),
            )
        )
    return made


@st.composite
def _dns(
    draw: st.DrawFn,
) -> tuple[list[Service], list[Pod], list[EndpointSlice]]:
    """Return the DNS of a cluster: by number, by name, without a selector, or none at all."""
    kind = draw(st.sampled_from(("number", "name", "bare", "none")))
    targets: Any = {"name": ("dns", "dns-tcp")}.get(kind, (53, 53))
    labels = {"k8s-app": "kube-dns"}
    ports = (
        ServicePort(53, targets[0], "UDP", "dns"),
        ServicePort(53, targets[1], "TCP", "dns-tcp"),
        ServicePort(9090, 9090, "TCP", "metrics"),
    )
    served = Service(
        "kube-system", "kube-dns", {} if kind == "bare" else labels, ports, CLUSTER_IPS
    )
    container_ports = (ContainerPort(5353, "UDP", "dns"), ContainerPort(8080, "TCP", "dns-tcp"))
    pods = [
        pod("kube-system", "dns-1", labels, addresses=("10.244.5.1",), ports=container_ports),
    ]
    if draw(st.booleans()):
        cache = {"k8s-app": "node-local-dns"}
        pods.append(pod("kube-system", "cache", cache, addresses=NODE, host_network=True))
    behind = [EndpointPort(53, "UDP", "dns"), EndpointPort(53, "TCP", "dns-tcp")]
    slices = [endpoints(("kube-system", "kube-dns"), DNS_ADDRESS, ports=behind)]
    return ([] if kind == "none" else [served]), pods, (slices if kind == "bare" else [])


def ends(cluster: FixedCluster, of: str | None = None) -> list[Endpoint]:
    """Return every pod that has traffic, of one namespace or of all, by each of its addresses."""
    return [
        Endpoint(
            address,
            each.namespace,
            each.labels,
            {(port.name, port.protocol): port.number for port in each.ports},
            each.host_network,
        )
        for each in cluster.all_pods
        if not each.finished and of in (None, each.namespace)
        for address in each.addresses
    ]


def halves(cluster: FixedCluster) -> list[tuple[str, Endpoint, Endpoint, Port]]:
    """Return every question that `Network.allows_half` can be asked of the pods of shop."""
    others = [*ends(cluster), *map(Endpoint, OUTSIDE)]
    return [
        (direction, pod, other, port)
        for pod in ends(cluster, "shop")
        for other in others
        if (":" in pod.address) is (":" in other.address)
        for direction in ("Ingress", "Egress")
        for port in PORTS
    ]


def network_of(cluster: FixedCluster, policies: list[dict[str, Any]]) -> Network:
    """Return the network of a cluster that has just these policies."""
    return Network({each.name: each.labels for each in cluster.all_namespaces}, policies)


def _sample(draw: st.DrawFn, values: tuple[Any, ...]) -> tuple[Any, ...]:
    chosen = draw(st.sets(st.sampled_from(range(len(values)))))
    return tuple(values[n] for n in sorted(chosen))


def _one(draw: st.DrawFn, values: tuple[str, ...]) -> str:
    return draw(st.sampled_from(values))
