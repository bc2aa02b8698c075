"""Settings of the operator that decide what an intent means in this cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bailiwick.policy.selectors import Selector

ALWAYS_EXEMPT = frozenset({"kube-system", "kube-public", "kube-node-lease"})


@dataclass(frozen=True, slots=True)
class PodsOf:
    """Pods of one namespace that a selector selects."""

    namespace: str
    selector: Selector


@dataclass(frozen=True, slots=True)
class Settings:
    """What the platform team set; the defaults suit a cluster made by kubeadm.

    `cluster_cidrs` are address ranges of pods and Services beyond those that ServiceCIDR
    objects and the nodes' podCIDRs name. `enforcer` is the name of what enforces
    NetworkPolicy here, empty where it is not known. `node_limit` bounds the addresses that
    the entity Nodes may become, `rule_limit` the rules of one intent.
    """

    operator_namespace: str = "bailiwick-system"
    exempt_namespaces: frozenset[str] = ALWAYS_EXEMPT
    enforcer: str = ""
    cluster_cidrs: tuple[str, ...] = ()
    dns_namespace: str = "kube-system"
    dns_services: tuple[str, ...] = ("kube-dns", "coredns", "rke2-coredns-rke2-coredns")
    node_local_dns: tuple[str, ...] = ("169.254.20.10",)
    ingress_controllers: tuple[PodsOf, ...] = ()
    node_limit: int = 250
    rule_limit: int = 500
    address_limit: int = 500
    review_warning: timedelta = timedelta(days=14)
    exception_warning: timedelta = timedelta(days=14)
    heartbeat: timedelta = timedelta(hours=6)
    allow_loopback_registries: bool = False

    def is_exempt(self, namespace: str) -> bool:
        """Say whether intents have no effect in this namespace."""
        return namespace in self.exempt_namespaces or namespace == self.operator_namespace
