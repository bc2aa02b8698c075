"""The kinds of policy that intents are written in.

NetworkPolicy is there always. Cilium's own is one where the API server serves it: only it can
restrict traffic by host names and by HTTP requests, and address nodes and the API server.
"""

from __future__ import annotations

from enum import StrEnum

CILIUM_ENFORCER = "cilium"


class Dialect(StrEnum):
    """A kind of policy in a namespace, by the API's name for it."""

    NETWORK_POLICY = "NetworkPolicy"
    CILIUM = "CiliumNetworkPolicy"


CILIUM_KIND = "ciliumnetworkpolicies"
"""The plural under which Cilium's policies of a namespace are served."""

CLUSTER_POLICY_KIND = "clusternetworkpolicies"
"""The plural under which the policies of the whole cluster are served."""


def policy_key(dialect: Dialect, name: str) -> str:
    """Name a policy of a namespace: `web-in-…`, `CiliumNetworkPolicy/web-in-…`."""
    return name if dialect is Dialect.NETWORK_POLICY else f"{dialect.value}/{name}"


def in_words(key: str) -> str:
    """Name a policy by its key in a sentence: `NetworkPolicy web-in-…`."""
    kind, slash, name = key.rpartition("/")
    return f"{kind if slash else Dialect.NETWORK_POLICY} {name}"
