"""What is known of images through failures, damage and restarts, and when it is removed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bailiwick.kube.errors import Forbidden, ServerError
from bailiwick.policy.effective import ImageTerms
from bailiwick.policy.images.seen import Seen
from bailiwick.policy.images.state import Verdict
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from tests.unit.engine.doubles import FINDING, START
from tests.unit.engine.imaging import CART, A, Bench, verdicts

DOWN = ScanError(errors.UNREACHABLE, "The scanner cannot be reached.", scanner_fault=True)
GONE = ScanError("ImageNotFound", "The registry does not have it.", permanent=True)
FAILED = ScanError("RegistryUnreachable", "The registry cannot be reached.")
IMAGE = f"{CART}@{A}"


# Evidence


async def test_a_digest_in_two_repositories_has_its_deadlines_in_both() -> None:
    bench = Bench()
    terms = ImageTerms(
        registries=("registry.example.com",),
        remediate_within={"high": timedelta(days=1)},
        rescan_every=timedelta(hours=1),
    )
    bench.declare(terms=terms)
    await bench.scanned(IMAGE, f"registry.example.com/mirror/cart@{A}")
    assert len(bench.config_maps("first-seen")) == 2
    for _ in range(26):
        facts = await bench.after(hours=1)
    assert verdicts(facts) == [Verdict.VIOLATING] * 2
    assert [fact.state.worst[0].seen.first for fact in facts if fact.state] == [START] * 2


async def test_findings_are_known_in_a_repository_since_the_last_scan_where_it_is_new() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    bench.clock.advance(days=3)
    bench.run(f"registry.example.com/mirror/cart@{A}", pod="mirror")
    await bench.settled()
    known = bench.imaging.images.known(A, "registry.example.com/mirror/cart")
    assert known.first_seen == {FINDING.key: Seen(START)}
    assert len(bench.config_maps("first-seen")) == 2


async def test_a_result_that_cannot_be_kept_is_kept_later_without_another_scan() -> None:
    bench = Bench()
    bench.client.fault = lambda verb, name: (
        ServerError(500, "InternalError", "etcd is full")
        if verb == "apply" and name.startswith("evidence-")
        else None
    )
    facts = await bench.scanned(IMAGE)
    assert facts[0].evidence_error == "The findings cannot be kept: etcd is full"
    bench.client.fault = lambda _verb, _name: None
    await bench.after(seconds=1)
    facts = await bench.settled()
    assert verdicts(facts) == [Verdict.CLEAN]
    assert facts[0].evidence_error == ""
    assert len(bench.adapter.asked) == 1
    assert len(bench.config_maps("report")) == 1


async def test_evidence_that_may_not_be_read_is_an_error_and_read_when_it_may_be() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    bench.start()
    bench.client.fault = lambda verb, name: (
        Forbidden(403, "Forbidden", "configmaps is forbidden")
        if verb == "get" and name.startswith("evidence-")
        else None
    )
    facts = await bench.scanned(IMAGE)
    assert "configmaps is forbidden" in facts[0].evidence_error
    bench.client.fault = lambda _verb, _name: None
    await bench.after(seconds=1)
    facts = await bench.settled()
    assert (facts[0].evidence_error, verdicts(facts)) == ("", [Verdict.CLEAN])
    assert len(bench.adapter.asked) == 1


async def test_damaged_first_instants_are_told_and_read_again_without_scans() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    (name,) = bench.config_maps("first-seen")
    right = bench.client.objects["configmaps", name]
    wrong = {**right, "data": {**right["data"], "sha256": "0" * 64}}
    bench.client.objects["configmaps", name] = wrong
    bench.start()
    facts = await bench.scanned(IMAGE)
    assert "Restore it from a backup" in facts[0].evidence_error
    for _ in range(5):
        await bench.after(minutes=1)
    assert len(bench.adapter.asked) == 1
    bench.client.objects["configmaps", name] = right
    facts = await bench.after(minutes=1)
    assert facts[0].evidence_error == ""
    assert verdicts(facts) == [Verdict.CLEAN]


async def test_evidence_that_somebody_removed_is_noticed_and_made_anew() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    (name,) = bench.config_maps("report")
    del bench.client.objects["configmaps", name]
    bench.adapter.failing = FAILED
    bench.clock.advance(minutes=1)
    await bench.imaging.resync()
    facts = await bench.settled()
    assert "no longer in the evidence store" in facts[0].evidence_error
    assert facts[0].state is not None
    assert facts[0].state.counts is None
    bench.adapter.failing = None
    await bench.after(minutes=1)
    facts = await bench.settled()
    assert facts[0].evidence_error == ""
    assert bench.config_maps("report") == [name]
    assert FINDING.key in bench.imaging.images.known(A, CART).first_seen


async def test_an_image_is_scanned_also_where_its_image_scan_cannot_be_written() -> None:
    bench = Bench()
    bench.client.fault = lambda verb, name: (
        Forbidden(403, "Forbidden", "imagescans is forbidden")
        if verb == "apply" and name.startswith("sha256-")
        else None
    )
    facts = await bench.scanned(IMAGE)
    assert verdicts(facts) == [Verdict.CLEAN]
    assert not bench.has_scan(A)
    bench.client.fault = lambda _verb, _name: None
    await bench.after(seconds=1)
    assert bench.status(A)["phase"] == "Scanned"


# The end of an image


async def test_what_nobody_runs_is_removed_after_the_grace_time() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    bench.stop_pod()
    await bench.settled()
    await bench.after(minutes=59)
    assert bench.has_scan(A)
    await bench.after(minutes=1)
    assert not bench.has_scan(A)
    assert bench.config_maps("report") == []
    assert len(bench.config_maps("first-seen")) == 1, "a rebuild keeps its deadlines"


async def test_an_image_that_runs_again_within_the_grace_time_is_kept() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    bench.stop_pod()
    await bench.settled()
    await bench.after(minutes=59)
    bench.run(IMAGE)
    await bench.settled()
    bench.stop_pod()
    await bench.settled()
    await bench.after(minutes=59)
    assert bench.has_scan(A), "the time begins anew"
    assert len(bench.adapter.asked) == 1


@pytest.mark.parametrize("why", ["pods unreadable", "not looked at yet", "no profile"])
async def test_nothing_is_removed_while_it_is_not_known_what_runs(why: str) -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    bench.start()
    bench.declare()
    bench.run(IMAGE)
    if why == "pods unreadable":
        bench.unreadable["pods"] = "forbidden"
    elif why == "no profile":
        bench.imaging.inventory.hold("shop", bench.world.pods("shop"))
    await bench.imaging.resync()
    for _ in range(5):
        bench.clock.advance(hours=1)
        await bench.work()
        await bench.imaging.resync()
        await bench.work()
    assert bench.has_scan(A)
    assert bench.config_maps("report")
    bench.unreadable.clear()
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]
    assert len(bench.adapter.asked) == 1


async def test_a_namespace_that_is_gone_no_longer_holds_what_it_ran() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    bench.start()
    bench.declare()
    bench.run(IMAGE)
    bench.imaging.inventory.hold("shop", bench.world.pods("shop"))
    del bench.intents["shop"]
    bench.imaging.inventory.forget("shop")
    await bench.work()
    bench.clock.advance(hours=1)
    await bench.work()
    assert not bench.has_scan(A)
