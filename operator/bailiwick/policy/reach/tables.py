"""The table of each class of pods in each direction, computed when it is asked for and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bailiwick.policy.reach.classes import Classes
from bailiwick.policy.reach.decide import Match, ResolvedRule, Stack, Table, decide
from bailiwick.policy.reach.index import Policies
from bailiwick.policy.reach.model import ALL_PORTS, Action, Policy, PolicyKey, Tier
from bailiwick.policy.reach.peers import Peers, PodSet, bits, numbers
from bailiwick.policy.reach.resolve import Resolver
from bailiwick.policy.rules import Direction


class Tables:
    """What the policies that select a class allow it.

    Whoever changes something forgets what that can have changed. So many changes one after the
    other cost no more than the last of them, and what nobody asks for costs nothing.
    """

    def __init__(self, classes: Classes, policies: Policies, resolver: Resolver) -> None:
        self._classes = classes
        self._policies = policies
        self._resolver = resolver
        self._tables: dict[Direction, dict[int, Table]] = {each: {} for each in Direction}
        self._without_admin: dict[Direction, dict[int, Table]] = {each: {} for each in Direction}
        self._selecting: dict[int, list[Policy]] = {}
        self._rules: dict[tuple[PolicyKey, Direction], list[ResolvedRule]] = {}

    def table(self, number: int, direction: Direction) -> Table:
        """Return what is allowed for a class in a direction."""
        found = self._tables[direction].get(number)
        if found is None:
            stack = self._stack(number, direction)
            found = self._tables[direction][number] = decide(stack)
            if not stack.admin:
                self._without_admin[direction][number] = found
        return found

    def without_admin(self, number: int, direction: Direction) -> Table:
        """Return what would be allowed for a class in a direction if no admin policy decided."""
        self.table(number, direction)
        found = self._without_admin[direction].get(number)
        if found is None:
            stack = replace(self._stack(number, direction), admin=())
            found = self._without_admin[direction][number] = decide(stack)
        return found

    def selecting(self, number: int) -> list[Policy]:
        """Return the policies that select a class, by key."""
        found = self._selecting.get(number)
        if found is None:
            found = self._selecting[number] = self._look(number)
        return found

    def forget(self, classes: PodSet, directions: Iterable[Direction] = Direction) -> None:
        """Compute the tables of some classes anew, once they are asked for."""
        touched = list(numbers(classes))
        for direction in directions:
            for number in touched:
                self._tables[direction].pop(number, None)
                self._without_admin[direction].pop(number, None)

    def forget_policies(self, classes: PodSet) -> None:
        """Look anew which policies select some classes, too."""
        self.forget(classes)
        for number in numbers(classes):
            self._selecting.pop(number, None)

    def forget_rules(self, policy: Policy, direction: Direction) -> None:
        """Look up anew what the rules of a policy name, and compute what is made of them."""
        self._rules.pop((policy.key, direction), None)
        self.forget(self._resolver.selected(policy.subject), [direction])

    def forget_policy(self, policy: Policy) -> None:
        """Look anew whom a policy selects and what its rules name: it has come or gone."""
        for direction in policy.sides:
            self._rules.pop((policy.key, direction), None)
        self.forget_policies(self._resolver.selected(policy.subject))

    def of_own_nodes(self, number: int) -> PodSet:
        """Return the classes on the network of a node on which a class has a pod.

        No NetworkPolicy keeps a pod and its own node apart.
        https://kubernetes.io/docs/concepts/services-networking/network-policies/
        """
        found: PodSet = 0
        for node in self._classes[number].nodes:
            found |= self._classes.on_node(node)
        return found & self._classes.host

    def _look(self, number: int) -> list[Policy]:
        own = bits(number)
        if self._classes.host & own:
            return []
        candidates = self._policies.that_may_select(self._classes[number].namespace)
        return [each for each in candidates if self._resolver.selected(each.subject) & own]

    def _stack(self, number: int, direction: Direction) -> Stack:
        local: list[ResolvedRule] = []
        others: dict[Tier, dict[int, list[list[ResolvedRule]]]] = {}
        isolated, spares_own_node = False, True
        for policy in self.selecting(number):
            side = policy.sides.get(direction)
            if side is None:
                continue
            rules = self._resolved(policy, direction, number)
            if policy.tier is Tier.NAMESPACE:
                local += rules
                isolated = isolated or side.isolates
                spares_own_node = spares_own_node and (side.spares_own_node or not side.isolates)
            else:
                of_tier = others.setdefault(policy.tier, {})
                of_tier.setdefault(policy.priority, []).append(rules)
        if isolated and spares_own_node and (nodes := self.of_own_nodes(number)):
            local.append(ResolvedRule(Action.ALLOW, (Match(ALL_PORTS.numbers, Peers(nodes)),)))
        return Stack(
            _groups(others.get(Tier.ADMIN, {})),
            local,
            isolated,
            _groups(others.get(Tier.BASELINE, {})),
        )

    def _resolved(self, policy: Policy, direction: Direction, number: int) -> list[ResolvedRule]:
        """Look up a policy's rules; those that no class of pods reads in its own way, only once."""
        key = policy.key, direction
        found = self._rules.get(key)
        if found is None:
            rules, subject = policy.sides[direction].rules, self._classes[number]
            found = [self._resolver.rule(rule, direction, subject) for rule in rules]
            if direction is Direction.EGRESS or not any(rule.ports.names for rule in rules):
                self._rules[key] = found
        return found


def _groups(
    by_priority: dict[int, list[list[ResolvedRule]]],
) -> tuple[tuple[list[ResolvedRule], ...], ...]:
    return tuple(tuple(by_priority[priority]) for priority in sorted(by_priority))
