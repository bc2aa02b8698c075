"""A vulnerability that is tolerated: what it is for, who allowed it, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from bailiwick.policy.effective import Refusal
from bailiwick.policy.selectors import Selector

if TYPE_CHECKING:
    from bailiwick.policy.exceptions.packages import Package

ExceptionKey: TypeAlias = tuple[str, str]
"""Namespace and name; the namespace is empty for one of the platform."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an exception is for: every part that is not empty has to fit, with any of its entries.

    `vulnerabilities` are ids in upper case, `images` patterns of repositories. `workload` is
    None where every pod counts.
    """

    vulnerabilities: frozenset[str]
    packages: tuple[Package, ...] = ()
    images: tuple[str, ...] = ()
    digests: frozenset[str] = frozenset()
    workload: Selector | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved which generation of an exception, and when."""

    by: str
    at: datetime
    generation: int


@dataclass(frozen=True, slots=True)
class DeclaredException:
    """A VulnerabilityException, or its twin of the platform, where `namespace` is empty.

    One that cannot be understood has no `scope`, and then a `problem`: it is for nothing.
    """

    namespace: str
    name: str
    generation: int
    created: datetime
    author: str = ""
    expires_at: datetime | None = None
    approval: Approval | None = None
    scope: Scope | None = None
    problem: Refusal | None = None

    @property
    def key(self) -> ExceptionKey:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def label(self) -> str:
        """How lists of a namespace name it."""
        return self.name if self.namespace else f"ClusterVulnerabilityException/{self.name}"
