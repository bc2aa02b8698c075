"""Profile and intent merged into the effective intent. An intent may only tighten its profile.

Whatever an intent tried to loosen is not done, and is reported by the path of its field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from bailiwick.api.durations import format_duration, parse_duration
from bailiwick.api.intent import RemediateWithin, SecurityIntentSpec
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.policy.declared import declared_rule, profile_allowances, selector_of
from bailiwick.policy.effective import (
    EffectiveIntent,
    Enforcement,
    ExceptionTerms,
    ImageTerms,
    Internet,
    MayDeclare,
    Refusal,
    ReviewNotice,
)
from bailiwick.policy.facts import Namespace
from bailiwick.policy.images.freshness import FRESHNESS_CONTROLS
from bailiwick.policy.limits import beyond_profile
from bailiwick.policy.rules import Direction, Entity, Rule
from bailiwick.policy.settings import Settings


@dataclass(frozen=True, slots=True)
class ProfileVersion:
    """A profile at one generation."""

    name: str
    generation: int
    spec: SecurityProfileSpec


def merge(
    namespace: str,
    profile: ProfileVersion,
    intent: SecurityIntentSpec,
    *,
    lookup: Callable[[str], Namespace | None],
    settings: Settings,
    now: datetime,
) -> EffectiveIntent:
    """Merge an intent into its profile, as of `now` (with a time zone).

    `lookup` finds a namespace by name: `mayDeclare.namespaces` selects by its labels.
    """
    may_declare = _may_declare(profile.spec)
    internet = Internet(profile.spec.network.internet)
    enforcement, refused = _enforcement(profile.spec, intent)
    images, images_refused = _images(profile.spec, intent)
    refused += images_refused
    rules: list[Rule] = []
    for entry in sorted(intent.network.allow, key=lambda entry: entry.name):
        rule = declared_rule(namespace, entry)
        problem = (
            rule
            if isinstance(rule, Refusal)
            else beyond_profile(rule, namespace, may_declare, internet, lookup)
        )
        if problem:
            refused.append(problem)
        elif isinstance(rule, Rule):
            rules.append(rule)
    reviews, changes_at = _reviews(rules, settings.review_warning, now)
    lapsed = {notice.rule for notice in reviews if notice.lapsed}
    allowances, templates = profile_allowances(namespace, profile.name, profile.spec)
    return EffectiveIntent(
        namespace=namespace,
        profile=profile.name,
        profile_generation=profile.generation,
        enforcement=enforcement,
        isolate=frozenset(Direction(d) for d in profile.spec.network.isolate),
        rules=tuple(rule for rule in rules if rule.name not in lapsed),
        allowances=allowances,
        templates=templates,
        internet=internet,
        may_declare=may_declare,
        open_ports_without_http=profile.spec.network.http_without_enforcer == "AllowPort",
        images=images,
        controls=dict(profile.spec.controls),
        loosened=tuple(refused),
        reviews=tuple(reviews),
        changes_at=changes_at,
    )


def _enforcement(
    profile: SecurityProfileSpec, intent: SecurityIntentSpec
) -> tuple[Enforcement, list[Refusal]]:
    minimum = Enforcement(profile.enforcement.minimum)
    asked = Enforcement(intent.enforcement or profile.enforcement.initial)
    if minimum is Enforcement.AUDIT or asked is Enforcement.ENFORCE:
        return asked, []
    refusal = Refusal(
        "spec.enforcement", "the profile asks for Enforce: write Enforce, or leave the field out"
    )
    return minimum, [refusal] if intent.enforcement else []


def _may_declare(profile: SecurityProfileSpec) -> MayDeclare:
    limits = profile.network.may_declare
    if limits is None:
        return MayDeclare()
    return MayDeclare(
        entities=None if limits.entities is None else frozenset(map(Entity, limits.entities)),
        cidrs=None if limits.cidrs is None else tuple(sorted(limits.cidrs)),
        namespaces=None if limits.namespaces is None else selector_of(limits.namespaces),
    )


def _images(
    profile: SecurityProfileSpec, intent: SecurityIntentSpec
) -> tuple[ImageTerms, list[Refusal]]:
    floor = profile.images
    deadlines = _durations(floor.remediate_within)
    refused = []
    for severity, asked in _durations(intent.images.remediate_within).items():
        limit = deadlines.get(severity)
        if limit is not None and asked > limit:
            refused.append(_too_long(f"spec.images.remediateWithin.{severity}", limit))
        else:
            deadlines[severity] = asked
    max_age = parse_duration(floor.scan.max_age)
    if intent.images.scan.max_age:
        asked = parse_duration(intent.images.scan.max_age)
        if asked > max_age:
            refused.append(_too_long("spec.images.scan.maxAge", max_age))
        max_age = min(asked, max_age)
    exceptions, exceptions_refused = _exceptions(profile, intent)
    terms = ImageTerms(
        registries=tuple(floor.registries),
        scan_max_age=max_age,
        rescan_every=min(parse_duration(floor.scan.rescan_every), max_age),
        scanned_after=intent.images.scanned_after,
        remediate_within=deadlines,
        no_fix=intent.images.no_fix or floor.no_fix,
        minimal=floor.minimal.to_json(),
        pinned=floor.pinned,
        max_age=parse_duration(floor.max_age) if floor.max_age else None,
        exceptions=exceptions,
        freshness=frozenset(
            each for each in FRESHNESS_CONTROLS if profile.controls.get(each, "Off") != "Off"
        ),
    )
    return terms, refused + exceptions_refused


def _exceptions(
    profile: SecurityProfileSpec, intent: SecurityIntentSpec
) -> tuple[ExceptionTerms, list[Refusal]]:
    floor, asked = profile.images.exceptions, intent.images.exceptions
    refused = []
    longest = parse_duration(floor.max_duration)
    if asked.max_duration:
        wanted = parse_duration(asked.max_duration)
        if wanted > longest:
            refused.append(_too_long("spec.images.exceptions.maxDuration", longest))
        longest = min(wanted, longest)
    required = floor.approval == "Required"
    if required and asked.approval == "NotRequired":
        refused.append(
            Refusal(
                "spec.images.exceptions.approval",
                "the profile asks for an approval: write Required, or leave the field out",
            )
        )
    trusted = floor.attestations == "Trusted"
    if not trusted and asked.attestations == "Trusted":
        refused.append(
            Refusal(
                "spec.images.exceptions.attestations",
                "the profile does not trust attestations: write Ignored, or leave the field out",
            )
        )
    terms = ExceptionTerms(
        max_duration=longest,
        approval_required=required or asked.approval == "Required",
        attestations_trusted=trusted and asked.attestations != "Ignored",
    )
    return terms, refused


def _too_long(field: str, limit: timedelta) -> Refusal:
    return Refusal(
        field, f"the profile asks for {format_duration(limit)} at most: write that or less"
    )


def _durations(limits: RemediateWithin) -> dict[str, timedelta]:
    return {severity: parse_duration(text) for severity, text in limits.to_json().items()}


def _reviews(
    rules: list[Rule], warning: timedelta, now: datetime
) -> tuple[list[ReviewNotice], datetime | None]:
    """Say which rules are to be reviewed, and when time changes that next.

    A rule lapses at the end of its day in UTC.
    """
    notices = []
    changes = []
    for rule in rules:
        if rule.review_by is None:
            continue
        lapses = datetime.combine(rule.review_by, time(), UTC) + timedelta(days=1)
        changes += [instant for instant in (lapses - warning, lapses) if instant > now]
        if now >= lapses - warning:
            notices.append(
                ReviewNotice(rule.name, rule.field, rule.review_by.isoformat(), now >= lapses)
            )
    return notices, min(changes, default=None)
