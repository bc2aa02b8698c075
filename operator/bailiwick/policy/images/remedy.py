"""What to do about an image with overdue findings, in words for those who build it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import Finding, HygieneFacts

_LISTED = 5
_OF_DISTRIBUTIONS = ("pkg:deb/", "pkg:rpm/", "pkg:apk/", "pkg:alpm/")


def remedy(findings: Iterable[Finding], facts: HygieneFacts | None) -> str:
    """Say which base to rebuild on, and which packages to update to what.

    Packages of a distribution come with its next image; those of a language are the team's own.
    """
    fixes: dict[bool, dict[str, set[str]]] = {True: defaultdict(set), False: defaultdict(set)}
    without = set()
    for each in findings:
        if each.fixed_version is None:
            without.add(each.package)
        else:
            of_distribution = each.purl.startswith(_OF_DISTRIBUTIONS)
            fixes[of_distribution][each.package].add(each.fixed_version)
    sentences = []
    if fixes[True]:
        sentences.append(f"Rebuild it on {_base(facts)}: {_updates(fixes[True])}.")
    if fixes[False]:
        sentences.append(f"Update what it is built from: {_updates(fixes[False])}.")
    if without:
        sentences.append(
            f"No fix is known for {_listing(sorted(without))}: remove the package, or except it in "
            "writing."
        )
    return " ".join(sentences)


def _base(facts: HygieneFacts | None) -> str:
    if facts is None or not facts.os:
        return "a current base image"
    if facts.os_end_of_life:
        return f"a release that is still supported, since {facts.os} gets no more updates"
    return f"a current {facts.os}"


def _updates(fixes: dict[str, set[str]]) -> str:
    return _listing([f"{package} {_version(fixes[package])}" for package in sorted(fixes)])


def _version(versions: set[str]) -> str:
    if len(versions) == 1:
        return f"fixed in {next(iter(versions))}"
    return f"fixed in the newest of {', '.join(sorted(versions))}"


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
