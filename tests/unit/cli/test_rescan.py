"""`bailiwick rescan`: what it says of a request, and how it ends."""

from __future__ import annotations

import pytest

from bailiwick.cli.rescan import FAILED, end, progress

COMPLETE = {"type": "Complete", "status": "False", "message": "3 of 9 images done."}
READY = {"type": "Ready", "status": "False", "message": "not this one"}


def test_how_far_a_request_is_is_what_its_condition_says() -> None:
    assert progress({"conditions": [READY, COMPLETE]}) == "3 of 9 images done."


def test_nothing_is_said_before_the_operator_has_said_something() -> None:
    assert progress({}) == ""


def test_it_ends_well_where_every_image_was_scanned(capsys: pytest.CaptureFixture[str]) -> None:
    assert end({"completed": "2026-11-24T12:00:00Z", "failed": [], "failedOmitted": 0}) == 0
    assert capsys.readouterr().out == ""


def test_each_image_that_could_not_be_scanned_is_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed = [{"image": "shop/cart", "message": "The registry cannot be reached.\x1b[31m"}]
    assert end({"failed": failed, "failedOmitted": 4}) == FAILED
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["shop/cart: The registry cannot be reached.\ufffd[31m", "and 4 more"]
