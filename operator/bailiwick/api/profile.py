"""SecurityProfile: the floor that the platform team sets for the namespaces bound to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from bailiwick.api.intent import RemediateWithin
from bailiwick.api.peers import CIDR, EntityName, Peer, Ports
from bailiwick.api.types import (
    AS_SET,
    ATOMIC_LIST,
    ATOMIC_MAP,
    ApiModel,
    Count,
    Duration,
    EnforcementMode,
    Generation,
    LabelSelector,
    Line,
    Moment,
    Name,
    Rule,
    Severity,
    Status,
    Text,
    keyed_by,
    rules,
)


class UsableBy(ApiModel):
    """Who may choose a profile in an intent."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    namespace_selector: LabelSelector = LabelSelector()
    """Namespaces by their labels; {} is every namespace."""


class EnforcementTerms(ApiModel):
    """How strict an intent must be, and is where it does not say."""

    minimum: EnforcementMode = "Audit"
    """What an intent may not go below."""
    initial: EnforcementMode = "Audit"
    """What an intent gets that says nothing. Audit shows a team what would be cut before it is."""


class MayDeclare(ApiModel):
    """What the rules of an intent may name. It holds for addresses behind Services too."""

    # In parts, server-side apply drops a list that becomes empty, and no list is no limit.
    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    entities: (
        Annotated[tuple[EntityName, ...], Field(max_length=6, json_schema_extra=AS_SET)] | None
    ) = None
    """Entities; any where it is left out."""
    cidrs: Annotated[tuple[CIDR, ...], Field(max_length=100, json_schema_extra=AS_SET)] | None = (
        None
    )
    """Ranges that a cidr must lie in; any where it is left out, but for the internet where it is
    denied."""
    namespaces: LabelSelector | None = None
    """Other namespaces, by their labels; any where it is left out. Where some are, an intent may
    not name the entity Cluster, and a cidr does not reach the cluster's own pods."""


class AllowanceCondition(ApiModel):
    """Which workloads an allowance is for."""

    workload: LabelSelector
    """Pods by their labels."""


class Allowance(ApiModel):
    """Something that is opened in every namespace of the profile."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "[has(self.entity), has(self.from), has(self.to), has(self.template)]"
                ".filter(kind, kind).size() == 1",
                "write exactly one of entity, from, to, template; for both directions write two"
                " allowances",
            ),
            Rule(
                "!has(self.with) || has(self.template)",
                "with holds the values of a template: write template beside it",
            ),
            Rule(
                "!has(self.toPorts) || !has(self.template)",
                "the template writes the ports: hand them to it under with",
            ),
            Rule(
                "!has(self.from) || !has(self.from.fqdn)",
                "fqdn can only stand under to: write cidr under from",
            ),
        )
    )

    name: Name
    """The name of the allowance, unique in this profile; policies and findings carry it."""
    entity: EntityName | None = None
    """A peer that the cluster itself has, and that the workloads may reach; for one that may reach
    the workloads write from: {entity: IngressController}."""
    from_: Peer | None = None
    """Who may reach the workloads."""
    to: Peer | None = None
    """Whom the workloads may reach."""
    template: Name | None = None
    """The name of a template that writes the rule: one that comes with Bailiwick, or a key of a
    ConfigMap of templates in the operator's namespace."""
    to_ports: Ports = ()
    """On which ports; all where it is left out, and those of the DNS service or API server where
    the entity is one of them."""
    with_: (
        Annotated[
            dict[str, Any],
            WithJsonSchema(
                {"type": "object", "x-kubernetes-preserve-unknown-fields": True, **ATOMIC_MAP}
            ),
        ]
        | None
    ) = None
    """Values for the template."""
    only_if: AllowanceCondition | None = None
    """Only for these workloads of each namespace; for all of them where it is left out."""
    reason: Text | None = None
    """Why this is open everywhere."""


class ProfileNetwork(ApiModel):
    """What may be reached from and in the namespaces of a profile."""

    isolate: Annotated[
        tuple[Literal["Ingress", "Egress"], ...],
        # Not as a set: server-side apply would drop one that becomes empty, and the default hold.
        Field(max_length=2, json_schema_extra=ATOMIC_LIST),
    ] = ("Ingress", "Egress")
    """The directions in which everything is denied that is not declared."""
    may_declare: MayDeclare | None = None
    """What the rules of an intent may name; anything where it is left out."""
    allowances: Annotated[
        tuple[Allowance, ...], Field(max_length=100, json_schema_extra=keyed_by("name"))
    ] = ()
    """What is opened in every namespace of the profile."""
    internet: Literal["Denied", "Declared", "Open"] = "Declared"
    """Who may reach the internet: nobody, the workloads whose intent says so, or everybody.
    Metadata addresses of cloud providers are never part of it."""
    http_without_enforcer: Literal["Close", "AllowPort"] = "Close"
    """What becomes of a rule with http where nothing in the cluster can tell requests apart:
    Close allows nothing, AllowPort allows every request on its ports."""


class ProfileScan(ApiModel):
    """How fresh scans must be."""

    max_age: Duration = "24h"
    """A scan result older than this is stale."""
    rescan_every: Duration = "12h"
    """How often an image that runs is scanned again."""


