"""Every kind: its names, scope, columns and the models of its spec and status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bailiwick.api.exception import VulnerabilityExceptionSpec, VulnerabilityExceptionStatus
from bailiwick.api.imagescan import ImageScanSpec, ImageScanStatus
from bailiwick.api.intent import SecurityIntentSpec
from bailiwick.api.intent_status import SecurityIntentStatus
from bailiwick.api.meta import BUILT_IN, GROUP, INTENT_NAME
from bailiwick.api.profile import SecurityProfileSpec, SecurityProfileStatus
from bailiwick.api.reach import NetworkReachSpec
from bailiwick.api.rescan import RescanRequestSpec, RescanRequestStatus
from bailiwick.api.types import JSON, ApiModel, Rule, Status


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; those that are `wide` are shown with `-o wide`."""

    name: str
    json_path: str
    type: Literal["string", "integer", "boolean", "date"] = "string"
    wide: bool = False
    description: str = ""

    def to_json(self) -> JSON:
        """Write the entry of `additionalPrinterColumns`."""
        result: JSON = {"name": self.name, "type": self.type, "jsonPath": self.json_path}
        if self.description:
            result["description"] = self.description
        if self.wide:
            result["priority"] = 1
        return result


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the API; `rules` are those of the whole object."""

    kind: str
    plural: str
    short: str
    scope: Literal["Cluster", "Namespaced"]
    description: str
    spec: type[ApiModel]
    status: type[Status]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def crd_name(self) -> str:
        """The name of its CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"


def _condition(name: str, type_: str, what: str = "status", *, wide: bool = False) -> Column:
    return Column(name, f'.status.conditions[?(@.type=="{type_}")].{what}', wide=wide)


_NAME = ".metadata.name"
_AGE = Column("Age", ".metadata.creationTimestamp", "date")

SECURITY_PROFILE = Kind(
    kind="SecurityProfile",
    plural="securityprofiles",
    short="secprofile",
    scope="Cluster",
    description="The floor that the platform team sets for the namespaces bound to it.",
    spec=SecurityProfileSpec,
    status=SecurityProfileStatus,
    columns=(
        Column("Default", ".spec.default", "boolean"),
        Column("Minimum", ".spec.enforcement.minimum"),
        Column("Internet", ".spec.network.internet"),
        Column("Namespaces", ".status.namespaces", "integer"),
        Column("Updated", ".status.rollout.updated", "integer"),
        Column("Rollout", ".status.rollout.phase"),
        _condition("Ready", "Ready"),
        _AGE,
        _condition("Reason", "Ready", "reason", wide=True),
    ),
    rules=(
        Rule(
            "self.metadata.name.matches('^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')",
            "name it as a label would be: at most 63 lower-case letters, digits and '-'",
            _NAME,
        ),
        Rule(
            f"self.metadata.name != '{BUILT_IN}'",
            f"{BUILT_IN} is the profile that holds where there is none: choose another name",
            _NAME,
        ),
    ),
)

SECURITY_INTENT = Kind(
    kind="SecurityIntent",
    plural="securityintents",
    short="secintent",
    scope="Namespaced",
    description="What a namespace is meant to do, and whether it is so. One in each namespace.",
    spec=SecurityIntentSpec,
    status=SecurityIntentStatus,
    columns=(
        Column("Profile", ".status.profile.name"),
        Column("Enforcement", ".status.enforcement"),
        _condition("Ready", "Ready"),
        _condition("Compliant", "Compliant"),
        Column("Fail", ".status.failing", "integer", description="Controls that fail."),
        Column(
            "Overdue",
            ".status.overdue",
            "integer",
            description="Vulnerabilities past their deadline.",
        ),
        # A date column shows an instant that is yet to come as <invalid>.
        Column("Next due", ".status.nextDue", description="The next deadline of a vulnerability."),
        _AGE,
        _condition("Reason", "Compliant", "reason", wide=True),
        Column("Evaluated", ".status.evaluatedAt", "date", wide=True),
    ),
    rules=(
        Rule(
            f"self.metadata.name == '{INTENT_NAME}'",
            f"name it {INTENT_NAME}: a namespace has one SecurityIntent",
            _NAME,
        ),
    ),
)

