from __future__ import annotations

import pytest

from bailiwick.policy.images.findings import Finding, HygieneFacts, Severity
from bailiwick.policy.images.remedy import remedy

DEBIAN = HygieneFacts(os="Debian GNU/Linux 12")
ENDED = HygieneFacts(os="Debian GNU/Linux 10", os_end_of_life=True)


def deb(name: str, fixed: str | None = "2") -> Finding:
    return Finding("CVE-1", name, "1", Severity.HIGH, fixed, purl=f"pkg:deb/debian/{name}@1")


def npm(name: str, fixed: str | None = "2") -> Finding:
    return Finding("CVE-1", name, "1", Severity.HIGH, fixed, purl=f"pkg:npm/{name}@1")


@pytest.mark.parametrize(
    "findings, facts, words",
    [
        (
            [deb("openssl", "3.0.11-1~deb12u2"), deb("glibc")],
            DEBIAN,
            "Rebuild it on a current Debian GNU/Linux 12: glibc fixed in 2, openssl fixed in "
            "3.0.11-1~deb12u2.",
        ),
        (
            [deb("openssl")],
            ENDED,
            "Rebuild it on a release that is still supported, since Debian GNU/Linux 10 gets no "
            "more updates: openssl fixed in 2.",
        ),
        ([deb("openssl")], None, "Rebuild it on a current base image: openssl fixed in 2."),
        ([npm("lodash")], DEBIAN, "Update what it is built from: lodash fixed in 2."),
        (
            [npm("lodash", "4.17.21"), npm("lodash", "4.17.19")],
            DEBIAN,
            "Update what it is built from: lodash fixed in the newest of 4.17.19, 4.17.21.",
        ),
        (
            [deb("tar", None)],
            DEBIAN,
            "No fix is known for tar: remove the package, or except it in writing.",
        ),
    ],
)
def test_what_to_do_is_said_in_words(
    findings: list[Finding], facts: HygieneFacts | None, words: str
) -> None:
    assert remedy(findings, facts) == words


def test_many_packages_are_counted() -> None:
    words = remedy([deb(f"lib{n}") for n in range(9)], DEBIAN)
    assert words.endswith("lib4 fixed in 2 and 4 more.")
