"""Rules of intents as YAML to paste."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

# Words that YAML takes for nothing but text. A list of PyYAML's would do, and takes milliseconds.
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
# What YAML does not take as it is, or takes for the end of a line.
_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_NO_TEXT: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def snippet(namespace: str, rules: Sequence[Mapping[str, Any]]) -> str:
    """Write rules as they stand under `spec.network.allow`."""
    lines = [f"# SecurityIntent of namespace {namespace}, under spec.network.allow:"]
    return "\n".join([*lines, *rules_as_yaml(rules).splitlines()])


def rules_as_yaml(rules: Sequence[Mapping[str, Any]]) -> str:
    """Write rules in the way of the documentation: one line for each side."""
    lines = []
    for rule in rules:
        prefix = "- "
        for key, value in rule.items():
            lines.append(f"{prefix}{key}: {flow(value)}")
            prefix = "  "
    return "\n".join(lines) + "\n"


def policy_as_yaml(namespace: str, name: str, spec: Mapping[str, Any]) -> str:
    """Write a NetworkPolicy for a namespace that has no intent."""
    lines = [
        f"# A policy for namespace {namespace}, which has no intent:",
        "apiVersion: networking.k8s.io/v1",
        "kind: NetworkPolicy",
        f"metadata: {flow({'name': name, 'namespace': namespace})}",
        "spec:",
    ]
    return "\n".join([*lines, *(f"  {key}: {flow(value)}" for key, value in spec.items())])


def flow(value: Any) -> str:
    """Write a value of JSON as YAML in one line: plain words as they are, all else in quotes."""
    match value:
        case dict():
            pairs = (f"{flow(key)}: {flow(each)}" for key, each in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _NO_TEXT:
            return value
    return _UNPRINTABLE.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"
