"""What a plan has to say: each finding with who can mend it, where, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bailiwick.offline.documents import Place
from bailiwick.policy.findings import finding
from bailiwick.policy.findings.finding import PLATFORM_TEAM, Severity, finding_id, owner_of
from bailiwick.reports.snippets import snippet


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that somebody should know.

    `about` is the rule, policy or workload; `detail` tells two findings of one code about the
    same thing apart. `suggestion` is YAML to paste, with where to paste it in a comment.
    `given_mender` is who can mend it, where that is not who answers for the namespace. `policy` is
    the policy that causes it, `rule` the rule.
    """

    namespace: str
    severity: Severity
    code: str
    about: str
    message: str
    place: Place
    detail: str = ""
    suggestion: str = ""
    given_mender: str = ""
    policy: str = ""
    rule: str = ""

    @classmethod
    def at(cls, place: Place, found: finding.Finding) -> Finding:
        """Return a finding of a namespace with the place where it stands."""
        missing = found.missing
        return cls(
            found.namespace,
            found.severity,
            found.code,
            found.about,
            found.message,
            place,
            found.detail,
            snippet(missing.namespace, [missing.rule]) if missing else "",
            found.mender,
            str(found.policy) if found.policy else "",
            found.about if found.of_rule else "",
        )

    @property
    def mender(self) -> str:
        """Who can mend it."""
        answers = owner_of(self.namespace) if self.namespace else PLATFORM_TEAM
        return self.given_mender or answers

    @property
    def is_for_others(self) -> bool:
        """Whether others than those who answer for the namespace have to mend it."""
        return bool(self.namespace) and self.mender != owner_of(self.namespace)

    @property
    def id(self) -> str:
        """The same from run to run, as long as it is the same finding."""
        return finding_id(self.namespace, self.code, self.about, self.detail)


def new_ones(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """Return the findings that there were not before, notes left out."""
    known = {finding.id for finding in before}
    return [each for each in after if each.id not in known and each.severity > Severity.NOTE]
