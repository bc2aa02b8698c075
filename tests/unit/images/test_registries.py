from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.images.references import InvalidReference, Reference
from bailiwick.policy.images.registries import contactable, matches, refused_host


@pytest.mark.parametrize(
    "pattern, image, covered",
    [
        ("registry.example.com/*", "registry.example.com/shop", True),
        ("registry.example.com/*", "registry.example.com/shop/cart/api", True),
        ("registry.example.com/**", "registry.example.com/shop/cart", True),
        ("registry.example.com", "registry.example.com/shop/cart", True),
        ("registry.example.com/shop/*", "registry.example.com/shop/cart", True),
        ("registry.example.com/shop/*", "registry.example.com/shop", False),
        ("registry.example.com/shop/*", "registry.example.com/shopping/cart", False),
        ("registry.example.com/shop", "registry.example.com/shop", True),
        ("registry.example.com/shop", "registry.example.com/shop/cart", False),
        ("registry.example.com/team-*/app", "registry.example.com/team-a/app", True),
        ("registry.example.com/team-*/app", "registry.example.com/team-a/b/app", False),
        ("registry.example.com/*/app", "registry.example.com/x/app", True),
        ("*.example.com/*", "eu.example.com/app", True),
        ("*.example.com/*", "example.com/app", False),
        ("*.example.com/*", "evil.test/x.example.com/app", False),
        ("registry.example.com/*", "registry.example.com.evil.test/app", False),
        ("registry.example.com/*", "registryXexample.com/app", False),
        ("registry.example.com/*", "registry.example.com:5000/app", False),
        ("registry.example.com:5000/*", "registry.example.com:5000/app", True),
        ("Registry.Example.com/*", "registry.example.com/app", True),
        ("docker.io/library/*", "nginx", True),
        ("docker.io/library/*", "bitnami/nginx", False),
        ("*", "anywhere.test/a/b", True),
    ],
)
def test_a_pattern_covers_what_it_says_and_no_more(pattern: str, image: str, covered: bool) -> None:
    assert matches(Reference.parse(image), pattern) is covered


LOOPBACK = [
    "localhost/app",
    "localhost:5000/app",
    "127.0.0.1:5000/app",
    "127.9.9.9/app",
    "[::1]:5000/app",
    "[::ffff:127.0.0.1]/app",
    "a.localhost:80/app",
    "localhost.localdomain/app",
]
NEVER = [
    "169.254.169.254/latest",
    "169.254.169.254:80/latest",
    "169.254.0.1/app",
    "100.100.100.200/app",
    "168.63.129.16/app",
    "192.0.0.192/app",
    "[fd00:ec2::254]/app",
    "[fe80::1]/app",
    "[::ffff:169.254.169.254]/app",
    "[2002:a9fe:a9fe::1]/app",
    "[64:ff9b::a9fe:a9fe]/app",
    "metadata.google.internal/app",
    "metadata.google.internal.:80/app",
    "0.0.0.0:5000/app",
    "[::]/app",
    "224.0.0.1/app",
    "255.255.255.255/app",
    "127.1:80/app",
    "2130706433:80/app",
    "0x7f.0x1:80/app",
    "0177.0.0.1:80/app",
]


def refused(image: str, *, allow_loopback: bool) -> bool:
    try:
        reference = Reference.parse(image)
    except InvalidReference:
        return True
    refusal = contactable(reference, ["*"], allow_loopback=allow_loopback)
    assert refusal is None or (refusal.reason == "RegistryRefused" and refusal.message)
    return refusal is not None


@pytest.mark.parametrize("image", LOOPBACK)
def test_loopback_is_contacted_only_where_the_setting_opens_it(image: str) -> None:
    assert refused(image, allow_loopback=False)
    assert not refused(image, allow_loopback=True)


@pytest.mark.parametrize("image", NEVER)
def test_metadata_and_link_local_addresses_are_never_contacted(image: str) -> None:
    assert refused(image, allow_loopback=False)
    assert refused(image, allow_loopback=True)


@pytest.mark.parametrize("image", ["10.1.2.3:5000/app", "192.168.1.1/app", "[fd12::1]:5000/app"])
def test_private_addresses_are_for_the_profile_to_list(image: str) -> None:
    assert contactable(Reference.parse(image), [image.rpartition("/")[0]]) is None
    assert contactable(Reference.parse(image), ["registry.example.com/*"]) is not None


def test_a_registry_that_is_not_listed_is_refused_with_what_is_listed() -> None:
    refusal = contactable(Reference.parse("evil.test/app"), ["registry.example.com/*"])
    assert refusal is not None
    assert refusal.reason == "RegistryNotListed"
    assert "evil.test/app" in refusal.message
    assert "registry.example.com/*" in refusal.message


def test_a_profile_that_lists_nothing_lets_nothing_be_contacted() -> None:
    assert contactable(Reference.parse("nginx"), []) is not None


@given(st.integers(0, 2**32 - 1))
def test_every_number_that_a_resolver_could_take_for_an_address_is_refused(number: int) -> None:
    for spelling in (str(number), hex(number), f"{number >> 24}.{number & 0xFFFFFF}"):
        assert refused_host(spelling, allow_loopback=True) is not None
