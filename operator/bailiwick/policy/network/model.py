"""What compiling an effective intent gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bailiwick.policy.dialects import Dialect, policy_key
from bailiwick.policy.network import cilium
from bailiwick.policy.network.naming import Half, Origin
from bailiwick.policy.reach import model as reach
from bailiwick.policy.reach.kinds import cilium as cilium_policy
from bailiwick.policy.reach.kinds import network_policy

JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that there is to be.

    `rule` is empty where no single rule gave it. `spec` is the JSON of a NetworkPolicy, never
    changed; that of Cilium's dialect has the form of `network.cilium`.
    """

    name: str
    rule: str
    half: Half
    labels: Mapping[str, str]
    spec: JSON
    dialect: Dialect = Dialect.NETWORK_POLICY

    @property
    def key(self) -> str:
        """What names it among the policies of its namespace, of whatever kind."""
        return policy_key(self.dialect, self.name)

    def read(self, namespace: str) -> list[reach.Policy]:
        """Return the policy as the reachability engine reads it once it is in a namespace."""
        if self.dialect is Dialect.CILIUM:
            spec = {"spec": cilium.written(self.spec)}
            return cilium_policy.read(namespace, self.name, spec)
        return [network_policy.read(namespace, self.name, self.spec)]

    def manifest(self, namespace: str, owners: Sequence[JSON] = ()) -> dict[str, Any]:
        """Return the whole object; `owners` are its ownerReferences as JSON."""
        metadata: dict[str, Any] = {
            "name": self.name,
            "namespace": namespace,
            "labels": dict(self.labels),
        }
        if owners:
            metadata["ownerReferences"] = [dict(owner) for owner in owners]
        version, spec = "networking.k8s.io/v1", self.spec
        if self.dialect is Dialect.CILIUM:
            version, spec = cilium.API_VERSION, cilium.written(self.spec)
        return {
            "apiVersion": version,
            "kind": self.dialect.value,
            "metadata": metadata,
            "spec": spec,
        }


@dataclass(frozen=True, slots=True, order=True)
class NetworkFinding:
    """Something about a rule that its owner should know.

    `closed`: the rule, or the part that `message` names, is not opened. `warning`: it is
    opened, and may not mean what its owner thinks. `field` is where a person finds the rule.
    `detail` tells findings of one code about one rule apart, whatever their messages name just now.
    """

    rule: str
    code: str
    severity: Literal["closed", "warning"]
    message: str
    field: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Frozen:
    """A rule that cannot be read now: what is there of its half stays as it is."""

    origin: Origin
    rule: str
    half: Half


@dataclass(frozen=True, slots=True)
class CompiledNetwork:
    """The policies of a namespace, sorted by name, and what is to be said of them.

    `depends_on` are keys of `network.dependencies`: a change of anything else changes nothing
    here. `frozen_by` gives the reason for each kind that was needed and could not be read.
    `declared_edges` counts each port of each rule in force (a rule without ports once), and
    `opened_edges` those of them that the policies open.
    """

    policies: tuple[Policy, ...] = ()
    findings: tuple[NetworkFinding, ...] = ()
    depends_on: frozenset[str] = frozenset()
    frozen: frozenset[Frozen] = frozenset()
    frozen_by: Mapping[str, str] = field(default_factory=dict)
    declared_edges: int = 0
    opened_edges: int = 0
