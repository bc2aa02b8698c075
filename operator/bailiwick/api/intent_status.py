"""SecurityIntent, the part that an auditor reads: whether it is so, and on what evidence.

Every list has a limit here, and a count of what was left out beside it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bailiwick.api.images_status import ExceptionsStatus, ImagesStatus
from bailiwick.api.rescan import RESCAN_FAILED_LIMIT
from bailiwick.api.types import (
    APPLIED_WHOLE,
    AS_SET,
    ATOMIC_LIST,
    ApiModel,
    Count,
    EnforcementMode,
    Generation,
    Line,
    Message,
    Moment,
    Status,
    Text,
    keyed_by,
)

Stage = Literal["build", "deploy", "runtime"]
Result = Literal["pass", "fail", "warn", "error", "skip"]

CONTROL_LIMIT = 100
FINDING_LIMIT = 50
CUT_LIMIT = 50
INCOMING_LIMIT = 20
REFUSED_LIMIT = 20
HISTORY_LIMIT = 20


class ProfileReference(ApiModel):
    """The profile that the namespace is held to."""

    model_config = APPLIED_WHOLE

    name: Line
    """Its name; built-in where no profile could be chosen."""
    generation: Generation
    """The generation that the namespace is held to, which a rollout may not have brought to the
    newest one yet; 0 for the built-in profile."""
    chosen_by: Literal["Label", "Intent", "Default", "BuiltIn"] | None = None
    """Who chose it: the namespace's label, the intent, the cluster's default, or nobody."""


class Tally(ApiModel):
    """How many controls have which result."""

    pass_: Count = 0
    """Controls that hold."""
    fail: Count = 0
    """Controls that do not hold."""
    warn: Count = 0
    """Controls that do not hold, and that the profile only warns of."""
    error: Count = 0
    """Controls that could not be evaluated."""
    skip: Count = 0
    """Controls that do not apply, or are excepted."""


class Stages(ApiModel):
    """The results by stage."""

    model_config = APPLIED_WHOLE

    build: Tally = Tally()
    """What images are made of."""
    deploy: Tally = Tally()
    """How the namespace is set up."""
    runtime: Tally = Tally()
    """What runs now."""


class ControlResult(ApiModel):
    """The result of one control."""

    model_config = APPLIED_WHOLE

    id: Line
    """The control's id in the catalogue."""
    stage: Stage
    """The stage that it belongs to."""
    result: Result
    """skip: excepted or does not apply; error: could not be evaluated."""
    since: Moment
    """Since when the result is this one."""
    message: Message
    """What was found."""
    evidence: Message | None = None
    """What the result was drawn from, and of when that is."""
    remediation: Message | None = None
    """What to do, where the control does not hold."""
    refs: Annotated[tuple[Line, ...], Field(max_length=16, json_schema_extra=AS_SET)] = ()
    """The standards that ask for this: NIST-800-53:SC-7(5)."""


class Finding(ApiModel):
    """Something that is not as it was declared."""

    id: Line
    """The same as long as it is the same finding, in `bailiwick plan` too."""
    code: Line
    """What kind of finding this is, in one word: WidenedByForeign."""
    severity: Literal["error", "warning", "note"]
    """error: something that was asked for does not come about; warning: it does, and may not mean
    what its owner thinks; note: worth knowing."""
    rule: Line | None = None
    """The rule or allowance that it is about."""
    policy: Text | None = None
    """The policy of somebody else that causes it: NetworkPolicy shop/legacy."""
    mender: Line | None = None
    """Who can mend it: the owner of a namespace, or the platform team."""
    message: Message
    """What was found, and what to do."""
    suggestion: Message | None = None
    """YAML to paste, and in a comment where."""


class Traffic(ApiModel):
    """Who may reach whom, in words."""

    from_: Message
    """The workloads, or addresses, that begin the connections."""
    to: Message
    """The workloads, or addresses, that they lead to."""
    ports: Message
    """The ports: 80, 443-445, 53/UDP, or all."""


