"""What the policies of one pod allow in one direction, tier by tier.

Where rules do not just add up, ports are cut where some rule tells them apart, and for each part
the peers are sorted into allowed, denied and unknown as sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.model import Action
from bailiwick.policy.reach.peers import EVERYBODY, NOBODY, Peers
from bailiwick.policy.reach.ports import PortSet


@dataclass(frozen=True, slots=True)
class Match:
    """Peers that a rule matches on some ports, and those that it may match for all we know."""

    ports: PortSet
    certain: Peers
    possible: Peers = NOBODY


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """A rule with its peers and ports looked up."""

    action: Action
    matches: tuple[Match, ...]


ResolvedRules = Sequence[ResolvedRule]


@dataclass(frozen=True, slots=True)
class Stack:
    """The rules that hold for a pod in one direction.

    `admin` and `baseline` are groups of equal priority, the first to decide first; each group has
    the rules of each of its policies. `isolated`: what `local` does not allow is denied.
    """

    admin: tuple[tuple[ResolvedRules, ...], ...] = ()
    local: ResolvedRules = ()
    isolated: bool = False
    baseline: tuple[tuple[ResolvedRules, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """Who is allowed and of whom that is unknown, on some ports."""

    ports: PortSet
    allowed: Peers
    unknown: Peers = NOBODY


Table = tuple[Entry, ...]
"""What any entry allows is allowed, what else is unknown to any is unknown, and all else denied."""

FREE: Table = (Entry(port_sets.ALL, EVERYBODY),)


def decide(stack: Stack) -> Table:
    """Say who is allowed on what ports.

    Where a rule may or may not match, both ways are followed to their end: only what then comes
    to different ends is unknown.
    """
    if not (stack.admin or stack.isolated or stack.local or stack.baseline):
        return FREE
    if stack.isolated and not stack.admin and not any(_denies(rule) for rule in stack.local):
        return _added_up(stack.local)
    cells = [_Cell(port_sets.ALL)]
    for group in stack.admin:
        cells = _tier(cells, group)
    for cell in cells:
        cell.undecided |= cell.passed
        cell.passed = NOBODY
    cells = _local(cells, stack)
    for group in stack.baseline:
        cells = _tier(cells, group)
    for cell in cells:
        cell.allowed |= cell.undecided | cell.passed
    return _merged(cells)


def _denies(rule: ResolvedRule) -> bool:
    return rule.action is Action.DENY


def _added_up(rules: ResolvedRules) -> Table:
    """Put rules that only allow side by side: no port has to be cut."""
    return tuple(
        Entry(match.ports, match.certain, match.possible)
        for rule in rules
        for match in rule.matches
    )


@dataclass(slots=True)
class _Cell:
    """Ports that no rule so far tells apart, and what may have become of the peers on them.

    Peers are in several of the sets where that is not certain. `undecided` get to the rules that
    follow, `passed` to the next tier.
    """

    ports: PortSet
    undecided: Peers = EVERYBODY
    passed: Peers = NOBODY
    allowed: Peers = NOBODY
    denied: Peers = NOBODY

    def part(self, ports: PortSet) -> _Cell:
        return _Cell(ports, self.undecided, self.passed, self.allowed, self.denied)

    def mark(self, action: Action, peers: Peers) -> None:
        match action:
            case Action.ALLOW:
                self.allowed |= peers
            case Action.DENY:
                self.denied |= peers
            case Action.PASS:
                self.passed |= peers


def _cut(cells: Iterable[_Cell], rules: Iterable[ResolvedRule]) -> list[_Cell]:
    """Cut cells along the ports of rules."""
    result = list(cells)
    cuts = {id(match.ports): match.ports for rule in rules for match in rule.matches}
    for ports in cuts.values():
        if ports is port_sets.ALL:
            continue
        parts = []
        for cell in result:
            inside, outside = cell.ports & ports, cell.ports & ~ports
            if inside and outside:
                parts += [cell.part(inside), cell.part(outside)]
            else:
                parts.append(cell)
        result = parts
    return result


def _tier(cells: list[_Cell], group: tuple[ResolvedRules, ...]) -> list[_Cell]:
    """Let the policies of one priority decide what is undecided.

    Each of those that match may be the one that is applied: the API leaves it open.
    """
    cells = _cut(cells, (rule for rules in group for rule in rules))
    for cell in cells:
        asked = cell.undecided
        for rules in group:
            cell.undecided &= _in_order(cell, rules, asked)
    return cells


def _in_order(cell: _Cell, rules: ResolvedRules, asked: Peers) -> Peers:
    """Apply the rules of one policy: the first that matches decides; return who is left."""
    left = asked
    for rule in rules:
        for match in rule.matches:
            if left and cell.ports & match.ports:
                cell.mark(rule.action, left & (match.certain | match.possible))
                left -= match.certain
    return left


def _local(cells: list[_Cell], stack: Stack) -> list[_Cell]:
    """Let the namespace's own policies decide: denials first, then all allowances together."""
    cells = _cut(cells, stack.local)
    for cell in cells:
        deny, may_deny = _gathered(cell, stack.local, Action.DENY)
        cell.denied |= cell.undecided & (deny | may_deny)
        cell.undecided -= deny
        if stack.isolated:
            allow, may_allow = _gathered(cell, stack.local, Action.ALLOW)
            cell.allowed |= cell.undecided & (allow | may_allow)
            cell.denied |= cell.undecided - allow
            cell.undecided = NOBODY
    return cells


def _gathered(cell: _Cell, rules: ResolvedRules, action: Action) -> tuple[Peers, Peers]:
    certain, possible = NOBODY, NOBODY
    for rule in rules:
        if rule.action is action:
            for match in rule.matches:
                if cell.ports & match.ports:
                    certain |= match.certain
                    possible |= match.possible
    return certain, possible


def _merged(cells: Iterable[_Cell]) -> Table:
    """Join the ports that came to the same."""
    found: dict[tuple[Peers, Peers], PortSet] = {}
    for cell in cells:
        if cell.allowed:
            key = (cell.allowed - cell.denied, cell.allowed & cell.denied)
            found[key] = found.get(key, port_sets.NONE) | cell.ports
    return tuple(Entry(ports, allowed, unknown) for (allowed, unknown), ports in found.items())