IMAGE_SCAN = Kind(
    kind="ImageScan",
    plural="imagescans",
    short="imgscan",
    scope="Cluster",
    description="What is known of one image, whoever runs it. The operator writes it.",
    spec=ImageScanSpec,
    status=ImageScanStatus,
    columns=(
        Column("Repository", ".spec.repository"),
        Column("Phase", ".status.phase"),
        Column("Critical", ".status.critical", "integer"),
        Column("High", ".status.high", "integer"),
        Column("Exploited", ".status.knownExploited", "integer"),
        Column("Fixable", ".status.fixable", "integer"),
        Column("Scanned", ".status.scannedAt", "date"),
        _AGE,
        Column("Reason", ".status.reason", wide=True),
        Column("Database", ".status.scanner.databaseBuilt", "date", wide=True),
        Column("Registry", ".spec.registry", wide=True),
    ),
    rules=(
        Rule(
            "self.metadata.name == self.spec.digest.replace(':', '-')",
            "name it by its digest: sha256- and its 64 hexadecimal digits",
            _NAME,
        ),
    ),
)

RESCAN_REQUEST = Kind(
    kind="RescanRequest",
    plural="rescanrequests",
    short="rescan",
    scope="Namespaced",
    description="Have images of this namespace scanned again, once.",
    spec=RescanRequestSpec,
    status=RescanRequestStatus,
    columns=(
        _condition("Complete", "Complete"),
        _condition("Failed", "Failed"),
        Column("Done", ".status.done", "integer"),
        Column("Total", ".status.total", "integer"),
        _AGE,
        Column("Requested", ".status.requested", "date", wide=True),
        Column("Completed", ".status.completed", "date", wide=True),
    ),
)

NETWORK_REACH = Kind(
    kind="NetworkReach",
    plural="networkreaches",
    short="netreach",
    scope="Namespaced",
    description="Who can reach whom in this namespace. The operator writes it beside the intent.",
    spec=NetworkReachSpec,
    status=Status,
    columns=(
        Column("Edges", ".spec.edges", "integer"),
        Column("Omitted", ".spec.edgesOmitted", "integer"),
        _AGE,
    ),
    rules=(
        Rule(
            f"self.metadata.name == '{INTENT_NAME}'",
            f"name it {INTENT_NAME}: a namespace has one NetworkReach",
            _NAME,
        ),
    ),
)

_EXCEPTION_COLUMNS = (
    Column("Status", ".spec.status"),
    Column("State", ".status.state"),
    _condition("In force", "InForce"),
    Column("Images", ".status.matchedImages", "integer"),
    Column("Findings", ".status.matchedFindings", "integer"),
    # A string, because the instant is yet to come.
    Column("Expires", ".spec.expiresAt"),
    Column("Approved by", ".status.approval.by"),
    _AGE,
    Column("Author", ".spec.author", wide=True),
    Column("Ticket", ".spec.ticket", wide=True),
    Column("Last matched", ".status.lastMatched", "date", wide=True),
    Column("Message", ".status.message", wide=True),
)

VULNERABILITY_EXCEPTION = Kind(
    kind="VulnerabilityException",
    plural="vulnerabilityexceptions",
    short="vulnex",
    scope="Namespaced",
    description=(
        "A vulnerability that is tolerated in this namespace, why, and until when. The profile "
        "says for how long at most, and whether somebody else has to approve it."
    ),
    spec=VulnerabilityExceptionSpec,
    status=VulnerabilityExceptionStatus,
    columns=_EXCEPTION_COLUMNS,
)

CLUSTER_VULNERABILITY_EXCEPTION = Kind(
    kind="ClusterVulnerabilityException",
    plural="clustervulnerabilityexceptions",
    short="cvulnex",
    scope="Cluster",
    description=(
        "A vulnerability that the platform team tolerates in every namespace, why, and until when."
    ),
    spec=VulnerabilityExceptionSpec,
    status=VulnerabilityExceptionStatus,
    columns=_EXCEPTION_COLUMNS,
)

KINDS = (
    SECURITY_PROFILE,
    SECURITY_INTENT,
    NETWORK_REACH,
    IMAGE_SCAN,
    RESCAN_REQUEST,
    VULNERABILITY_EXCEPTION,
    CLUSTER_VULNERABILITY_EXCEPTION,
)
"""Every kind, in the order in which people meet them."""
