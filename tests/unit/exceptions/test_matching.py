from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.exceptions.matching import LISTED, ImageMatch, Match, together
from bailiwick.reports.exceptions import last_matched
from tests.unit.controls.make import NOW, digest, running
from tests.unit.exceptions.make import DAY, coverage, exception, excepts, finding

GHSA = "GHSA-35jh-r3h4-6jhm"
KEY = ("registry.example.com/shop/cart", digest())


@pytest.mark.parametrize(
    "named, found, expected",
    [
        (["CVE-2026-1"], finding(), True),
        (["CVE-2026-2"], finding(), False),
        (["CVE-2026-2", "CVE-2026-1"], finding(), True),
        (["cve-2026-1"], finding(), True),
        (["CVE-2026-1"], finding(GHSA, aliases=["CVE-2026-1"]), True),
        ([GHSA], finding(aliases=[GHSA]), True),
        ([GHSA], finding(), False),
        (["CVE-2026-1"], finding("CVE-2026-11"), False),
    ],
)
def test_a_vulnerability_is_known_by_its_id_and_by_its_aliases(
    named: list[str], found: Any, expected: bool
) -> None:
    assert excepts(exception(vulnerabilities=named), found) == expected


@pytest.mark.parametrize(
    "package, expected",
    [
        ({"name": "openssl"}, True),
        ({"name": "libssl3"}, False),
        ({"name": "OpenSSL"}, False),
        ({"purl": "pkg:deb/debian/openssl"}, True),
        ({"purl": "pkg:deb/debian/openssl@3.0.9-1"}, True),
        ({"purl": "pkg:deb/debian/openssl@3.0.8-1"}, False),
        ({"purl": "pkg:deb/debian/openssl?arch=amd64"}, True),
        ({"purl": "pkg:deb/debian/openssl?arch=arm64"}, False),
        ({"purl": "pkg:deb/ubuntu/openssl"}, False),
        ({"purl": "pkg:generic/openssl"}, False),
        ({"name": "openssl", "versions": "vers:deb/<3.0.11-1~deb12u2"}, True),
        ({"name": "openssl", "versions": "vers:deb/>=3.0.9|<3.0.11"}, True),
        ({"name": "openssl", "versions": "vers:deb/<3.0.9-1"}, False),
        ({"name": "openssl", "versions": "vers:deb/3.0.9-1"}, True),
        ({"purl": "pkg:deb/debian/openssl", "versions": "vers:deb/<4"}, True),
        # Versions of another kind of package are compared in another way.
        ({"name": "openssl", "versions": "vers:rpm/<4"}, False),
        ({"name": "openssl", "versions": "vers:npm/<4.0.0"}, False),
        ({"name": "openssl", "versions": "vers:intdot/<4"}, True),
    ],
)
def test_a_package_is_known_by_name_or_url_and_its_versions_by_a_range(
    package: dict[str, str], expected: bool
) -> None:
    assert excepts(exception(packages=[package]), finding()) == expected


def test_a_version_that_cannot_be_compared_is_not_covered() -> None:
    declared = exception(packages=[{"name": "lodash", "versions": "vers:npm/<4.17.21"}])
    for version, expected in (("4.17.20", True), ("latest", False), ("", False)):
        found = finding(package="lodash", version=version, purl="")
        assert excepts(declared, found) == expected


def test_what_has_no_package_url_is_in_no_package_that_is_named_by_one() -> None:
    declared = exception(packages=[{"purl": "pkg:deb/debian/openssl"}])
    assert not excepts(declared, finding(purl=""))
    assert not excepts(declared, finding(purl="not a package url"))


@pytest.mark.parametrize(
    "scope, expected",
    [
        ({"images": ["registry.example.com/shop/*"]}, True),
        ({"images": ["registry.example.com/shop/cart"]}, True),
        ({"images": ["registry.example.com/shop/mail", "registry.example.com/shop/c*"]}, True),
        ({"images": ["other.example.com/*"]}, False),
        ({"digests": [digest(1)]}, True),
        ({"digests": [digest(9)]}, True),
        ({"digests": [digest(2)]}, False),
        # Several kinds together: all of them.
        ({"images": ["registry.example.com/*"], "digests": [digest(2)]}, False),
        ({"images": ["registry.example.com/*"], "digests": [digest(1)]}, True),
        ({"digests": [digest(1)], "packages": [{"name": "zlib"}]}, False),
    ],
)
def test_an_image_is_known_by_its_repository_and_by_its_digest_or_that_of_its_index(
    scope: dict[str, Any], expected: bool
) -> None:
    image = replace(running(), indexes=(digest(9),))
    assert excepts(exception(**scope), finding(), image) == expected


def test_workloads_are_covered_where_no_other_pod_runs_the_image() -> None:
    declared = exception(workload={"matchLabels": {"app": "cart"}})
    assert excepts(declared, finding())
    assert not excepts(declared, finding(), elsewhere=[KEY])
    assert excepts(declared, finding(), elsewhere=[(KEY[0], digest(2))])
    # Without a selector it does not matter who runs the image.
    assert excepts(exception(), finding(), elsewhere=[KEY])


def test_an_image_that_is_not_identified_is_not_covered() -> None:
    assert not excepts(exception(), finding(), replace(running(), digest=None))
    assert not excepts(exception(), finding(), replace(running(), reference=None))


