"""What the schemas of intents and profiles refuse, for objects that no API server has checked.

The rules of the schema itself, in CEL, are what counts; these ask the same, for what an effect
on traffic depends on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from bailiwick.api.durations import InvalidDuration, parse_duration
from bailiwick.api.intent import AllowRule, RemediateWithin, SecurityIntentSpec
from bailiwick.api.peers import NO_PORTS, Peer
from bailiwick.api.profile import Allowance, SecurityProfileSpec
from bailiwick.api.template import TemplateRule
from bailiwick.policy.network.rule_checks import problems

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

Problem = tuple[str, str]
"""The path of a field below `spec`, and what to write instead."""


def intent_problems(spec: SecurityIntentSpec) -> Iterator[Problem]:
    """Tell everything about an intent that its schema would refuse, and types alone do not."""
    if spec.profile is not None:
        yield from _name("profile", spec.profile)
    yield from _repeated("network.allow", [rule.name for rule in spec.network.allow])
    for number, rule in enumerate(spec.network.allow):
        yield from _rule(f"network.allow[{number}]", rule)
    yield from _durations("images.remediateWithin", spec.images.remediate_within)
    if spec.images.scan.max_age is not None:
        yield from _duration("images.scan.maxAge", spec.images.scan.max_age)


def profile_problems(spec: SecurityProfileSpec) -> Iterator[Problem]:
    """Tell everything about a profile that its schema would refuse, and types alone do not."""
    yield from _repeated("network.allowances", [each.name for each in spec.network.allowances])
    for number, allowance in enumerate(spec.network.allowances):
        yield from _allowance(f"network.allowances[{number}]", allowance)
    limits = spec.network.may_declare
    for number, cidr in enumerate((limits.cidrs if limits else None) or ()):
        at = f"network.mayDeclare.cidrs[{number}]"
        for problem in problems(TemplateRule(to=Peer(cidr=cidr))):
            yield at, problem.removeprefix("to.cidr: ")
    yield from _durations("images.remediateWithin", spec.images.remediate_within)
    yield from _duration("images.scan.maxAge", spec.images.scan.max_age)
    yield from _duration("images.scan.rescanEvery", spec.images.scan.rescan_every)
    if spec.images.max_age is not None:
        yield from _duration("images.maxAge", spec.images.max_age)


def _rule(at: str, rule: AllowRule) -> Iterator[Problem]:
    yield from _name(f"{at}.name", rule.name)
    yield from _placed(at, problems(rule))
    if not rule.ports and "ports" in rule.model_fields_set:
        yield f"{at}.ports", NO_PORTS
    if rule.from_ is not None and rule.to is not None and not (_ours(rule.from_) or _ours(rule.to)):
        yield (
            at,
            "one side must be in this namespace: leave from or to out, or write workload or "
            "service there, without a namespace",
        )
    for number, match in enumerate(rule.http):
        if match.path is not None and not match.path.startswith("/"):
            yield f"{at}.http[{number}].path", "write a path that starts with /: /charge"


def _allowance(at: str, allowance: Allowance) -> Iterator[Problem]:
    yield from _name(f"{at}.name", allowance.name)
    kinds = (allowance.entity, allowance.from_, allowance.to, allowance.template)
    if sum(kind is not None for kind in kinds) != 1:
        yield at, "write exactly one of entity, from, to, template"
        return
    if allowance.with_ is not None and allowance.template is None:
        yield at, "with holds the values of a template: write template beside it"
    if allowance.template is not None:
        if allowance.to_ports:
            yield at, "the template writes the ports: hand them to it under with"
        return
    # An entity names who is reached; a rule needs some side, which is this namespace's then.
    source = allowance.from_ if allowance.entity is None else Peer(namespace="any")
    if not allowance.to_ports and "to_ports" in allowance.model_fields_set:
        yield f"{at}.toPorts", NO_PORTS
    rule = TemplateRule(from_=source, to=allowance.to, ports=allowance.to_ports)
    for field, words in _placed(at, problems(rule)):
        yield field.replace(f"{at}.ports", f"{at}.toPorts"), words


def _placed(at: str, told: Iterable[str]) -> Iterator[Problem]:
    for problem in told:
        field, separator, words = problem.partition(": ")
        # What speaks of the rule as a whole names no field.
        if separator and " " not in field:
            yield f"{at}.{field}", words
        else:
            yield at, problem


def _ours(peer: Peer) -> bool:
    """Say whether a peer is in the intent's own namespace by the way it is written."""
    if peer.service is not None:
        return peer.service.namespace is None
    return peer.workload is not None and peer.namespace is None


def _name(at: str, name: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        yield (
            at,
            f'"{name}": write at most 63 lower-case letters, digits and "-", starting and ending '
            "with a letter or digit",
        )


def _repeated(at: str, names: Iterable[str]) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{at}[{name}]", f"{count} entries have this name: give each its own"


def _durations(at: str, limits: RemediateWithin) -> Iterator[Problem]:
    for severity, text in limits.to_json().items():
        yield from _duration(f"{at}.{severity}", text)


def _duration(at: str, text: str) -> Iterator[Problem]:
    try:
        parse_duration(text)
    except InvalidDuration as error:
        yield at, str(error)
