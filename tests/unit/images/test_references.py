from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.images.references import (
    ImageId,
    InvalidReference,
    Reference,
    is_digest,
    read_image_id,
)

A = "sha256:" + "a" * 64
LONG = "sha512:" + "b" * 128


@pytest.mark.parametrize(
    "text, expected",
    [
        ("nginx", Reference("docker.io", "library/nginx")),
        ("nginx:1.29", Reference("docker.io", "library/nginx", "1.29")),
        ("bitnami/redis", Reference("docker.io", "bitnami/redis")),
        ("index.docker.io/library/nginx", Reference("docker.io", "library/nginx")),
        ("localhost/app", Reference("localhost", "app")),
        ("localhost:5000/app:1", Reference("localhost:5000", "app", "1")),
        ("Registry.Example.com/app", Reference("registry.example.com", "app")),
        ("registry.example.com/a/b/c:x", Reference("registry.example.com", "a/b/c", "x")),
        (f"registry.example.com/a@{A}", Reference("registry.example.com", "a", "", A)),
        (f"registry.example.com:443/a:t@{A}", Reference("registry.example.com:443", "a", "t", A)),
        (f"a@{LONG}", Reference("docker.io", "library/a", "", LONG)),
        ("[::1]:5000/app", Reference("[::1]:5000", "app")),
        ("10.0.0.1/app", Reference("10.0.0.1", "app")),
    ],
)
def test_a_reference_is_read_as_the_container_runtimes_read_it(
    text: str, expected: Reference
) -> None:
    assert Reference.parse(text) == expected
    assert Reference.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " nginx",
        "Nginx",
        "nginx:",
        "nginx:a b",
        "nginx@sha256:abc",
        f"nginx@{A}0",
        f"nginx@{A.upper()}",
        "registry.example.com/",
        "registry.example.com//a",
        "registry.example.com/../a",
        "registry.example.com/a?b",
        "user@registry.example.com/a",
        "http://registry.example.com/a",
        "a_.example.com/b",
        "x" * 300,
        "nginx\n",
    ],
)
def test_what_is_no_reference_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidReference, match=r"."):
        Reference.parse(text)


@pytest.mark.parametrize(
    "image_id, digest, name",
    [
        (f"docker-pullable://nginx@{A}", A, "docker.io/library/nginx"),
        (f"docker.io/library/nginx@{A}", A, "docker.io/library/nginx"),
        (f"registry.example.com:5000/shop/cart@{A}", A, "registry.example.com:5000/shop/cart"),
        (f"registry.example.com/shop/cart@{LONG}", LONG, "registry.example.com/shop/cart"),
        (f"docker-pullable://registry.example.com/a@{A}", A, "registry.example.com/a"),
        (f"  registry.example.com/a@{A}\n", A, "registry.example.com/a"),
        (f"NOT A NAME@{A}", A, None),
    ],
)
def test_an_image_id_with_a_name_tells_the_manifest(
    image_id: str, digest: str, name: str | None
) -> None:
    found = read_image_id(image_id)
    assert found.digest == digest
    assert (found.reference and found.reference.name) == name
    assert not found.configuration


@pytest.mark.parametrize("image_id", [A, f"docker://{A}", "a" * 64, f"docker://x@{A}", LONG])
def test_an_image_id_without_a_name_is_that_of_a_configuration(image_id: str) -> None:
    assert read_image_id(image_id) == ImageId(configuration=True)


@pytest.mark.parametrize("image_id", ["", "nginx:1.29", "nginx@sha256:abc", "sha1:" + "a" * 40])
def test_any_other_image_id_tells_nothing(image_id: str) -> None:
    assert read_image_id(image_id) == ImageId()


@given(st.text(max_size=100))
def test_no_text_breaks_the_reading_of_image_ids(text: str) -> None:
    found = read_image_id(text)
    assert found.digest is None or is_digest(found.digest)


@given(st.text(alphabet="abcZ019./:-_@[]% \n", max_size=60))
def test_what_is_read_can_be_written_and_read_again(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(reference)) == reference
