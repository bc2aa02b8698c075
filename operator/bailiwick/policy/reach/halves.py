"""What decides one half of a connection: the same tiers as of `decide`, with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby

from bailiwick.policy.reach.model import Action, Policy, PolicyKey, Tier
from bailiwick.policy.rules import Direction

_CONTRADICTED = "a policy of the same priority says otherwise, and the API leaves open which wins"


class Outcome(StrEnum):
    """What becomes of a connection, or of one half of it."""

    ALLOWED = "Allowed"
    DENIED = "Denied"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that had a say, or the isolation by a policy, which has no `rule`.

    `unknown` says why it may or may not hold. `http` are the requests that it allows, in words,
    where those are not all. No `policy` stands for what Kubernetes itself lets through.
    """

    policy: PolicyKey | None
    rule: str
    action: Action | None
    unknown: str = ""
    http: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Half:
    """One direction: what decided, and what left it to the next tier before.

    No reasons stands for "no policy has a rule for this", so that it is open.
    """

    direction: Direction
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    passed: tuple[Reason, ...] = ()


def decided(
    policies: Sequence[Policy],
    direction: Direction,
    matching: Mapping[PolicyKey, Sequence[Reason]],
    *,
    is_own_node: bool,
) -> Half:
    """Say what becomes of one half, by the policies of one end, tier by tier.

    `matching` has the rules that are for it, or may be, by policy and in order.
    """
    return _Asked(policies, direction, matching, is_own_node).half()


@dataclass(slots=True)
class _Asked:
    """One half of one connection, asked of the tiers one after the other.

    Where a rule may or may not match, both ways are followed to their end.
    """

    policies: Sequence[Policy]
    direction: Direction
    matching: Mapping[PolicyKey, Sequence[Reason]]
    is_own_node: bool
    outcomes: set[Outcome] = field(default_factory=set)
    reasons: list[Reason] = field(default_factory=list)
    passed: list[Reason] = field(default_factory=list)

    def half(self) -> Half:
        """Ask tier by tier until one has decided for certain."""
        policies = [policy for policy in self.policies if self.direction in policy.sides]
        for tier in Tier:
            asked = [policy for policy in policies if policy.tier is tier]
            if not (self._together(asked) if tier is Tier.NAMESPACE else self._ranked(asked)):
                break
        else:
            self.outcomes.add(Outcome.ALLOWED)
        outcome = self.outcomes.pop() if len(self.outcomes) == 1 else Outcome.UNKNOWN
        return Half(self.direction, outcome, tuple(self.reasons), tuple(self.passed))

    def _ranked(self, policies: Iterable[Policy]) -> bool:
        """Ask one priority after the other; returns whether the next tier may be reached."""
        ordered = sorted(policies, key=lambda policy: (policy.priority, policy.key))
        passes = False
        for _, group in groupby(ordered, key=lambda policy: policy.priority):
            found = [list(self._until_certain(policy)) for policy in group]
            actions = {reason.action for reasons in found for reason in reasons}
            contradict = len(actions) > 1 and sum(map(bool, found)) > 1
            for reason in (reason for reasons in found for reason in reasons):
                self._note(replace(reason, unknown=_CONTRADICTED) if contradict else reason)
            passes = passes or Action.PASS in actions
            if any(reasons and not reasons[-1].unknown for reasons in found):
                return passes
        return True

    def _together(self, policies: Sequence[Policy]) -> bool:
        """Ask the namespace's own policies: a denial first, then any allowance."""
        found = [reason for policy in policies for reason in self._matching(policy)]
        sides = [policy.sides[self.direction] for policy in policies]
        isolating = [
            policy.key for policy, side in zip(policies, sides, strict=True) if side.isolates
        ]
        allowed = [reason for reason in found if reason.action is Action.ALLOW]
        denied = [reason for reason in found if reason.action is Action.DENY]
        spared = all(side.spares_own_node for side in sides if side.isolates)
        if isolating and spared and self.is_own_node:
            allowed.append(Reason(None, "traffic with its own node", Action.ALLOW))
        certain = [reason for reason in denied if not reason.unknown]
        if certain:
            self._note(*certain)
            return False
        self._note(*denied)
        if not isolating:
            return True
        certain = [reason for reason in allowed if not reason.unknown]
        self._note(*(certain or allowed))
        if not certain:
            self._note(*(Reason(key, "", None) for key in isolating))
        return False

    def _note(self, *reasons: Reason) -> None:
        for reason in reasons:
            if reason.action is Action.PASS:
                self.passed.append(reason)
            else:
                allows = reason.action is Action.ALLOW
                self.outcomes.add(Outcome.ALLOWED if allows else Outcome.DENIED)
                self.reasons.append(reason)

    def _until_certain(self, policy: Policy) -> Iterator[Reason]:
        """Go through the rules that may be the first of a policy to match."""
        for reason in self._matching(policy):
            yield reason
            if not reason.unknown:
                return

    def _matching(self, policy: Policy) -> Sequence[Reason]:
        return self.matching.get(policy.key, ())
