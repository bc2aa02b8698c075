"""What counts of the attestations of an image, and why the rest is ignored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.images.attestations import STATEMENTS_LIMIT, Attestations, Key
from bailiwick.scanners.service.envelope import TrustedKey
from bailiwick.scanners.service.statements import Sorting
from tests.images.attestations import (
    attestation,
    document,
    envelope,
    in_toto,
    p256,
    reasons,
    sign,
    statement,
)

REPOSITORY: Final = "registry.example.com/shop/cart"
IMAGE, INDEX, OTHER = ("sha256:" + letter * 64 for letter in "abc")
TEAM, STRANGER = p256(), p256()
TRUSTED: Final = (TrustedKey(Key("team", "1"), TEAM.public_key()),)
OPENSSL: Final = "pkg:deb/debian/libssl3"
NOT_AFFECTED: Final = statement("CVE-1", products=[{"@id": f"pkg:oci/cart@{IMAGE}"}])


def sort(*bodies: bytes) -> Attestations:
    sorting = Sorting(REPOSITORY, frozenset({IMAGE, INDEX}), TRUSTED)
    for body in bodies:
        sorting.take(body)
    return sorting.result()


def signed(*statements: Any, digest: str = IMAGE, **more: Any) -> bytes:
    return attestation(TEAM, document(*statements, **more), digest)


def test_a_signed_statement_about_the_image_counts() -> None:
    found = sort(signed(NOT_AFFECTED))
    assert (found.trusted, found.ignored, found.problem) == (1, (), "")
    (one,) = found.statements
    assert (one.vulnerability, one.status, one.key.name) == ("CVE-1", "not_affected", "team")
    assert one.justification == "vulnerable_code_not_in_execute_path"
    assert (one.author, one.packages) == ("security@example.com", ())
    assert one.at.isoformat() == "2026-11-20T10:00:00+00:00"


def test_of_an_index_that_leads_to_the_image_it_counts_too() -> None:
    whole = statement("CVE-1")
    assert sort(signed(whole, digest=INDEX)).trusted == 1


BROKEN: Final = envelope(b"{", sign(TEAM, b"{"))
VEX: Final = document(NOT_AFFECTED)


@pytest.mark.parametrize(
    "body, reason",
    [
        pytest.param(envelope(in_toto(VEX, IMAGE)), "Unsigned", id="no signature"),
        pytest.param(in_toto(VEX, IMAGE), "Unsigned", id="no envelope"),
        pytest.param(json.dumps(VEX).encode(), "Unsigned", id="the document alone"),
        pytest.param(attestation(STRANGER, VEX, IMAGE), "KeyNotTrusted", id="another key"),
        pytest.param(attestation(TEAM, VEX, OTHER), "OtherSubject", id="another image"),
        pytest.param(attestation(TEAM, VEX), "OtherSubject", id="no image"),
        pytest.param(
            signed(statement("CVE-1", products=[{"@id": f"pkg:oci/cart@{OTHER}"}])),
            "OtherProduct",
            id="another product",
        ),
        pytest.param(
            signed(statement("CVE-1", products=[{"@id": "pkg:oci/cart"}])),
            "OtherProduct",
            id="an image by a name that many have",
        ),
        pytest.param(BROKEN, "Unreadable", id="no JSON inside"),
        pytest.param(b"\x00", "Unreadable", id="no JSON"),
        pytest.param(b'{"payload": 1}', "Unreadable", id="a broken envelope"),
        pytest.param(attestation(TEAM, {}, IMAGE), "Unreadable", id="no document"),
        pytest.param(attestation(TEAM, VEX, IMAGE, _type="x"), "Unreadable", id="another type"),
        pytest.param(signed(), "Unreadable", id="no statement"),
        pytest.param(signed(NOT_AFFECTED, timestamp="today"), "Unreadable", id="no instant"),
        pytest.param(
            signed(NOT_AFFECTED, timestamp="2026-11-20T10:00:00"), "Unreadable", id="no time zone"
        ),
        pytest.param(
            signed(NOT_AFFECTED, timestamp="0001-01-01T00:00:00+23:00"),
            "Unreadable",
            id="before all time",
        ),
        pytest.param(
            signed({"vulnerability": {"name": "CVE-1"}, "status": "not_affected"}),
            "Unreadable",
            id="not affected without saying why",
        ),
    ],
)
def test_what_cannot_be_relied_on_is_ignored_and_counted(body: bytes, reason: str) -> None:
    found = sort(body, signed(statement("CVE-2")))
    assert reasons(found.ignored) == {reason: 1}
    assert [each.vulnerability for each in found.statements] == ["CVE-2"]


def test_what_is_trusted_and_cannot_be_read_may_say_that_all_is_bad() -> None:
    unreadable = {"status": "affected", "vulnerability": {"name": "CVE-1"}}
    found = sort(signed(statement("CVE-1")), signed(unreadable, **{"@id": "urn:2"}))
    assert "What team signed cannot be read" in found.problem
    assert "affected needs an action_statement" in found.problem
    # What nobody who is trusted signed is no reason to doubt the others.
    assert sort(b"\x00", attestation(STRANGER, {}, IMAGE), attestation(TEAM, {})).problem == ""
    long = sort(signed(statement("CVE-1"), **{"@context": "x" * 100_000}))
    assert len(long.problem) < 400


@pytest.mark.parametrize(
    "body",
    [
        attestation(STRANGER, {}, IMAGE, predicateType="https://slsa.dev/provenance/v1"),
        attestation(TEAM, VEX, IMAGE, predicateType="https://openvex.dev/nsfw"),
        envelope(b"{}", payload_type="application/json"),
        b'{"spdxVersion": "SPDX-2.3"}',
        b"[]",
    ],
)
def test_what_is_about_something_else_is_not_even_counted(body: bytes) -> None:
    assert sort(body) == Attestations()


@pytest.mark.parametrize(
    "products, packages",
    [
        pytest.param(None, [()], id="none: the subject"),
        pytest.param([{"@id": f"pkg:oci/cart@{IMAGE}"}], [()], id="by digest"),
        pytest.param([{"@id": f"{REPOSITORY}@{IMAGE}"}], [()], id="by reference"),
        pytest.param([{"hashes": {"sha-256": "a" * 64}}], [()], id="by hash"),
        pytest.param(
            [{"@id": f"pkg:oci/cart?repository_url={REPOSITORY}"}], [()], id="by repository"
        ),
        pytest.param([{"@id": "pkg:oci/c?repository_url=example.com/c"}], [], id="by another"),
        pytest.param(
            [{"@id": f"pkg:oci/cart@{IMAGE}", "subcomponents": [{"@id": OPENSSL}]}],
            [(OPENSSL,)],
            id="a part of it",
        ),
        pytest.param([{"@id": OPENSSL}], [(OPENSSL,)], id="a package"),
        pytest.param(
            [{"@id": f"pkg:oci/cart@{IMAGE}", "subcomponents": [{"@id": "openssl"}]}],
            [],
            id="a part that has no package URL",
        ),
        pytest.param(
            [{"@id": OPENSSL, "subcomponents": [{"@id": "pkg:generic/x"}]}],
            [],
            id="a part of a package",
        ),
        pytest.param(
            [{"@id": f"pkg:oci/cart@{OTHER}"}, {"@id": f"pkg:oci/cart@{INDEX}"}],
            [()],
            id="one of several",
        ),
    ],
)
def test_a_statement_is_never_about_more_than_it_says(
    products: Sequence[Any] | None, packages: Sequence[Any]
) -> None:
    given: dict[str, Any] = {"products": products} if products else {}
    # One that is always about the image, so that the attestation is not ignored.
    found = sort(signed(statement("CVE-1", **given), statement("CVE-2")))
    assert [s.packages for s in found.statements if s.vulnerability == "CVE-1"] == packages


def test_a_later_version_of_a_document_takes_the_place_of_the_earlier() -> None:
    first, second = signed(statement("CVE-1")), signed(statement("CVE-2"), version=2)
    for bodies in ((first, second), (second, first)):
        found = sort(*bodies)
        assert [s.vulnerability for s in found.statements] == ["CVE-2"]
        assert (found.trusted, reasons(found.ignored)) == (1, {"Superseded": 1})
    other = signed(statement("CVE-3"), **{"@id": "https://vex.example.com/other"})
    assert sort(first, other).trusted == 2


def test_a_statement_with_an_instant_of_its_own_is_of_that() -> None:
    (one,) = sort(signed(statement("CVE-1", timestamp="2026-11-21T10:00:00Z"))).statements
    assert one.at.day == 21


def test_more_statements_than_are_kept_excuse_nothing() -> None:
    many = [statement(f"CVE-{n}") for n in range(STATEMENTS_LIMIT + 1)]
    found = sort(signed(*many))
    assert len(found.statements) == STATEMENTS_LIMIT
    assert "More than" in found.problem


@given(st.permutations([signed(statement(f"CVE-{n}"), **{"@id": f"urn:{n}"}) for n in range(5)]))
def test_the_order_in_the_registry_does_not_matter(bodies: list[bytes]) -> None:
    assert sort(*bodies) == sort(*sorted(bodies))


KEYS_OF_JSON: Final = st.sampled_from(
    ["payload", "payloadType", "signatures", "sig", "dsseEnvelope", "@context", "predicateType"]
)
JSON: Final = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS_OF_JSON, inner),
).map(lambda value: json.dumps(value).encode())


@given(st.binary() | JSON)
def test_whatever_lies_there_is_survived_and_not_believed(body: bytes) -> None:
    assert sort(body).statements == ()
