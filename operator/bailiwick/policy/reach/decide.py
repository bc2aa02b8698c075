"""What the policies of one pod allow in one direction, tier by tier.

Ports are cut only where some rule of these policies tells them apart, and for each part the peers
are sorted into allowed, denied and unknown as sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.model import Action
from bailiwick.policy.reach.peers import NOBODY, Peers
from bailiwick.policy.reach.ports import PortSet

EVERYBODY = Peers(-1, addresses.ALL)


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
    """What is allowed and what is unknown on some ports; all else is denied there."""

    ports: PortSet
    allowed: Peers
    unknown: Peers = NOBODY


Table = tuple[Entry, ...]
"""Entries whose ports have nothing in common; a port in none of them is denied to everybody."""

FREE: Table = (Entry(port_sets.ALL, EVERYBODY),)


def decide(stack: Stack) -> Table:
    """Say who is allowed on what ports."""
    if not (stack.admin or stack.isolated or stack.local or stack.baseline):
        return FREE
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


@dataclass(slots=True)
class _Cell:
    """Ports that no rule so far tells apart, and what became of the peers on them."""

    ports: PortSet
    undecided: Peers = EVERYBODY
    passed: Peers = NOBODY
    allowed: Peers = NOBODY
    unknown: Peers = NOBODY

    def part(self, ports: PortSet) -> _Cell:
        return _Cell(ports, self.undecided, self.passed, self.allowed, self.unknown)


@dataclass(slots=True)
class _Verdicts:
    """What one policy says of the peers of a cell."""

    allow: Peers = NOBODY
    deny: Peers = NOBODY
    leave: Peers = NOBODY
    unknown: Peers = NOBODY


def _cut(cells: Iterable[_Cell], rules: Iterable[ResolvedRule]) -> list[_Cell]:
    """Cut cells along the ports of rules."""
    result = list(cells)
    for ports in {match.ports for rule in rules for match in rule.matches}:
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

    Where two of them contradict each other the API defines no outcome: that is unknown.
    """
    cells = _cut(cells, (rule for rules in group for rule in rules))
    for cell in cells:
        each = [_of_policy(cell, rules) for rules in group]
        allow, deny, leave, unknown = NOBODY, NOBODY, NOBODY, NOBODY
        for one in each:
            contradicted = (
                (one.allow & (deny | leave))
                | (one.deny & (allow | leave))
                | (one.leave & (allow | deny))
            )
            unknown |= one.unknown | contradicted
            allow, deny, leave = allow | one.allow, deny | one.deny, leave | one.leave
        cell.unknown |= unknown
        cell.allowed |= allow - unknown
        cell.passed |= leave - unknown
        cell.undecided -= allow | deny | leave | unknown
    return cells


def _of_policy(cell: _Cell, rules: ResolvedRules) -> _Verdicts:
    """Apply the rules of one policy in their order: the first that matches decides."""
    verdicts, left = _Verdicts(), cell.undecided
    for rule in rules:
        for match in rule.matches:
            if not cell.ports & match.ports:
                continue
            hit = match.certain & left
            maybe = (match.possible & left) - hit
            match rule.action:
                case Action.ALLOW:
                    verdicts.allow |= hit
                case Action.DENY:
                    verdicts.deny |= hit
                case Action.PASS:
                    verdicts.leave |= hit
            verdicts.unknown |= maybe
            left -= hit | maybe
    return verdicts


def _local(cells: list[_Cell], stack: Stack) -> list[_Cell]:
    """Let the namespace's own policies decide: denials first, then all allowances together."""
    cells = _cut(cells, stack.local)
    for cell in cells:
        deny, may_deny = _gathered(cell, stack.local, Action.DENY)
        cell.undecided -= deny
        doubtful = cell.undecided & may_deny
        cell.undecided -= doubtful
        cell.unknown |= doubtful
        if not stack.isolated:
            continue
        allow, may_allow = _gathered(cell, stack.local, Action.ALLOW)
        cell.allowed |= cell.undecided & allow
        cell.unknown |= (cell.undecided - allow) & may_allow
        # What is doubtful to be denied is denied for certain where nothing allows it.
        cell.unknown -= doubtful - (allow | may_allow)
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
    return certain, possible - certain


def _merged(cells: Iterable[_Cell]) -> Table:
    """Join the ports that came to the same."""
    found: dict[tuple[Peers, Peers], PortSet] = {}
    for cell in cells:
        if cell.allowed or cell.unknown:
            key = (cell.allowed, cell.unknown)
            found[key] = found.get(key, port_sets.NONE) | cell.ports
    return tuple(Entry(ports, allowed, unknown) for (allowed, unknown), ports in found.items())
