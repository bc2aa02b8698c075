"""What the resolvers of peers share: their result, and what they may look at and say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bailiwick.policy.dialects import Dialect
from bailiwick.policy.effective import EffectiveIntent
from bailiwick.policy.network.dependencies import namespace_key
from bailiwick.policy.network.model import NetworkFinding
from bailiwick.policy.network.reading import Closed, Reading
from bailiwick.policy.network.specs import Opening
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import Rule
from bailiwick.policy.selectors import Selector

Ports = tuple[Port, ...] | None
"""What a rule asks for: some ports, or None for all that there are."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One side of a rule.

    `local` selects its pods in this namespace, and is empty where it is elsewhere.
    `closed_ports` counts ports of the rule that could not be resolved.
    """

    openings: tuple[Opening, ...]
    local: tuple[Selector, ...] = ()
    closed_ports: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """What resolving a peer needs: whose rule it is, what it is read against, where to tell."""

    effective: EffectiveIntent
    reading: Reading
    rule: Rule
    findings: list[NetworkFinding]
    dialect: Dialect = Dialect.NETWORK_POLICY

    def tell(
        self, code: str, message: str, severity: Literal["closed", "warning"], detail: str
    ) -> None:
        """Add a finding about the rule."""
        self.findings.append(
            NetworkFinding(self.rule.name, code, severity, message, self.rule.field, detail)
        )

    def check_namespace(self, name: str, *, held: bool) -> None:
        """Tell of a namespace that is not there.

        `held` says whether the rule is held to the namespaces that an intent may name. Raises
        Closed where it may not be named.
        """
        allowed = self.effective.may_declare.namespaces
        limited = held and bool(allowed)
        if not limited and not self.reading.can_read("namespaces"):
            self.reading.looked_at.add(namespace_key(name))
            return
        namespace = self.reading.namespace(name)
        if namespace is None:
            missing = f"there is no namespace {name}: correct its name, or create it"
            if limited:
                raise Closed("NamespaceNotFound", missing)
            self.tell("NamespaceNotFound", missing, "warning", name)
        elif limited and allowed is not None and not allowed.matches(namespace.labels):
            raise Closed(
                "TooWide",
                f"profile {self.effective.profile} does not let intents name namespace {name}: "
                "remove the rule, or ask the platform team",
            )

    def check_names(self, namespace: str, selector: Selector, ports: Iterable[Port] | None) -> None:
        """Tell of names of ports that no pod of the selector declares.

        An allowance is the same for every namespace of its profile: where it selects no pod
        there is nothing to correct.
        """
        named = [port for port in ports or () if port.name]
        if not named or not self.reading.can_read("pods"):
            return
        pods = [pod for pod in self.reading.pods(namespace) if selector.matches(pod.labels)]
        if not pods and self.rule.from_profile:
            return
        declared = {(port.name, port.protocol) for pod in pods for port in pod.ports}
        for port in named:
            if (port.name, port.protocol) not in declared:
                self.tell(
                    "UnresolvedPort",
                    f"no pod of the target has a container port called {port.name} "
                    f"({port.protocol}): correct the name, or write the number",
                    "warning",
                    str(port),
                )

    def without_names(self, ports: Ports, what: str) -> tuple[Ports, int]:
        """Return the numbered ports, and how many names there were, which addresses cannot have.

        Raises Closed where no port is left.
        """
        names = [port for port in ports or () if port.name]
        if not names or ports is None:
            return ports, 0
        listed = ", ".join(map(str, names))
        message = f"{what} has no named ports, so {listed} is closed: write the number"
        left = tuple(port for port in ports if not port.name)
        if not left:
            raise Closed("UnresolvedPort", message)
        self.tell("UnresolvedPort", message, "closed", what)
        return left, len(names)
