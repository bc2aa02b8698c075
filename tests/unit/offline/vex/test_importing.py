"""OpenVEX documents as exceptions: nothing becomes wider on the way."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bailiwick.api.exception import SCOPE_LIMIT, VulnerabilityExceptionSpec
from bailiwick.offline.vex.importing import Terms, exceptions_of
from bailiwick.policy.exceptions.openvex import InvalidVex, read_document
from tests.unit.controls.make import digest
from tests.unit.offline.vex.make import CART, ENDS, OPENSSL, TERMS, document, oci, statement

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


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
