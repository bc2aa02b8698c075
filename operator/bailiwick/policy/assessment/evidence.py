"""What a namespace is judged by: plain values that the engine gathers and controls only read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bailiwick.policy.effective import EffectiveIntent
from bailiwick.policy.exceptions.standing import Standing
from bailiwick.policy.findings.effective import NamespaceReach
from bailiwick.policy.images.findings import HygieneFacts
from bailiwick.policy.images.freshness import Freshness
from bailiwick.policy.images.inventory import RunningImage
from bailiwick.policy.images.state import ImageState
from bailiwick.policy.network.model import CompiledNetwork
from bailiwick.policy.rules import Direction
from bailiwick.policy.settings import Settings


@dataclass(frozen=True, slots=True)
class WriteFailure:
    """An object that could not be written or deleted, with the API server's words."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class LivePolicies:
    """How our policies in the cluster compare with the plan, whole spec by whole spec.

    `isolated` are the directions in which the isolation policy is live, closed and equal to the
    plan. `pending` are policies yet to be written or removed; in Audit there are none. `taken`
    are names of ours that belong to objects of somebody else.
    """

    applied: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    failed: tuple[WriteFailure, ...] = ()
    taken: tuple[str, ...] = ()
    isolated: frozenset[Direction] = frozenset()


@dataclass(frozen=True, slots=True)
class ImageFact:
    """One image that runs in the namespace, with what is known of it.

    `state` and `hygiene` are None where no report is at hand. `evidence_error` says why the
    findings could not be read from the evidence store; empty where they could. `scanner` and
    `database_built` are those of the report, for the auditor. `freshness` is None where nobody
    asks what its tags lead to, or that is not known yet.
    """

    running: RunningImage
    state: ImageState | None = None
    hygiene: HygieneFacts | None = None
    evidence_error: str = ""
    scanner: str = ""
    database_built: datetime | None = None
    freshness: Freshness | None = None

    @property
    def name(self) -> str:
        """How to name the image in a sentence: its repository, or what a pod's spec says."""
        reference = self.running.reference
        if reference is not None:
            return reference.name
        return self.running.declared[0] if self.running.declared else "an image without a name"


@dataclass(frozen=True, slots=True)
class ExceptionFact:
    """An exception of the namespace, or one of the platform that is for something in it.

    `findings` is how many findings here it is for, whether in force or not.
    """

    label: str
    standing: Standing
    findings: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that controls are drawn from, as of `now` (with a time zone).

    `plan`, `reach` and `images` are None where they could not be worked out at all. `unreadable`
    names kinds by their plural, each with the reason. `stale_lists` says in sentences which lists
    of what is known of vulnerabilities are too old, or cannot be read.
    """

    effective: EffectiveIntent
    settings: Settings
    now: datetime
    plan: CompiledNetwork | None = None
    live: LivePolicies = LivePolicies()
    reach: NamespaceReach | None = None
    images: tuple[ImageFact, ...] | None = None
    exceptions: tuple[ExceptionFact, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    stale_lists: tuple[str, ...] = ()
