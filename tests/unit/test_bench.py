"""The benchmark's arithmetic, and that ranges.yaml speaks of every figure that it gives."""

from __future__ import annotations

import pytest

from tests.bench import fanout, images, images_database, images_operator, reach, rescans
from tests.bench.cold import ColdStart
from tests.bench.figures import Figure, judge, percentile, read_ranges, table
from tests.bench.plan import LONG, SHORT, Plan, Results, figures


def start(size: int, seconds: float = 3.0, cpu: float = 2.0) -> ColdStart:
    return ColdStart(
        size, seconds, cpu, peak_mib=100.0, writes=700, bare_seconds=2.0, bare_writes=600
    )


def measured(scale: int, from_scratch: float = 1.0) -> reach.Measured:
    return reach.Measured(
        scale,
        pods=10_000 * scale,
        policies=2_000 * scale,
        classes=1_000 * scale,
        from_scratch=from_scratch,
        edges=32_000 * scale,
        all_edges=1.0,
        changes={"pod more": [0.001, 0.002], "policy gone": [0.003]},
        memory=60.0,
    )


def known(digests: int) -> images.Measured:
    return images.Measured(
        digests,
        findings=200 * digests,
        namespaces=digests // 10,
        exceptions=digests // 3,
        stored=7_000 * digests,
        stored_seen=300 * digests,
        save=0.001 * digests,
        recall=0.001 * digests,
        held=12_000 * digests,
        judge=0.0001 * digests,
        judge_again=0.0001 * digests,
        overdue=10,
        excepted=1,
    )


def stored() -> images_operator.Measured:
    return images_operator.Measured(
        100,
        first_scans=10.0,
        etcd_evidence=700_000,
        etcd_scans=800_000,
        first_verdict=1.0,
        all_verdicts=2.0,
        known_digest=[0.1, 0.3],
    )


def results(*starts: list[ColdStart]) -> Results:
    return Results(
        starts={group[0].size: group for group in starts},
        bare_applies=[0.002],
        edits=[0.01, 0.02],
        opt_ins=[0.03],
        deletions=[0.01],
        tamperings=[0.01],
    )


@pytest.mark.parametrize("form, plan", [("short", SHORT), ("long", LONG)])
def test_each_figure_has_its_range(form: str, plan: Plan) -> None:
    of_operator = figures(results(*([start(size)] for size in plan.sizes)))
    of_engine = reach.figures(reach.Results([measured(n) for n in plan.reach_scales], 1.0))
    of_images = images.figures(known(plan.digests))
    of_images += rescans.figures(rescans.Measured(1, 1.0, 1.0, (1.0, 1.0, 1.0), 2, True))
    of_images += fanout.figures(fanout.Measured(1, 1.0, 1.0, 1.0))
    of_images += images_database.figures(images_database.Measured(1, 1, 1.0, 1.0))
    of_images += images_operator.figures(stored())
    names = [figure.name for figure in (*of_operator, *of_engine, *of_images)]
    assert sorted(names) == sorted(read_ranges(form))


def test_growth_of_the_engine_is_what_a_pod_costs_in_a_larger_cluster() -> None:
    sizes = [measured(1, 0.5), measured(2, 1.0), measured(4, 4.0)]
    found = {f.name: f.value for f in reach.figures(reach.Results(sizes, narrow=0.25))}
    assert found["reach-from-scratch"] == 0.5
    assert found["reach-growth-2"] == 1.0
    assert found["reach-growth-4"] == 2.0
    assert found["reach-wide-blocks"] == 2.0


def test_what_images_take_is_told_for_one_of_them() -> None:
    found = {f.name: f for f in images.figures(known(10_000))}
    assert found["images-stored"].value == 7.0
    assert "73 MB in all" in found["images-stored"].detail
    assert found["images-memory"].value == 12.0
    assert (found["images-judge"].value, found["images-judge"].limit) == (1.0, 1)


def test_what_is_stored_and_how_long_verdicts_take_is_told_for_one_image() -> None:
    found = {f.name: f for f in images_operator.figures(stored())}
    assert found["images-in-etcd"].value == 15.0
    assert found["images-first-scans"].value == 100.0
    assert (found["images-known-digest"].value, found["images-known-digest"].limit) == (0.3, 2)
    database = images_database.Measured(1000, 10_000_000, save=3.0, load=1.0)
    values = [figure.value for figure in images_database.figures(database)]
    assert values == [10.0, 3.0, 1.0]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([float(n) for n in range(1, 301)], 0.99) == 297.0
    assert percentile([7.0], 0.5) == 7.0


def test_a_cold_start_counts_by_the_median_of_its_ratios() -> None:
    slow, usual, fast = start(1000, 9.0), start(1000, 4.0), start(1000, 2.0)
    found = {f.name: f for f in figures(results([slow, usual, fast]))}
    assert found["cold-start-1000"].value == 2.0
    assert found["cold-start-1000"].limit == 1.5


def test_growth_compares_what_one_namespace_costs() -> None:
    starts = [start(300, 3.0, 3.0)], [start(1000, 20.0, 10.0)]
    found = {f.name: f.value for f in figures(results(*starts))}
    assert found["growth-cpu"] == pytest.approx(1.0)
    assert found["growth-time"] == pytest.approx(2.0)


def test_a_figure_outside_its_range_or_beyond_the_design_is_seen() -> None:
    judged = judge(
        [Figure("a", 1.0), Figure("b", 3.0), Figure("c", 1.0, limit=0.5), Figure("d", 1.0)],
        {"a": (0, 2), "b": (0, 2), "c": (0, 2)},
    )
    assert [each.is_within for each in judged] == [True, False, True, False]
    assert [each.keeps_limit for each in judged] == [True, True, False, True]
    shown = table(judged).splitlines()[1:]
    assert ["OUTSIDE" in line for line in shown] == [False, True, False, True]
    assert ["!" in line for line in shown] == [False, False, True, False]
