"""Exceptions as OpenVEX documents, and back: nothing becomes wider on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.offline.vex.exporting import document_of
from bailiwick.offline.vex.importing import exceptions_of
from bailiwick.policy.exceptions.openvex import read_document
from tests.unit.controls.make import NOW, digest
from tests.unit.offline.vex.make import CART, ENDS, OPENSSL, TERMS, exception


def test_an_exception_in_force_becomes_a_statement_on_the_images_it_is_for() -> None:
    made = document_of([exception()], "security@example.com", NOW, all_states=False)
    assert made.left_out == ()
    assert made.document is not None
    assert read_document(json.dumps(made.document)).statements
    (one,) = made.document["statements"]
    assert one["vulnerability"] == {"name": "CVE-2026-1"}
    assert one["products"][0]["hashes"] == {"sha-256": digest()[7:]}
    assert CART in one["products"][0]["@id"].replace("%2F", "/")


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"status": "affected", "actionStatement": "update it"}, {"action_statement"}),
        ({"status": "fixed"}, set()),
        ({"status": "under_investigation"}, set()),
        ({"impactStatement": "never called"}, {"justification", "impact_statement"}),
    ],
)
def test_a_statement_says_what_openvex_lets_one_of_its_status_say(
    fields: dict[str, Any], said: set[str]
) -> None:
    # One that was made before the API server refused what does not go together.
    body = exception()
    body["spec"] |= fields
    made = document_of([body], "me", NOW, all_states=False)
    assert made.document is not None
    (one,) = made.document["statements"]
    assert {name for name in one if "stat" in name or name == "justification"} == {
        "status",
        "status_notes",
        *said,
    }
    assert read_document(json.dumps(made.document)).statements


@pytest.mark.parametrize(
    "body, words",
    [
        (exception(status={}), "not in force (never evaluated)"),
        (exception(status={"state": "Expired"}), "not in force (Expired)"),
        (exception(workload={"matchLabels": {"app": "cart"}}), "some workloads only"),
        (exception(packages=[{"name": "openssl"}]), "a way that OpenVEX does not know"),
        (
            exception(packages=[{"purl": "pkg:deb/debian/a", "versions": "vers:deb/<2"}]),
            "without a range of versions",
        ),
        (exception(expiresAt=None), "expiresAt: this is missing"),
        # Its status is of before.
        (exception(expiresAt="2026-11-24T12:00:00Z"), "it ended on 2026-11-24T12:00:00Z"),
    ],
)
def test_what_openvex_cannot_say_or_what_is_not_in_force_is_left_out_and_told(
    body: dict[str, Any], words: str
) -> None:
    made = document_of([body], "me", NOW, all_states=False)
    assert made.document is None
    assert made.left_out[0].startswith("shop/openssl: ")
    assert words in made.left_out[0]


def test_all_of_them_are_written_where_all_are_asked_for() -> None:
    body = exception(status={}, digests=[digest(5)])
    made = document_of([body], "me", NOW, all_states=True)
    assert made.document is not None
    assert digest(5)[7:] in json.dumps(made.document)
    nothing = document_of([exception(status={})], "me", NOW, all_states=True)
    assert "names no digest, and matched none" in nothing.left_out[0]


def test_equal_exceptions_have_a_document_of_the_same_id() -> None:
    bodies = [exception("a"), exception("b", vulnerabilities=["CVE-2026-2"])]
    first = document_of(bodies, "me", NOW, all_states=False).document
    again = document_of(bodies[::-1], "me", ENDS, all_states=False).document
    assert first is not None
    assert again is not None
    assert first["@id"] == again["@id"]
    assert first["statements"] == again["statements"]


_PACKAGES = st.lists(st.sampled_from([OPENSSL, "pkg:npm/lodash"]), max_size=2, unique=True)


@given(
    st.lists(st.sampled_from(["CVE-2026-1", "CVE-2026-2", "GHSA-a-b-c"]), min_size=1, unique=True),
    st.lists(st.integers(1, 9).map(digest), min_size=1, unique=True),
    _PACKAGES,
)
def test_what_is_written_and_read_again_is_for_the_same(
    ids: list[str], digests: list[str], packages: list[str]
) -> None:
    fields: dict[str, Any] = {"packages": [{"purl": each} for each in packages]} if packages else {}
    body = exception(status={}, vulnerabilities=ids, digests=digests, **fields)
    made = document_of([body], "me", NOW, all_states=True).document
    (again,) = exceptions_of(read_document(json.dumps(made)), TERMS)
    assert again["spec"]["vulnerabilities"] == ids
    assert again["spec"]["digests"] == sorted(digests)
    assert sorted(p["purl"] for p in again["spec"].get("packages", ())) == sorted(packages)
    assert again["spec"]["justification"] == body["spec"]["justification"]
