"""What a template of an allowance gives, checked like a rule that a person wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from pydantic import ValidationError

from bailiwick.api.intent import AllowRule
from bailiwick.api.template import TemplateRule
from bailiwick.policy.declared import declared_rule
from bailiwick.policy.effective import Refusal
from bailiwick.policy.model_errors import in_words
from bailiwick.policy.network.peers import is_local
from bailiwick.policy.network.rule_checks import problems
from bailiwick.policy.rules import Rule, TemplateRequest

RULE_LIMIT = 20
"""Rules that one template may give."""

_PROBLEMS_TOLD = 3
_FIELDS = "from, to, ports and reason"
_WORDS = {"string_type": "write a text, such as {{ with.version | string }}"}


@dataclass(frozen=True, slots=True)
class TemplateFailure:
    """A template that gave no rule, in words; `unreadable` names a kind that was needed for it."""

    message: str
    unreadable: str = ""


def template_rules(
    namespace: str, request: TemplateRequest, given: object
) -> tuple[Rule, ...] | TemplateFailure:
    """Return the rules that a template gave for a namespace, or say what is wrong with them.

    `given` is a rule or a list of rules, as JSON values. Each gets the name of the allowance.
    """
    entries = given if isinstance(given, list) else [given]
    if not entries:
        return TemplateFailure(f"it gives an empty list: write a rule, with {_FIELDS}")
    if len(entries) > RULE_LIMIT:
        return TemplateFailure(f"it gives {len(entries)} rules: write at most {RULE_LIMIT}")
    rules: list[Rule] = []
    for number, entry in enumerate(entries):
        rule = _rule(namespace, request, entry)
        if isinstance(rule, TemplateFailure):
            at = f"[{number}] " if isinstance(given, list) else ""
            return TemplateFailure(f"{at}{rule.message}")
        rules.append(rule)
    return tuple(rules)


def _rule(namespace: str, request: TemplateRequest, entry: object) -> Rule | TemplateFailure:
    given = _checked(entry)
    if isinstance(given, TemplateFailure):
        return given
    fields = {"from_": given.from_, "to": given.to, "ports": given.ports, "reason": given.reason}
    rule = declared_rule(namespace, AllowRule(name=request.name, **fields))
    if isinstance(rule, Refusal):
        return TemplateFailure(rule.message)
    if not is_local(rule.source, namespace) and not is_local(rule.target, namespace):
        return TemplateFailure(
            "one side must be in this namespace: leave from or to out, or write workload or "
            "service there, without a namespace"
        )
    return replace(rule, from_profile=True, field=request.field)


def _checked(entry: object) -> TemplateRule | TemplateFailure:
    if not isinstance(entry, dict):
        return TemplateFailure(f"a rule is a mapping with {_FIELDS}")
    nothing = _null(entry)
    if nothing:
        return TemplateFailure(f"{nothing} is null: give it a value, or leave the field out")
    try:
        # Strictly, as the API server reads: neither true for 1 nor a field that is not there.
        given = TemplateRule.model_validate_json(json.dumps(entry), strict=True, extra="forbid")
    except ValidationError as error:
        return TemplateFailure("; ".join(_in_words(error)))
    found = list(islice(problems(given), _PROBLEMS_TOLD))
    return TemplateFailure("; ".join(found)) if found else given


def _null(value: object, path: str = "") -> str:
    """Return where something is null, empty where nothing is.

    To leave a field out means all: a value that is missing by mistake must not mean that.
    """
    if value is None:
        return path
    items: Sequence[tuple[str, object]] = ()
    if isinstance(value, dict):
        items = [(f"{path}.{key}" if path else str(key), each) for key, each in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{number}]", each) for number, each in enumerate(value)]
    return next((found for where, each in items if (found := _null(each, where))), "")


def _in_words(error: ValidationError) -> list[str]:
    told = [f"{path}: {words}" for path, words in in_words(error, _WORDS).items()]
    return told[:_PROBLEMS_TOLD]
