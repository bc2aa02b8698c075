"""Names and labels of the policies: readable, valid, and never shared by two rules.

The name of a policy covers everything that must not change under it: the rule, the half and
the pods it selects. A change of those makes another policy, so that the new one can be there
before the old one goes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Literal

from bailiwick.api.meta import (
    HALF_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    ORIGIN_LABEL,
    RULE_LABEL,
)
from bailiwick.policy.dialects import Dialect
from bailiwick.policy.rules import Rule
from bailiwick.policy.selectors import Selector

Half = Literal["isolation", "ingress", "egress", "bridge"]
Origin = Literal["intent", "profile"]

ISOLATION_NAME = "bailiwick-isolation"
BRIDGE_PREFIX = "bailiwick-bridge"

# A label value without a dot: what stands for another name has one.
_ITSELF = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_SHORT = {"ingress": "in", "egress": "out"}
_HASH_LENGTH = 16
_SLUG_LENGTH = 63 - len("-out-") - _HASH_LENGTH


def digest(*parts: object) -> str:
    """Return a hash of JSON values, the same in every process: 80 bits, as digits of a name."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    hashed = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(hashed).decode().lower()[:_HASH_LENGTH]


def slug(text: str, length: int = _SLUG_LENGTH) -> str:
    """Reduce a text to a DNS-1123 label; different texts may give the same one."""
    reduced = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:length].strip("-")
    return reduced or "rule"


def policy_name(
    rule: Rule, half: Half, selector: Selector, dialect: Dialect = Dialect.NETWORK_POLICY
) -> str:
    """Name the policy of one half of a rule, for the pods that `selector` selects."""
    other = () if dialect is Dialect.NETWORK_POLICY else (dialect.value,)
    key = digest(rule.name, half, selector.to_json(), rule.from_profile, *other)
    return f"{slug(rule.name)}-{_SHORT[half]}-{key}"


def bridge_name(direction: str, content: object) -> str:
    """Name a temporary policy by what it holds."""
    return f"{BRIDGE_PREFIX}-{_SHORT[direction]}-{digest(direction, content)}"


def origin(rule: Rule) -> Origin:
    """Say who wrote a rule."""
    return "profile" if rule.from_profile else "intent"


def rule_label(name: str) -> str:
    """Return the name itself where it is a label value, else a form that no other name has."""
    if _ITSELF.fullmatch(name):
        return name
    return f"{slug(name, 63 - 1 - _HASH_LENGTH)}.{digest(name)}"


def rule_labels(rule: Rule, half: Half) -> dict[str, str]:
    """Return the labels of a policy that a rule gave."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        RULE_LABEL: rule_label(rule.name),
        HALF_LABEL: half,
        ORIGIN_LABEL: origin(rule),
    }


def own_labels(half: Half) -> dict[str, str]:
    """Return the labels of a policy that no single rule gave."""
    return {MANAGED_BY_LABEL: MANAGED_BY, HALF_LABEL: half}
