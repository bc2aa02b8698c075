"""What is not as it was declared, in the same words wherever it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from bailiwick.policy.effective import ReviewNotice
from bailiwick.policy.network.model import NetworkFinding
from bailiwick.policy.reach.model import PolicyKey

PLATFORM_TEAM: Final = "the platform team"
_OF_PROFILES: Final = "SecurityProfile "
_OF_NO_RULE: Final = frozenset({"Unisolated", "Unknown"})


class Severity(IntEnum):
    """How much a finding matters.

    ERROR: something that was asked for does not come about, or cannot be. WARNING: it does, and
    may not mean what its owner thinks. NOTE: worth knowing.
    """

    NOTE = 0
    WARNING = 1
    ERROR = 2

    def __str__(self) -> str:
        """Write it in a sentence."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Missing:
    """A rule that would have to stand in the intent of a namespace, as JSON."""

    namespace: str
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should know.

    `about` is the rule, policy or kind that causes it, `field` where a person finds it: a field of
    the intent, or `SecurityProfile NAME, allowance dns`. `policy` is the policy of somebody else
    that causes it. `detail` tells two findings of one code about the same thing apart. `mender` is
    who can mend it: the owner of a namespace, or the platform team.
    """

    namespace: str
    severity: Severity
    code: str
    about: str
    message: str
    field: str = ""
    detail: str = ""
    mender: str = ""
    policy: PolicyKey | None = None
    missing: Missing | None = None

    @property
    def of_rule(self) -> bool:
        """Whether it is about a rule or an allowance."""
        return bool(self.about) and self.policy is None and self.code not in _OF_NO_RULE

    @property
    def id(self) -> str:
        """The same as long as it is the same finding, in status and plan."""
        return finding_id(self.namespace, self.code, self.about, self.detail)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in a stable order, the most severe first."""
    return sorted(findings, key=lambda f: (-f.severity, f.code, f.about, f.detail, f.message))


def finding_id(namespace: str, code: str, about: str, detail: str) -> str:
    """Return what names a finding for good."""
    parts = (namespace, code, about, detail)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def owner_of(namespace: str) -> str:
    """Name who may change the intent of a namespace."""
    return f"the owner of namespace {namespace}"


def of_compiler(namespace: str, found: NetworkFinding) -> Finding:
    """Tell what compiling the rules of a namespace said of one."""
    about = f"rule {found.rule}: " if found.rule else ""
    of_profile = found.field.startswith(_OF_PROFILES)
    return Finding(
        namespace,
        Severity.ERROR if found.severity == "closed" else Severity.WARNING,
        found.code,
        found.rule,
        about + found.message,
        found.field,
        found.detail,
        PLATFORM_TEAM if of_profile else owner_of(namespace),
    )


def of_review(namespace: str, review: ReviewNotice) -> Finding:
    """Tell of a rule that is past the date of its review, or near it."""
    if review.lapsed:
        return Finding(
            namespace,
            Severity.ERROR,
            "Lapsed",
            review.rule,
            f"rule {review.rule} closed with its reviewBy {review.review_by}: set a later one if "
            "it is still needed, or remove the rule",
            f"{review.field}.reviewBy",
            mender=owner_of(namespace),
        )
    return Finding(
        namespace,
        Severity.WARNING,
        "LapsesSoon",
        review.rule,
        f"rule {review.rule} will close with its reviewBy {review.review_by}: set a later one "
        "if it is still needed",
        f"{review.field}.reviewBy",
        mender=owner_of(namespace),
    )
