"""The effective intent: a profile and an intent merged, where the intent may only tighten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from bailiwick.policy.rules import Direction, Entity, Rule, TemplateRequest
from bailiwick.policy.selectors import Selector

Severity = Literal["Off", "Warn", "Fail"]


class Enforcement(StrEnum):
    """Whether policies are applied, or only told in the status; the stricter one is Enforce."""

    AUDIT = "Audit"
    ENFORCE = "Enforce"


class Internet(StrEnum):
    """What a profile lets reach the internet."""

    DENIED = "Denied"
    DECLARED = "Declared"
    OPEN = "Open"


@dataclass(frozen=True, slots=True)
class MayDeclare:
    """What the rules of an intent may name; None is no limit."""

    entities: frozenset[Entity] | None = None
    cidrs: tuple[str, ...] | None = None
    namespaces: Selector | None = None


@dataclass(frozen=True, slots=True)
class ExceptionTerms:
    """What a profile lets excuse a vulnerability in a namespace."""

    max_duration: timedelta = timedelta(days=90)
    approval_required: bool = True
    attestations_trusted: bool = False


@dataclass(frozen=True, slots=True)
class ImageTerms:
    """What is asked of images; durations None where nothing is asked.

    `freshness` are the controls that registries have to be asked for.
    """

    registries: tuple[str, ...] = ()
    scan_max_age: timedelta | None = timedelta(hours=24)
    rescan_every: timedelta | None = timedelta(hours=12)
    scanned_after: datetime | None = None
    remediate_within: Mapping[str, timedelta] = field(default_factory=dict)
    no_fix: Literal["Deadline", "NoDeadline"] = "Deadline"
    minimal: Mapping[str, Severity] = field(default_factory=dict)
    pinned: Literal["Digest", "NotLatest", "Off"] = "Digest"
    max_age: timedelta | None = None
    exceptions: ExceptionTerms = ExceptionTerms()
    freshness: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something an intent asked for and did not get: where it stands, and what to write instead."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class ReviewNotice:
    """A rule whose `reviewBy` is near, or has passed (`lapsed`: the rule is closed)."""

    rule: str
    field: str
    review_by: str
    lapsed: bool


@dataclass(frozen=True, slots=True)
class EffectiveIntent:
    """What a namespace is held to, after profile and intent were merged.

    `rules` are those of the intent that are in force, `allowances` those of the profile;
    `templates` are allowances that a template has to give yet. `changes_at` is the next
    instant at which time alone changes this value, None if never.
    """

    namespace: str
    profile: str
    profile_generation: int
    enforcement: Enforcement
    isolate: frozenset[Direction]
    rules: tuple[Rule, ...] = ()
    allowances: tuple[Rule, ...] = ()
    templates: tuple[TemplateRequest, ...] = ()
    internet: Internet = Internet.DECLARED
    may_declare: MayDeclare = MayDeclare()
    open_ports_without_http: bool = False
    images: ImageTerms = ImageTerms()
    controls: Mapping[str, Severity] = field(default_factory=dict)
    loosened: tuple[Refusal, ...] = ()
    reviews: tuple[ReviewNotice, ...] = ()
    changes_at: datetime | None = None