@pytest.mark.parametrize(
    "broken",
    [
        {"vulnerabilities": []},
        {"images": []},
        {"packages": []},
        {"digests": []},
        {"packages": [{"name": "openssl", "versions": "vers:deb/<<1"}]},
        {"images": ["nginx"]},
    ],
)
def test_what_cannot_be_understood_is_for_nothing(broken: dict[str, Any]) -> None:
    declared = exception(**broken)
    covered = coverage(declared)
    assert covered.excuses(running(), [finding()]) == {}
    assert covered.matches() == {declared.key: Match()}


def test_one_that_is_not_in_force_shows_what_it_would_be_for_and_excepts_nothing() -> None:
    declared = exception(expiresAt="2026-11-24T11:59:59Z")
    covered = coverage(declared)
    assert covered.excuses(running(), [finding()]) == {}
    assert covered.matches()[declared.key].findings == 1


def test_a_finding_names_every_exception_for_it_and_when_the_first_of_them_ends() -> None:
    early = exception(name="early", expiresAt="2026-12-01T00:00:00Z")
    late = exception(name="late")
    platform = exception(name="platform", namespace="")
    found = finding()
    excuse = coverage(late, early, platform).excuses(running(), [found])[found.identity]
    assert excuse.by == ("ClusterVulnerabilityException/platform", "early", "late")
    assert excuse.until == early.expires_at


def test_lists_of_what_matched_are_bounded_and_counts_are_not() -> None:
    declared = exception(vulnerabilities=[f"CVE-2026-{n}" for n in range(100)])
    found = [finding(f"CVE-2026-{n}", fixed="4" if n % 2 else None) for n in range(150)]
    covered = coverage(declared)
    covered.excuses(running(), found)
    match = covered.matches()[declared.key]
    assert (match.findings, match.fixable) == (100, 50)
    assert len(match.images[0].listed) == LISTED
    assert match.judged


def test_what_is_not_known_of_an_image_is_told_and_is_no_end_of_a_match() -> None:
    declared, other = exception(), exception(name="other", digests=[digest(2)])
    covered = coverage(declared, other)
    assert covered.excuses(running(), None) == {}
    assert covered.matches() == {declared.key: Match(unknown=True), other.key: Match()}
    before = {"lastMatched": "2026-11-01T00:00:00Z", "matchedFindings": 3}
    assert last_matched(before, Match(unknown=True), NOW) == NOW.replace(day=1, hour=0)
    assert last_matched(before, Match(), NOW) == NOW


def test_an_image_in_several_namespaces_counts_once() -> None:
    cart = ImageMatch(*KEY, findings=2, fixable=1)
    mail = ImageMatch("registry.example.com/shop/mail", digest(2), findings=1, fixable=1)
    whole = together([Match((cart,)), Match(), Match((mail, cart), judged=True)])
    assert whole == Match((cart, mail), judged=True)
    assert (whole.findings, whole.fixable) == (3, 2)


_IDS = st.sampled_from(["CVE-2026-1", "CVE-2026-2", GHSA])
_PACKAGES = st.sampled_from(
    [
        {"name": "openssl"},
        {"purl": "pkg:deb/debian/openssl"},
        {"name": "openssl", "versions": "vers:deb/<3.0.9"},
        {"name": "zlib"},
    ]
)
_IMAGES = st.sampled_from(["registry.example.com/*", "registry.example.com/shop/mail", "x.y/*"])
_SCOPES = st.fixed_dictionaries(
    {"vulnerabilities": st.lists(_IDS, min_size=1, unique=True)},
    optional={
        "packages": st.lists(_PACKAGES, min_size=1, max_size=3),
        "images": st.lists(_IMAGES, min_size=1, unique=True),
        "digests": st.lists(st.sampled_from([digest(1), digest(2)]), min_size=1, unique=True),
    },
)
_FINDINGS = st.builds(
    finding,
    _IDS,
    package=st.sampled_from(["openssl", "zlib"]),
    version=st.sampled_from(["3.0.8", "3.0.9-1", "strange version"]),
    purl=st.sampled_from(["", "pkg:deb/debian/openssl@3.0.9-1"]),
    aliases=st.lists(_IDS, max_size=1),
)


@given(_SCOPES, _FINDINGS)
def test_a_further_kind_of_scope_only_narrows_and_a_further_entry_only_widens(
    scope: dict[str, Any], found: Any
) -> None:
    whole = excepts(exception(**scope), found)
    for kind in scope:
        if kind != "vulnerabilities":
            wider = {name: entries for name, entries in scope.items() if name != kind}
            assert excepts(exception(**wider), found) or not whole
        if len(scope[kind]) > 1:
            narrower = {**scope, kind: scope[kind][1:]}
            assert whole or not excepts(exception(**narrower), found)


@given(_SCOPES, _FINDINGS, st.integers(-5, 5))
def test_nothing_is_excepted_from_the_very_instant_of_the_end(
    scope: dict[str, Any], found: Any, seconds: int
) -> None:
    declared = exception(**scope)
    assert declared.expires_at is not None
    now = declared.expires_at + DAY / 86_400 * seconds
    before = excepts(declared, found, now=NOW)
    assert excepts(declared, found, now=now) == (before and seconds < 0)
