"""The names that other systems see: group, labels, field manager, condition types and reasons.

They are part of the API: a renamed one breaks dashboards, health checks and scripts.
"""

from __future__ import annotations

from enum import StrEnum

GROUP = "bailiwick.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "bailiwick"

FIELD_MANAGER = "bailiwick"
INTENT_NAME = "default"
"""The name of every SecurityIntent: a namespace has one."""

BUILT_IN = "built-in"
"""The name of the profile that holds where there is no other; no SecurityProfile may have it."""

PROFILE_LABEL = f"{GROUP}/profile"
"""On a namespace: the profile that binds it."""
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "bailiwick"
RULE_LABEL = f"{GROUP}/rule"
"""On a policy: the rule or allowance that it came from."""
HALF_LABEL = f"{GROUP}/half"
"""On a policy: `ingress` or `egress`, the half of the edge that it opens; `isolation`; `bridge`."""
ORIGIN_LABEL = f"{GROUP}/origin"
"""On a policy: `intent` or `profile`, which says where its rule stands."""

OLDEST_KUBERNETES = (1, 34)
"""The oldest Kubernetes that accepts these definitions; docs/reference/api.md says why."""


class ConditionType(StrEnum):
    """Types of conditions, over all kinds. RECONCILING and STALLED exist only while True."""

    READY = "Ready"
    NETWORK_ENFORCED = "NetworkEnforced"
    IMAGES_WITHIN_POLICY = "ImagesWithinPolicy"
    EXCEPTIONS_VALID = "ExceptionsValid"
    IN_FORCE = "InForce"
    EVIDENCE_FRESH = "EvidenceFresh"
    COMPLIANT = "Compliant"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    COMPLETE = "Complete"
    FAILED = "Failed"


class Reason(StrEnum):
    """Reasons of conditions that people and scripts may match on."""

    SUCCEEDED = "Succeeded"
    PROGRESSING = "Progressing"

    # Ready
    PROFILE_NOT_FOUND = "ProfileNotFound"
    PROFILE_NOT_ALLOWED = "ProfileNotAllowed"
    DEFAULT_PROFILE_AMBIGUOUS = "DefaultProfileAmbiguous"
    INTENT_INVALID = "IntentInvalid"
    LOOSENING_REFUSED = "LooseningRefused"
    NAMESPACE_EXEMPT = "NamespaceExempt"
    NAME_TAKEN = "NameTaken"
    APPLY_FAILED = "ApplyFailed"
    UNREADABLE = "Unreadable"
    CRD_OUTDATED = "CRDOutdated"
    TEMPLATE_FAILED = "TemplateFailed"
    TOO_MANY_RULES = "TooManyRules"
    CONTROL_UNKNOWN = "ControlUnknown"
    ROLLOUT_STOPPED = "RolloutStopped"

    # NetworkEnforced
    ENFORCED = "Enforced"
    AUDIT_ONLY = "AuditOnly"
    NOT_ISOLATED = "NotIsolated"
    ENFORCEMENT_UNPROVEN = "EnforcementUnproven"
    RULES_NOT_ENFORCEABLE = "RulesNotEnforceable"
    WIDENED_BY_FOREIGN = "WidenedByForeign"

    # ImagesWithinPolicy and EvidenceFresh
    WITHIN_POLICY = "WithinPolicy"
    UNSCANNED = "Unscanned"
    SCANNING = "Scanning"
    SCAN_FAILED = "ScanFailed"
    SCANS_STALE = "ScansStale"
    FINDINGS_OVERDUE = "FindingsOverdue"
    NO_IMAGES = "NoImages"
    FRESH = "Fresh"
    EVIDENCE_MISSING = "EvidenceMissing"
    LISTS_STALE = "ListsStale"

    # ExceptionsValid
    NO_EXCEPTIONS = "NoExceptions"
    ALL_VALID = "AllValid"
    INVALID = "Invalid"
    EXPIRED = "Expired"
    AWAITING_APPROVAL = "AwaitingApproval"
    EXPIRES_SOON = "ExpiresSoon"

    # Compliant
    COMPLIANT = "Compliant"
    CONTROLS_FAILED = "ControlsFailed"
    NOT_EVALUATED = "NotEvaluated"
