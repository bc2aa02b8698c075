"""A namespace in which everything is as it should be, to be spoilt one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bailiwick.policy.assessment.evidence import Evidence, ImageFact, LivePolicies
from bailiwick.policy.effective import EffectiveIntent, Enforcement, ImageTerms
from bailiwick.policy.findings import finding
from bailiwick.policy.findings.effective import NamespaceReach
from bailiwick.policy.images import state
from bailiwick.policy.images.deadlines import Excuse, Remediation
from bailiwick.policy.images.findings import (
    Finding,
    FindingIdentity,
    HygieneFacts,
    ScanReport,
    Severity,
)
from bailiwick.policy.images.inventory import ContainerUse, Problem, RunningImage
from bailiwick.policy.images.references import Reference
from bailiwick.policy.images.seen import Seen
from bailiwick.policy.network.model import CompiledNetwork, NetworkFinding, Policy
from bailiwick.policy.reach.model import PolicyKey
from bailiwick.policy.rules import Direction, Entity, EntityPeer, Rule, WorkloadPeer
from bailiwick.policy.settings import Settings

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BOTH = frozenset(Direction)
DEADLINES = {"critical": timedelta(days=15), "high": timedelta(days=30)}
HYGIENE = HygieneFacts(
    user="1000",
    created=NOW - timedelta(days=10),
    os="debian 12",
    shells=(),
    package_managers=(),
    debug_tools=(),
    build_tools=(),
    setuid=(),
    os_end_of_life=False,
)
RULE = Rule("frontend-to-cart", WorkloadPeer(), WorkloadPeer())
DNS = Rule("dns", None, EntityPeer(Entity.DNS), from_profile=True)


def digest(number: int = 1) -> str:
    return f"sha256:{number:064x}"


def critical(name: str = "CVE-2026-1", *, fixed: str | None = "1.2.4") -> Finding:
    return Finding(name, "openssl", "1.2.3", Severity.CRITICAL, fixed)


def running(name: str = "shop/cart", *, tag: str = "", number: int = 1) -> RunningImage:
    reference = Reference("registry.example.com", name, "", digest(number))
    declared = f"{reference.name}:{tag}" if tag else str(reference)
    uses = (ContainerUse("ReplicaSet/cart-6d4", "main", "main", "Deployment/cart"),)
    return RunningImage(digest(number), reference, (declared,), uses, ("amd64",))


def unidentified(reason: str = "DigestNotReported") -> ImageFact:
    problem = Problem(reason, "No digest is reported for this image yet.", passing=True)
    return ImageFact(replace(running(), digest=None, problem=problem), _unscanned())


def _unscanned() -> state.ImageState:
    return state.assess(state.Known(), state.ScanTerms(), NOW)


def image(
    *findings: Finding,
    name: str = "shop/cart",
    number: int = 1,
    scanned: timedelta | None = timedelta(hours=1),
    seen: timedelta = timedelta(hours=1),
    failure: state.Failure | None = None,
    scanning: bool = False,
    hygiene: HygieneFacts | None = HYGIENE,
    now: datetime = NOW,
    excuses: Mapping[FindingIdentity, Excuse] | None = None,
) -> ImageFact:
    """Make an image scanned so long ago, with findings first seen so long ago."""
    report = ScanReport.of(digest(number), NOW - scanned, findings) if scanned is not None else None
    known = state.Known(report, scanning, failure, {f.key: Seen(NOW - seen) for f in findings})
    terms = state.ScanTerms(timedelta(hours=24), None, Remediation(DEADLINES))
    return ImageFact(
        running(name, number=number),
        state.assess(known, terms, now, excuses=excuses),
        hygiene if report else None,
        scanner="Grype 0.104" if report else "",
        database_built=NOW - timedelta(days=1) if report else None,
    )


def effective(**changes: Any) -> EffectiveIntent:
    intent = EffectiveIntent(
        namespace="shop",
        profile="restricted",
        profile_generation=3,
        enforcement=Enforcement.ENFORCE,
        isolate=BOTH,
        rules=(RULE,),
        allowances=(DNS,),
        images=ImageTerms(
            registries=("registry.example.com/*",),
            remediate_within=DEADLINES,
            minimal={"shells": "Warn", "packageManagers": "Fail"},
            max_age=timedelta(days=90),
        ),
    )
    return replace(intent, **changes)


def images_terms(**changes: Any) -> EffectiveIntent:
    base = effective()
    return replace(base, images=replace(base.images, **changes))


def policy(name: str) -> Policy:
    return Policy(name, "", "isolation", {}, {})


def closed(rule: str, code: str = "ServiceNotFound", *, of_profile: bool = False) -> NetworkFinding:
    field = f"SecurityProfile restricted, allowance {rule}" if of_profile else f"spec.{rule}"
    return NetworkFinding(rule, code, "closed", "the Service is not there", field)


PLAN = CompiledNetwork(
    policies=(policy("bailiwick-isolation"), policy("frontend-to-cart-in-1")), declared_edges=2
)
LIVE = LivePolicies(applied=("bailiwick-isolation", "frontend-to-cart-in-1"), isolated=BOTH)


def evidence(**changes: Any) -> Evidence:
    """Make the evidence of a namespace that passes every control, with these changes."""
    good = Evidence(
        effective=effective(),
        settings=Settings(enforcer="Cilium"),
        now=NOW,
        plan=PLAN,
        live=LIVE,
        reach=NamespaceReach(4, 4),
        images=(image(critical()),),
    )
    return replace(good, **changes)


def widened(by: str) -> NamespaceReach:
    """Make what is possible where a policy of somebody else opens more than was declared."""
    key = PolicyKey("NetworkPolicy", "shop", by)
    found = finding.Finding(
        "shop", finding.Severity.ERROR, "WidenedByForeign", str(key), f"{key}", policy=key
    )
    return NamespaceReach(4, 5, (found,))
