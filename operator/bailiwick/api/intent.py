"""SecurityIntent, the part that people write: what a namespace is meant to do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from bailiwick.api.peers import HTTPMatch, Peer, Ports
from bailiwick.api.types import (
    ATOMIC_LIST,
    ATOMIC_MAP,
    ApiModel,
    Day,
    Duration,
    EnforcementMode,
    Instant,
    Name,
    Rule,
    Text,
    keyed_by,
    rules,
)

RULE_LIMIT = 500
"""Rules of one intent at most; more are refused by the API server."""

_LOCAL = (
    "(has({0}.workload) && !has({0}.__namespace__)"
    " || has({0}.service) && !has({0}.service.__namespace__))"
)


class AllowRule(ApiModel):
    """One thing that is allowed. It has a side in this namespace; a side left out is all of it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "has(self.from) || has(self.to)",
                "write from, to, or both",
            ),
            Rule(
                "!has(self.from) || !has(self.to)"
                f" || {_LOCAL.format('self.from')} || {_LOCAL.format('self.to')}",
                "one side must be in this namespace: leave from or to out, or write workload or"
                " service there, without a namespace",
            ),
            Rule(
                "!has(self.from) || !has(self.from.fqdn)",
                "fqdn can only stand under to: write cidr under from",
            ),
        )
    )

    name: Name
    """The name of the rule, unique in this intent; policies and findings carry it."""
    from_: Peer | None = None
    """Who may open connections; every workload of this namespace where it is left out."""
    to: Peer | None = None
    """Whom they may reach; every workload of this namespace where it is left out."""
    ports: Ports = ()
    """On which ports; all where it is left out, or the Service's where to is a service."""
    http: Annotated[tuple[HTTPMatch, ...], Field(max_length=16, json_schema_extra=ATOMIC_LIST)] = ()
    """Only these HTTP requests. Needs a network plugin or mesh that can tell them apart; where
    there is none, the rule allows nothing and a finding says so."""
    reason: Text | None = None
    """Why this is needed, for the next person who reads it."""
    review_by: Day | None = None
    """The last day of this rule, in UTC, unless somebody reviews it and sets a later one."""


class IntentNetwork(ApiModel):
    """What the workloads of the namespace may reach, and who may reach them."""

    allow: Annotated[
        tuple[AllowRule, ...], Field(max_length=RULE_LIMIT, json_schema_extra=keyed_by("name"))
    ] = ()
    """What is allowed; everything else is denied in the directions that the profile isolates."""


class RemediateWithin(ApiModel):
    """How long after it was first seen a vulnerability may stay, by what is known of it."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    known_exploited: Duration | None = None
    """Vulnerabilities that are known to be exploited, of whatever severity."""
    critical: Duration | None = None
    """Vulnerabilities of severity Critical."""
    high: Duration | None = None
    """Vulnerabilities of severity High."""
    medium: Duration | None = None
    """Vulnerabilities of severity Medium."""
    low: Duration | None = None
    """Vulnerabilities of severity Low."""


class IntentScan(ApiModel):
    """How fresh scans must be."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    max_age: Duration | None = None
    """A scan result older than this is stale. May only be shorter than the profile's."""


class IntentExceptions(ApiModel):
    """What may excuse a vulnerability."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    max_duration: Duration | None = None
    """How long an exception may last. May only be shorter than the profile's."""
    approval: Literal["Required", "NotRequired"] | None = None
    """Required, where the profile does not ask for an approval already."""
    attestations: Literal["Trusted", "Ignored"] | None = None
    """Ignored, where the profile trusts attestations."""


class IntentImages(ApiModel):
    """What is asked of the namespace's images beyond the profile."""

    remediate_within: RemediateWithin = RemediateWithin()
    """Deadlines that are shorter than the profile's."""
    no_fix: Literal["Deadline"] | None = None
    """Deadline, where the profile asks for none."""
    scanned_after: Instant | None = None
    """Scan results older than this instant are stale: set it to now to have every image scanned
    again. An instant in the future counts as now."""
    scan: IntentScan = IntentScan()
    """How fresh scans must be."""
    exceptions: IntentExceptions = IntentExceptions()
    """What may excuse a vulnerability that is past its deadline."""


class SecurityIntentSpec(ApiModel):
    """What a namespace is meant to do. It can only be stricter than its profile."""

    profile: Name | None = None
    """The name of a SecurityProfile. The label bailiwick.dev/profile of the namespace decides
    first; without either, the default profile holds."""
    enforcement: EnforcementMode | None = None
    """Enforce isolates the namespace. Audit isolates nothing and tells in the status what would
    be. The profile's enforcement.initial where it is left out."""
    network: IntentNetwork = IntentNetwork()
    """What the workloads of the namespace may reach, and who may reach them."""
    images: IntentImages = IntentImages()
    """What is asked of the namespace's images beyond the profile."""
