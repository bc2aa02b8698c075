from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bailiwick.policy.images.inventory import RunningImage
from bailiwick.policy.images.references import Reference
from bailiwick.policy.images.requests import Rescan

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
NAME = "docker.io/library/nginx"
IMAGE = RunningImage(
    A, Reference("docker.io", "library/nginx", "", A), ("nginx:1.27",), (), indexes=(B,)
)


@pytest.mark.parametrize(
    "name, covered",
    [
        ("nginx:1.27", True),
        ("docker.io/library/nginx:1.27", True),
        (NAME, True),
        (f"{NAME}@{A}", True),
        (f"nginx@{A}", True),
        (A, True),
        (B, True),
        (f"{NAME}@{B}", True),
        (C, False),
        ("nginx:1.26", False),
        ("registry.example.com/nginx:1.27", False),
        ("not an image!", False),
    ],
)
def test_an_image_is_named_by_digest_repository_or_as_a_workload_names_it(
    name: str, covered: bool
) -> None:
    assert Rescan(datetime(2026, 11, 24, tzinfo=UTC), (name,)).covers(IMAGE) is covered


def test_a_request_that_names_nothing_covers_everything() -> None:
    assert Rescan(datetime(2026, 11, 24, tzinfo=UTC)).covers(IMAGE)
