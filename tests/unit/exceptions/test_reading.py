from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exceptions.make import approval, exception


@pytest.mark.parametrize(
    "fields, field, words",
    [
        ({"vulnerabilities": []}, "spec.vulnerabilities", "at least one entry"),
        ({"vulnerabilities": None}, "spec.vulnerabilities", "missing"),
        ({"vulnerabilities": "CVE-2026-1"}, "spec.vulnerabilities", "write a list"),
        ({"packages": []}, "spec.packages", "at least one entry"),
        ({"images": []}, "spec.images", "at least one entry"),
        ({"digests": []}, "spec.digests", "at least one entry"),
        ({"packages": [{}]}, "spec.packages[0]", "either name or purl"),
        (
            {"packages": [{"name": "a", "purl": "pkg:deb/debian/a"}]},
            "spec.packages[0]",
            "either name or purl",
        ),
        ({"packages": [{"name": "a"}, {"purl": "deb/a"}]}, "spec.packages[1].purl", "pkg:deb"),
        (
            {"packages": [{"purl": "pkg:deb/debian/a@1", "versions": "vers:deb/<2"}]},
            "spec.packages[0]",
            "leave out versions",
        ),
        (
            {"packages": [{"name": "a", "versions": "<2"}]},
            "spec.packages[0].versions",
            "vers:deb/>=3.0",
        ),
        (
            {"packages": [{"name": "a", "versions": "vers:unheard-of/<2"}]},
            "spec.packages[0].versions",
            "unheard-of",
        ),
        (
            {"packages": [{"name": "a", "versions": "vers:deb/<1|<2"}]},
            "spec.packages[0].versions",
            "not a range",
        ),
        (
            {"packages": [{"name": "a", "versions": "vers:all/*"}]},
            "spec.packages[0].versions",
            "leave versions out",
        ),
        ({"images": ["nginx"]}, "spec.images[0]", "docker.io/library/nginx"),
        ({"images": ["shop/cart"]}, "spec.images[0]", "docker.io/shop/cart"),
        ({"images": ["registry.example.com/cart:1.2"]}, "spec.images[0]", "a tag or a digest"),
        ({"images": ["registry.example.com/cart@sha256:a"]}, "spec.images[0]", "a tag or a digest"),
        ({"expiresAt": None}, "spec.expiresAt", "missing"),
        ({"expiresAt": "soon"}, "spec.expiresAt", ""),
        ({"workload": {"matchExpressions": [{"key": "a"}]}}, "spec.workload", ""),
    ],
)
def test_what_cannot_be_understood_names_its_field_and_is_for_nothing(
    fields: dict[str, Any], field: str, words: str
) -> None:
    made = exception(**fields)
    assert made.scope is None
    assert made.problem is not None
    assert made.problem.field.startswith(field)
    assert words in made.problem.message


def test_an_approval_is_read_from_the_status_whatever_else_stands_there() -> None:
    made = exception(status={**approval(), "state": "Active", "images": "none"})
    assert made.approval is not None
    assert (made.approval.by, made.approval.generation) == ("noor", 1)
    assert exception(status={"approval": {"by": "noor"}}).approval is None


def test_registries_with_ports_and_patterns_are_understood() -> None:
    images = ["localhost:5000/shop/*", "*.example.com/*", "registry.example.com", "[::1]:5000/a"]
    assert exception(images=images).problem is None
