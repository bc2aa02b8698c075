"""What the exceptions of a namespace are for, of what was found in the images that run there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from bailiwick.policy.images.deadlines import Excuse
from bailiwick.policy.images.findings import Finding, FindingIdentity
from bailiwick.policy.images.registries import matches

if TYPE_CHECKING:
    from bailiwick.policy.exceptions.model import DeclaredException, ExceptionKey, Scope
    from bailiwick.policy.exceptions.ruling import Ruling
    from bailiwick.policy.images.inventory import RunningImage
    from bailiwick.policy.selectors import Selector

LISTED = 20
ImageKey: TypeAlias = tuple[str, str]
"""Repository and digest."""
RunElsewhere: TypeAlias = "Callable[[Selector], frozenset[ImageKey]]"
"""From a selector to the images that pods run which it does not select."""


@dataclass(frozen=True, slots=True, order=True)
class Matched:
    """A finding of an image that an exception is for."""

    vulnerability: str
    package: str
    version: str
    repository: str
    digest: str
    fixed_version: str = ""


@dataclass(frozen=True, slots=True, order=True)
class ImageMatch:
    """How many findings of an image an exception is for, and for how many a fix is known.

    `listed` are the first of them, in order.
    """

    repository: str
    digest: str
    findings: int
    fixable: int
    listed: tuple[Matched, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """What an exception is for in one namespace, or in several.

    `judged` says that there is an image which it is for, whatever was found in that, `unknown`
    that of such an image it is not known what is in it.
    """

    images: tuple[ImageMatch, ...] = ()
    judged: bool = False
    unknown: bool = False

    @property
    def findings(self) -> int:
        """How many findings it is for."""
        return sum(each.findings for each in self.images)

    @property
    def fixable(self) -> int:
        """For how many of them a fixed version is known."""
        return sum(each.fixable for each in self.images)


NOTHING = Match()


def together(matches: Iterable[Match]) -> Match:
    """Add up what an exception is for in several namespaces, each image once."""
    images: dict[ImageKey, ImageMatch] = {}
    everything = list(matches)
    for match in everything:
        for each in match.images:
            known = images.setdefault((each.repository, each.digest), each)
            # With a selector of workloads, one namespace can have more of them in force.
            if known.findings < each.findings:
                images[each.repository, each.digest] = each
    return Match(
        tuple(images[key] for key in sorted(images)),
        judged=any(match.judged for match in everything),
        unknown=any(match.unknown for match in everything),
    )


class Coverage:
    """The exceptions that hold in one namespace at an instant, and what they are for there.

    It is asked for each image that runs there, and remembers what matched. Those that are not
    in force are matched too: it can be seen beforehand what they would be for.
    """

    def __init__(
        self, ruled: Sequence[tuple[DeclaredException, Ruling]], run_elsewhere: RunElsewhere
    ) -> None:
        self.ruled = ruled
        self._elsewhere = run_elsewhere
        self._images: dict[ExceptionKey, list[ImageMatch]] = defaultdict(list)
        self._judged: set[ExceptionKey] = set()
        self._unknown: set[ExceptionKey] = set()
        self._by_id: dict[str, list[tuple[DeclaredException, Ruling]]] = defaultdict(list)
        for each in ruled:
            for vulnerability in each[0].scope.vulnerabilities if each[0].scope else ():
                self._by_id[vulnerability].append(each)

    def excuses(
        self, image: RunningImage, findings: Iterable[Finding] | None
    ) -> Mapping[FindingIdentity, Excuse]:
        """Return what is excepted of the findings of an image; None: they are not known."""
        if not self._by_id:
            return {}
        fitting = {e.key for e, _ in self.ruled if e.scope and self._for_image(e.scope, image)}
        if not fitting:
            return {}
        if findings is None:
            self._unknown |= fitting
            return {}
        self._judged |= fitting
        matched: dict[ExceptionKey, list[Finding]] = defaultdict(list)
        excuses = {}
        # Most findings are nobody's, and there are many of them.
        named = self._by_id
        for finding in [each for each in findings if each.aliases or each.id.upper() in named]:
            covering = self._covering(finding, fitting)
            for exception, _ in covering:
                matched[exception.key].append(finding)
            excuse = _excuse(covering)
            if excuse is not None:
                excuses[finding.identity] = excuse
        for key, found in matched.items():
            self._images[key].append(_image_match(image, found))
        return excuses

    def matches(self) -> Mapping[ExceptionKey, Match]:
        """Return what each exception matched in the images that were asked for."""
        return {
            exception.key: Match(
                tuple(sorted(self._images.get(exception.key, ()))),
                judged=exception.key in self._judged,
                unknown=exception.key in self._unknown,
            )
            for exception, _ in self.ruled
        }

    def _for_image(self, scope: Scope, image: RunningImage) -> bool:
        reference = image.reference
        if reference is None or image.digest is None:
            return False
        if scope.images and not any(matches(reference, each) for each in scope.images):
            return False
        if scope.digests and scope.digests.isdisjoint((image.digest, *image.indexes)):
            return False
        if scope.workload is None:
            return True
        return (reference.name, image.digest) not in self._elsewhere(scope.workload)

    def _covering(
        self, finding: Finding, fitting: set[ExceptionKey]
    ) -> list[tuple[DeclaredException, Ruling]]:
        found = {}
        for vulnerability in (finding.id, *finding.aliases):
            for each in self._by_id.get(vulnerability.upper(), ()):
                exception = each[0]
                scope = exception.scope
                if exception.key not in fitting or exception.key in found or scope is None:
                    continue
                if not scope.packages or any(package.has(finding) for package in scope.packages):
                    found[exception.key] = each
        return [found[key] for key in sorted(found)]


def _excuse(covering: Sequence[tuple[DeclaredException, Ruling]]) -> Excuse | None:
    ends: dict[str, datetime] = {
        exception.label: exception.expires_at
        for exception, ruling in covering
        if ruling.in_force and exception.expires_at is not None
    }
    return Excuse(tuple(sorted(ends)), min(ends.values())) if ends else None


def _image_match(image: RunningImage, findings: Sequence[Finding]) -> ImageMatch:
    repository = image.reference.name if image.reference else ""
    digest = image.digest or ""
    listed = sorted(
        Matched(f.id, f.package, f.version, repository, digest, f.fixed_version or "")
        for f in findings
    )
    fixable = sum(f.fixed_version is not None for f in findings)
    return ImageMatch(repository, digest, len(findings), fixable, tuple(listed[:LISTED]))
