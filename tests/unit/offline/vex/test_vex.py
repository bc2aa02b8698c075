"""OpenVEX documents as exceptions and back: nothing becomes wider on the way."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.api.exception import SCOPE_LIMIT, VulnerabilityExceptionSpec
from bailiwick.offline.vex.exporting import document_of
from bailiwick.offline.vex.importing import Terms, exceptions_of
from bailiwick.policy.exceptions.openvex import CONTEXT, InvalidVex, read_document
from tests.unit.controls.make import NOW, digest
from tests.unit.exceptions.make import spec

ENDS = datetime(2027, 1, 1, tzinfo=UTC)
TERMS = Terms("shop", "dana", ENDS)
CART = "registry.example.com/shop/cart"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
OPENSSL = "pkg:deb/debian/openssl@3.0.9-1"


def oci(number: int = 1, repository: str = CART) -> str:
    return f"pkg:oci/cart@{digest(number)}?repository_url={repository}"


def statement(**changes: Any) -> dict[str, Any]:
    good = {
        "vulnerability": {"name": "CVE-2026-1"},
        "products": [{"@id": oci()}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
        **changes,
    }
    return {name: value for name, value in good.items() if value is not None}


def document(*statements: dict[str, Any], **changes: Any) -> str:
    return json.dumps(
        {
            "@context": CONTEXT,
            "@id": "https://example.com/vex/1",
            "author": "security@example.com",
            "timestamp": "2026-11-01T00:00:00Z",
            "version": 1,
            "statements": list(statements) or [statement()],
            **changes,
        }
    )


def imported(*statements: dict[str, Any], terms: Terms = TERMS) -> list[dict[str, Any]]:
    made = exceptions_of(read_document(document(*statements)), terms)
    for each in made:
        VulnerabilityExceptionSpec.model_validate(each["spec"])
    return made


def test_a_statement_becomes_an_exception_with_what_a_document_does_not_say() -> None:
    (made,) = imported(statement(vulnerability={"name": "CVE-2026-1", "aliases": ["GHSA-a-b-c"]}))
    assert made == {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "VulnerabilityException",
        "metadata": {"name": made["metadata"]["name"], "namespace": "shop"},
        "spec": {
            "vulnerabilities": ["CVE-2026-1", "GHSA-a-b-c"],
            "digests": [digest()],
            "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path",
            "reason": "As said by OpenVEX document https://example.com/vex/1 of "
            "security@example.com",
            "author": "dana",
            "expiresAt": "2027-01-01T00:00:00Z",
        },
    }


def test_for_the_platform_it_is_one_of_every_namespace() -> None:
    (made,) = imported(terms=Terms("", "admin", ENDS, ticket="SEC-1"))
    assert made["kind"] == "ClusterVulnerabilityException"
    assert "namespace" not in made["metadata"]
    assert made["spec"]["ticket"] == "SEC-1"


@pytest.mark.parametrize(
    "product, scope",
    [
        ({"@id": oci(2)}, {"digests": [digest(2)]}),
        ({"@id": "my-image", "identifiers": {"purl": oci(2)}}, {"digests": [digest(2)]}),
        ({"@id": f"{CART}@{digest(3)}"}, {"digests": [digest(3)]}),
        ({"@id": "x", "hashes": {"sha-256": "a" * 64}}, {"digests": ["sha256:" + "a" * 64]}),
        ({"@id": f"pkg:oci/cart?repository_url={CART}"}, {"images": [CART]}),
        ({"@id": "pkg:oci/nginx?repository_url=nginx"}, {"images": ["docker.io/library/nginx"]}),
        (
            {"@id": oci(), "subcomponents": [{"@id": OPENSSL}]},
            {"digests": [digest()], "packages": [{"purl": OPENSSL}]},
        ),
    ],
)
def test_a_product_is_an_image_by_digest_or_repository(
    product: dict[str, Any], scope: dict[str, Any]
) -> None:
    (made,) = imported(statement(products=[product]))
    found = {k: made["spec"][k] for k in ("images", "digests", "packages") if k in made["spec"]}
    assert found == scope


def test_products_that_differ_in_their_parts_become_exceptions_of_their_own() -> None:
    products = [
        {"@id": oci(1), "subcomponents": [{"@id": OPENSSL}]},
        {"@id": oci(2), "subcomponents": [{"@id": OPENSSL}]},
        {"@id": oci(3)},
        {"@id": f"pkg:oci/mail?repository_url={CART}-mail"},
    ]
    first, second, third = (each["spec"] for each in imported(statement(products=products)))
    assert first["digests"] == [digest(1), digest(2)]
    assert first["packages"] == [{"purl": OPENSSL}]
    assert (second["digests"], third["images"]) == ([digest(3)], [f"{CART}-mail"])
    assert "packages" not in second
    assert "digests" not in third


def test_what_is_more_than_one_exception_lists_becomes_several_that_the_api_server_takes() -> None:
    parts = [{"@id": f"pkg:deb/debian/p{n}"} for n in range(SCOPE_LIMIT + 1)]
    products = [{"@id": oci(n), "subcomponents": parts} for n in range(1, SCOPE_LIMIT + 2)]
    made = [each["spec"] for each in imported(statement(products=products))]
    assert len(made) == 4
    pairs = {(d, p["purl"]) for spec in made for d in spec["digests"] for p in spec["packages"]}
    assert len(pairs) == (SCOPE_LIMIT + 1) ** 2
    assert all(len(s["digests"]) <= SCOPE_LIMIT for s in made)
    assert all(len(s["packages"]) <= SCOPE_LIMIT for s in made)


def test_names_are_those_of_the_same_document_and_of_no_other() -> None:
    def names(*statements: dict[str, Any], **changes: Any) -> list[str]:
        read = read_document(document(*statements, **changes))
        return [each["metadata"]["name"] for each in exceptions_of(read, TERMS)]

    other = statement(vulnerability={"name": "CVE-2026-2"})
    first = names(statement(), statement(), other)
    assert len(set(first)) == 3
    assert all(NAME.fullmatch(name) for name in first)
    assert set(names(other, statement(), version=2)) <= set(first)
    assert not set(names(statement(), **{"@id": "https://example.com/vex/2"})) & set(first)
    (long,) = names(statement(vulnerability={"name": "CVE-" + "9" * 60}))
    assert NAME.fullmatch(long)


def test_an_alias_that_no_scan_reports_is_left_out() -> None:
    aliases = ["GHSA-a-b-c", "https://example.com/1", "an alias"]
    (made,) = imported(statement(vulnerability={"name": "CVE-2026-1", "aliases": aliases}))
    assert made["spec"]["vulnerabilities"] == ["CVE-2026-1", "GHSA-a-b-c"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "not JSON"),
        (
            document(statement(vulnerability={"name": "https://example.com/1"})),
            "is not an id that a scan reports",
        ),
        ("[]", ""),
        (document(statement(justification=None)), "needs a justification or an impact_statement"),
        (document(statement(status="affected")), "needs an action_statement"),
        (document(statement(status="fixed")), "are for not_affected only"),
        (
            document(statement(status="affected", action_statement="update")),
            "are for not_affected only",
        ),
        (document(statement(action_statement="update")), "action_statement is for affected only"),
        (document(statement(status="ignored")), "statements[0].status"),
        (document(statement(justification="none of your business")), "statements[0].justification"),
        (document(statement(products=None)), "names no product"),
        (document(statement(products=[{"@id": "pkg:deb/debian/a@1"}])), "not an image"),
        (document(statement(products=[{"@id": "pkg:docker/nginx@1.25"}])), "not an image"),
        (document(statement(products=[{"@id": f"{CART}:1.2"}])), "not an image"),
        (document(statement(products=[{"@id": "the shop"}])), "not an image"),
        (document(statement(products=[{}])), "a product without a name"),
        (
            document(statement(products=[{"@id": oci(), "subcomponents": [{"@id": "openssl"}]}])),
            "each needs a package URL",
        ),
        (document(author=""), "author"),
        (document(statements=[]), "statements: write at least one"),
        (document(**{"@context": "https://cyclonedx.org"}), "@context is"),
    ],
)
def test_what_openvex_does_not_allow_or_names_no_image_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidVex) as refused:
        exceptions_of(read_document(text), TERMS)
    assert words in str(refused.value)


def exception(name: str = "openssl", status: Any = None, **fields: Any) -> dict[str, Any]:
    in_force = {
        "state": "Active",
        "images": [{"image": CART, "digest": digest(), "findings": 1}],
        "imagesOmitted": 0,
        "conditions": [
            {
                "type": "InForce",
                "status": "True",
                "reason": "Active",
                "message": "",
                "lastTransitionTime": "2026-11-01T00:00:00Z",
            }
        ],
    }
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec(**fields),
        "status": in_force if status is None else status,
    }


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
