"""Which tag is a newer version of another."""

from __future__ import annotations

import pytest

from bailiwick.policy.images.versions import newer_version


@pytest.mark.parametrize(
    "tag, tags, newer",
    [
        ("1.2.3", ["1.2.3", "1.2.10", "1.2.9"], "1.2.10"),
        ("1.25", ["1.27", "1.27.1"], "1.27"),
        ("v1.2.3", ["1.9.9", "v1.3.0"], "v1.3.0"),
        ("1.25-alpine", ["1.27", "1.26-alpine", "1.27-rc1-alpine"], "1.26-alpine"),
        ("1.2.3", ["2.0.0-rc1", "1.2.4-debug"], ""),
        ("1.2.3", ["1.2.3", "1.0.0"], ""),
        ("latest", ["1.0.0"], ""),
        ("20240101", ["20250101"], ""),
        ("1.2.3", ["1." + "9" * 30 + ".0", "x", ""], ""),
    ],
)
def test_only_tags_of_the_same_form_are_newer(tag: str, tags: list[str], newer: str) -> None:
    assert newer_version(tag, tags) == newer
