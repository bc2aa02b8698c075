"""Who can reach whom as one object: small enough, equal for equal edges, and read back whole."""

from __future__ import annotations

import pytest

from bailiwick.api.reach import REACH_DATA_LIMIT
from bailiwick.policy.findings.effective import EdgeRow
from bailiwick.reports.reach import Damaged, reach_spec, read_spec


def rows(count: int) -> list[EdgeRow]:
    return [
        EdgeRow(f"web-{n * 7919}", f"api-{n}", f"{n}, 53/UDP", "open", ("r",)) for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 500])
def test_what_is_written_is_read_as_it_was(count: int) -> None:
    spec = reach_spec(rows(count))
    assert (spec["edges"], spec["edgesOmitted"]) == (count, 0)
    assert read_spec(spec) == rows(count)
    assert reach_spec(rows(count)) == spec


def test_what_is_too_much_is_left_out_and_counted() -> None:
    spec = reach_spec(rows(500), limit=1000)
    assert len(spec["data"]) <= 1000
    assert spec["edges"] + spec["edgesOmitted"] == 500
    assert read_spec(spec) == rows(500)[: spec["edges"]]
    assert spec["edges"] > 20


def test_of_far_too_many_edges_as_many_are_kept_as_fit() -> None:
    spec = reach_spec(rows(50_000))
    assert REACH_DATA_LIMIT * 0.7 < len(spec["data"]) <= REACH_DATA_LIMIT
    assert spec["edges"] + spec["edgesOmitted"] == 50_000
    assert read_spec(spec) == rows(50_000)[: spec["edges"]]


def test_another_number_of_edges_is_another_digest_though_the_same_are_shown() -> None:
    first, second = (reach_spec(rows(count), limit=60) for count in (500, 501))
    assert first["edges"] == second["edges"] == 0
    assert first["digest"] != second["digest"]


def test_the_limit_is_far_below_what_the_api_server_stores() -> None:
    assert REACH_DATA_LIMIT < 1_000_000


@pytest.mark.parametrize(
    "spec",
    [{}, {"data": "?"}, {"data": "aGVsbG8="}, {"data": reach_spec([])["data"][:-8]}, {"data": 1}],
)
def test_what_is_damaged_is_told(spec: dict[str, object]) -> None:
    with pytest.raises(Damaged, match="it cannot be read"):
        read_spec(spec)
