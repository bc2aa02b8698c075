"""One form for every kind of policy, so that the engine knows no kind.

A policy selects pods and has, for each direction that it speaks of, rules in order. Three tiers
decide one after the other: admin policies by priority, then the namespace's own policies, then
the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from bailiwick.policy.facts import Protocol
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import EVERYTHING, Selector


class InvalidPolicy(ValueError):
    """A policy that the API server would refuse; the message names the field."""


class Tier(IntEnum):
    """Who decides first."""

    ADMIN = 0
    NAMESPACE = 1
    BASELINE = 2


class Action(StrEnum):
    """What a rule does with what it matches; Pass leaves it to the next tier."""

    ALLOW = "Allow"
    DENY = "Deny"
    PASS = "Pass"  # noqa: S105  # the API's word for leaving it to the next tier


@dataclass(frozen=True, slots=True, order=True)
class PolicyKey:
    """What names a policy; `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Name the policy in a sentence."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class PodsPeer:
    """Pods by their labels, in namespaces by theirs, and only in `namespace` where it is given."""

    namespace: str = ""
    namespaces: Selector = EVERYTHING
    pods: Selector = EVERYTHING


@dataclass(frozen=True, slots=True, order=True)
class BlockPeer:
    """Addresses: of the world outside, and perhaps of pods and of nodes.

    None leaves it to the network plugin, as the API of NetworkPolicy does.
    """

    addresses: Addresses
    covers_pods: bool | None = None
    covers_nodes: bool | None = None


@dataclass(frozen=True, slots=True, order=True)
class NodesPeer:
    """Nodes by their labels: their addresses, and the pods on their network."""

    selector: Selector = EVERYTHING


@dataclass(frozen=True, slots=True, order=True)
class NamePeer:
    """A host name: addresses that only the network plugin learns."""

    name: str


@dataclass(frozen=True, slots=True, order=True)
class AnyonePeer:
    """Everybody, in the cluster and outside."""


@dataclass(frozen=True, slots=True, order=True)
class UnknownPeer:
    """A peer that is not understood, for the reason that `why` gives: it may be anybody."""

    why: str


Peer = PodsPeer | BlockPeer | NodesPeer | NamePeer | AnyonePeer | UnknownPeer


@dataclass(frozen=True, slots=True, order=True)
class NamedPort:
    """A container port's name; no protocol stands for whichever it has."""

    name: str
    protocol: Protocol | None = None


@dataclass(frozen=True, slots=True)
class Ports:
    """Port numbers, and names that each destination resolves for itself."""

    numbers: PortSet = port_sets.NONE
    names: tuple[NamedPort, ...] = ()


ALL_PORTS = Ports(port_sets.ALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one direction.

    `label` is where it stands: `ingress[0]`, or its name. `unknown` says what of it is not
    understood: whether it holds for its peers is then not known. `http` are requests
    that an allowed connection is limited to, in words.
    """

    action: Action
    peers: tuple[Peer, ...]
    ports: Ports = ALL_PORTS
    label: str = ""
    unknown: str = ""
    http: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """What a policy says of one direction; `isolates`: what no rule allows is denied.

    `spares_own_node`: that isolation does not keep a pod and its own node apart.
    """

    rules: tuple[Rule, ...] = ()
    isolates: bool = True
    spares_own_node: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of any kind. `priority` orders admin policies, the lowest number first."""

    key: PolicyKey
    tier: Tier
    subject: PodsPeer
    sides: dict[Direction, Side] = field(default_factory=dict)
    priority: int = 0