class Minimal(ApiModel):
    """What an image should not contain."""

    shells: Severity = "Warn"
    """Shells, such as sh and bash."""
    package_managers: Severity = "Warn"
    """Package managers, such as apt and apk."""
    debug_tools: Severity = "Warn"
    """Tools to look into running systems, such as gdb and nc."""
    build_tools: Severity = "Warn"
    """Compilers and what belongs to them."""


class ProfileExceptions(ApiModel):
    """What may excuse a vulnerability; the platform's own exceptions are not limited."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    max_duration: Duration = "90d"
    """How long an exception may last from when it was approved, or made where nobody has to."""
    approval: Literal["Required", "NotRequired"] = "Required"
    """Whether somebody else than its author has to approve an exception before it is in force."""
    attestations: Literal["Trusted", "Ignored"] = "Ignored"
    """Whether OpenVEX statements that are attached to images in their registries, and signed with
    a key that the scanner was given, excuse what they say does not affect the image."""


class ProfileImages(ApiModel):
    """What is asked of the images that run in the namespaces of a profile."""

    registries: Annotated[
        tuple[Line, ...], Field(max_length=100, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """Where images may come from, as patterns: registry.example.com/*. Only these registries are
    ever contacted; none where it is left out."""
    scan: ProfileScan = ProfileScan()
    """How fresh scans must be."""
    remediate_within: RemediateWithin = RemediateWithin()
    """How long a vulnerability may stay; without limit where a field is left out."""
    no_fix: Literal["Deadline", "NoDeadline"] = "Deadline"
    """Whether a vulnerability without a known fix has a deadline. What is known to be exploited
    always has its own."""
    minimal: Minimal = Minimal()
    """What an image should not contain, and how much that matters. Write "Off" with quotation
    marks, as everywhere: YAML reads a bare Off as false."""
    pinned: Literal["Digest", "NotLatest", "Off"] = "Digest"
    """How workloads must name their images: by digest, by any tag but latest, or anyhow ("Off",
    with quotation marks)."""
    max_age: Duration | None = None
    """How long ago an image may have been built; any time where it is left out."""
    exceptions: ProfileExceptions = ProfileExceptions()
    """What may excuse a vulnerability that is past its deadline."""


class Admission(ApiModel):
    """What is refused before it runs. Not in effect in this version of Bailiwick."""

    mode: Literal["Off", "Warn", "Enforce"] = "Off"
    """Whether workloads that break the profile are let in, let in with a warning, or refused."""
    on_missing_scan: Literal["Queue", "Allow", "Deny"] = "Queue"
    """What becomes of an image that was never scanned: Queue refuses it until it was."""


BatchSize = Annotated[
    int | str,
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 4,
            **rules(
                Rule(
                    "type(self) == int ? self >= 1 : self.matches('^([1-9][0-9]?|100)%$')",
                    "write a number of namespaces (5) or a percentage from 1% to 100%",
                )
            ),
        }
    ),
]


class Rollout(ApiModel):
    """How a change of the profile reaches its namespaces. It stops when one of them fails."""

    batch: BatchSize = "10%"
    """How many namespaces take up the change at a time: a number, or a percentage of them."""
    pause: Duration = "60s"
    """How long to wait between two batches."""


class SecurityProfileSpec(ApiModel):
    """The floor for the namespaces of a profile: their intents can only be stricter."""

    default: bool = False
    """Whether an intent without a profile gets this one. True on one profile at most."""
    usable_by: UsableBy | None = None
    """Who may choose this profile in an intent; everybody where it is left out. A namespace's
    label binds it to a profile whatever stands here."""
    enforcement: EnforcementTerms = EnforcementTerms()
    """How strict an intent must be, and is where it does not say."""
    network: ProfileNetwork = ProfileNetwork()
    """What may be reached from and in the namespaces of the profile."""
    images: ProfileImages = ProfileImages()
    """What is asked of the images that run there."""
    admission: Admission = Admission()
    """What is refused before it runs. Not in effect in this version of Bailiwick."""
    rollout: Rollout = Rollout()
    """How a change of the profile reaches its namespaces."""
    controls: Annotated[dict[str, Severity], Field(max_length=100)] = {}  # noqa: RUF012  # pydantic copies it
    """How much a control matters, by its id; as the catalogue says where it is left out. Write
    "Off" with quotation marks."""


class RolloutStatus(ApiModel):
    """Where the rollout of the newest generation stands."""

    generation: Generation
    """The generation of the profile that is being rolled out."""
    started_at: Moment | None = None
    """When it started. A namespace that was not Ready before that does not stop it."""
    phase: Literal["Complete", "Progressing", "Stopped"]
    """Stopped: a namespace failed, and no other takes up the change until it is Ready."""
    total: Count
    """Namespaces of this profile."""
    updated: Count
    """Namespaces that are held to this generation."""
    failed: Annotated[tuple[Line, ...], Field(max_length=20, json_schema_extra=ATOMIC_LIST)] = ()
    """Namespaces that are not Ready at this generation."""
    failed_omitted: Count = 0
    """How many more failed than are listed."""
    next_batch_at: Moment | None = None
    """When the next batch starts, unless something fails."""


class SecurityProfileStatus(Status):
    """What the operator knows of a profile."""

    namespaces: Count | None = None
    """Namespaces that are bound to this profile."""
    rollout: RolloutStatus | None = None
    """Where the rollout of the newest generation stands."""