class AuditStatus(ApiModel):
    """What Enforce would change."""

    would_cut: Count = 0
    """Edges that are possible today and would not be, or not on all of their ports."""
    would_stay: Count = 0
    """Edges that are possible today and would stay as they are."""
    cut: Annotated[
        tuple[Traffic, ...], Field(max_length=CUT_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """What would be cut; edges that say the same are one entry."""
    cut_omitted: Count = 0
    """How many more entries there are."""


class IncomingHalfOpen(ApiModel):
    """Traffic that another namespace declared with this one, and this one has not."""

    namespace: Line
    """The other namespace."""
    rule: Line
    """The name of the rule there."""
    direction: Literal["Ingress", "Egress"]
    """The half that is missing here: Ingress where the others want to come in."""
    from_: Message
    """The workloads that begin the connections."""
    to: Message
    """The workloads that they lead to."""
    ports: Message
    """The ports that are closed here."""
    suggestion: Message
    """YAML to paste into the intent of this namespace where the traffic is to be allowed."""


class NetworkStatus(ApiModel):
    """The network policies of the namespace, and what they come to."""

    model_config = APPLIED_WHOLE

    policies: Count | None = None
    """Policies that the intent and its profile come to; in Audit, none of them is there. Condition
    Ready says where one is not in place."""
    declared_edges: Count | None = None
    """Edges that the intent and its profile declare: pairs of one workload here and one other end,
    which is a workload, a range of addresses, or everyone else where a side restricts nobody."""
    effective_edges: Count | None = None
    """Edges that are possible today, given every policy in the cluster."""
    would_apply: (
        Annotated[tuple[Line, ...], Field(max_length=FINDING_LIMIT, json_schema_extra=AS_SET)]
        | None
    ) = None
    """In Audit: the names of the policies that Enforce would apply."""
    would_apply_omitted: Count | None = None
    """How many more policies Enforce would apply."""
    audit: AuditStatus | None = None
    """In Audit: which traffic Enforce would cut."""
    incoming_half_open: (
        Annotated[
            tuple[IncomingHalfOpen, ...],
            Field(max_length=INCOMING_LIMIT, json_schema_extra=ATOMIC_LIST),
        ]
        | None
    ) = None
    """What other namespaces declared with this one, and this one does not let through."""
    incoming_half_open_omitted: Count | None = None
    """How many more of those there are."""
    findings: Annotated[
        tuple[Finding, ...], Field(max_length=FINDING_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """What is not as it was declared, the most severe first."""
    findings_omitted: Count = 0
    """How many more findings there are."""


class RescanFailure(ApiModel):
    """An image that a rescan could not scan."""

    image: Text
    """The image, as a workload names it."""
    message: Message
    """Why, and what to do."""


class RescanStatus(ApiModel):
    """The last rescan that somebody asked for."""

    model_config = APPLIED_WHOLE

    requested: Moment
    """When it was asked for."""
    completed: Moment | None = None
    """When the last of its images was scanned; absent until then."""
    reason: Message | None = None
    """Who asked for it, and why."""
    total: Count | None = None
    """Images to scan."""
    done: Count | None = None
    """Images that were scanned, or failed for good."""
    failed: Annotated[
        tuple[RescanFailure, ...],
        Field(max_length=RESCAN_FAILED_LIMIT, json_schema_extra=ATOMIC_LIST),
    ] = ()
    """Images that could not be scanned."""
    failed_omitted: Count = 0
    """How many more could not be scanned."""


class RefusedField(ApiModel):
    """Something that the intent asked for and did not get."""

    field: Line
    """Where it stands: spec.network.allow[partner].to."""
    message: Message
    """Why it is not done, and what to write instead."""


class Transition(ApiModel):
    """One change of the condition Compliant."""

    at: Moment
    """When it changed."""
    from_: Literal["True", "False", "Unknown"]
    """What it was."""
    to: Literal["True", "False", "Unknown"]
    """What it became."""
    reason: Line
    """Why, in one word."""
    message: Message
    """Why, in words."""
    digest: Line
    """A digest over this entry and the digest of the one before: an entry that was changed or
    removed later breaks the chain."""


class SecurityIntentStatus(Status):
    """Whether the namespace is as it was declared, and how the operator knows."""

    enforcement: EnforcementMode | None = None
    """What holds here, after profile and intent were merged."""
    failing: Count | None = None
    """Controls that fail."""
    overdue: Count | None = None
    """Vulnerabilities past their deadline."""
    next_due: Annotated[str, Field(max_length=40)] | None = None
    """The next deadline of a vulnerability, as a date; none where nothing is due."""
    profile: ProfileReference | None = None
    """The profile that the namespace is held to."""
    refused: (
        Annotated[
            tuple[RefusedField, ...],
            Field(max_length=REFUSED_LIMIT, json_schema_extra=ATOMIC_LIST),
        ]
        | None
    ) = None
    """Fields by which the intent tried to loosen its profile. They have no effect."""
    refused_omitted: Count | None = None
    """How many more such fields there are."""
    stages: Stages | None = None
    """The results by stage."""
    controls: (
        Annotated[
            tuple[ControlResult, ...],
            Field(max_length=CONTROL_LIMIT, json_schema_extra=keyed_by("id")),
        ]
        | None
    ) = None
    """Every control that applies, in the order of the catalogue."""
    network: NetworkStatus | None = None
    """The network policies of the namespace, and what they come to."""
    images: ImagesStatus | None = None
    """The images that run in the namespace."""
    exceptions: ExceptionsStatus | None = None
    """The exceptions that apply to the namespace."""
    rescan: RescanStatus | None = None
    """The last rescan that somebody asked for."""
    history: (
        Annotated[
            tuple[Transition, ...],
            Field(max_length=HISTORY_LIMIT, json_schema_extra=ATOMIC_LIST),
        ]
        | None
    ) = None
    """The last changes of the condition Compliant, oldest first."""
    history_omitted: Count | None = None
    """How many older changes are not listed."""
    evaluated_at: Moment | None = None
    """When this was worked out. It moves when something changed, and by a slow heartbeat."""
