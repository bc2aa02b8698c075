"""What a plan has to say: each finding with who can mend it, where, and how."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from bailiwick.offline.documents import Place


class Severity(IntEnum):
    """How much a finding matters.

    ERROR: something that was asked for does not come about, or cannot be. WARNING: it does, and
    may not mean what its owner thinks. NOTE: worth knowing.
    """

    NOTE = 0
    WARNING = 1
    ERROR = 2

    def __str__(self) -> str:
        """Write it in a sentence."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that somebody should know.

    `about` is the rule, policy or workload; `detail` tells two findings of one code about the
    same thing apart. `suggestion` is YAML to paste, with where to paste it in a comment.
    """

    namespace: str
    severity: Severity
    code: str
    about: str
    message: str
    place: Place
    detail: str = ""
    suggestion: str = ""

    @property
    def id(self) -> str:
        """The same from run to run, as long as it is the same finding."""
        parts = (self.namespace, self.code, self.about, self.detail)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def new_ones(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """Return the findings that there were not before, notes left out."""
    known = {finding.id for finding in before}
    return [each for each in after if each.id not in known and each.severity > Severity.NOTE]
