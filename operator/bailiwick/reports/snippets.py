"""Rules of intents as YAML to paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


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
    """Write a value in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("...\n").strip()
