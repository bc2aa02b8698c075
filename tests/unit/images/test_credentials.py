from __future__ import annotations

import base64
from typing import Any

import pytest

from bailiwick.policy.images.credentials import authorization
from bailiwick.policy.images.references import Reference

IMAGE = Reference("registry.example.com", "shop/cart")
HUB = Reference("docker.io", "library/nginx")


def basic(user: str = "team", password: str = "pass") -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def entry(user: str = "team") -> dict[str, str]:
    return {"auth": basic(user)}


@pytest.mark.parametrize(
    "key, image, matches",
    [
        ("registry.example.com", IMAGE, True),
        ("https://registry.example.com", IMAGE, True),
        ("https://registry.example.com/v2/", IMAGE, True),
        ("registry.example.com/shop", IMAGE, True),
        ("registry.example.com/shop/cart", IMAGE, True),
        ("*.example.com", IMAGE, True),
        ("reg*.example.com", IMAGE, True),
        ("registry.example.com/sho", IMAGE, False),
        ("registry.example.com/other", IMAGE, False),
        ("registry.example.com:5000", IMAGE, False),
        ("example.com", IMAGE, False),
        ("*.com", IMAGE, False),
        ("evil.example.com", IMAGE, False),
        ("registry.example.com.evil.test", IMAGE, False),
        ("https://index.docker.io/v1/", HUB, True),
        ("docker.io", HUB, True),
        ("registry.example.com", HUB, False),
        ("", IMAGE, False),
    ],
)
def test_an_entry_is_for_the_registry_that_its_key_names_and_no_other(
    key: str, image: Reference, matches: bool
) -> None:
    assert authorization({key: entry()}, image) == (f"Basic {basic()}" if matches else "")


def test_the_entry_that_names_the_most_is_taken() -> None:
    auths = {
        "*.example.com": entry("wide"),
        "registry.example.com": entry("host"),
        "registry.example.com/shop": entry("path"),
        "registry.example.com/other": entry("other"),
    }
    assert authorization(auths, IMAGE) == f"Basic {basic('path')}"
    del auths["registry.example.com/shop"]
    assert authorization(auths, IMAGE) == f"Basic {basic('host')}"


@pytest.mark.parametrize(
    "value, header",
    [
        ({"username": "team", "password": "pass"}, f"Basic {basic()}"),
        ({"username": "team", "password": ""}, f"Basic {basic(password='')}"),
        ({"registrytoken": "abc"}, "Bearer abc"),
        ({"auth": "not base64!"}, ""),
        ({"auth": base64.b64encode(b"no colon").decode()}, ""),
        ({"auth": 5}, ""),
        ({"identitytoken": "abc"}, ""),
        ("team:pass", ""),
        (None, ""),
        ({}, ""),
    ],
)
def test_what_is_no_entry_is_passed_over(value: Any, header: str) -> None:
    assert authorization({"registry.example.com": value}, IMAGE) == header
