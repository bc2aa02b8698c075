"""What the evidence store promises, in whatever form it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bailiwick.evidence.shelf import Key, Kind
from bailiwick.evidence.store import EvidenceError
from bailiwick.policy.images.attestations import Attestations, AttestedStatement, Ignoring
from bailiwick.policy.images.attestations import Key as SigningKey
from bailiwick.policy.images.findings import Finding, HygieneFacts, ScanReport, Severity
from bailiwick.policy.images.seen import Seen
from tests.evidence.conftest import Place
from tests.unit.evidence.fake import CREATED
from tests.unit.evidence.make import DAY, NOW, OPENSSL, REPOSITORY, A, B, report

REPORT_OF_A = Key(Kind.REPORT, A)
SEEN = Key(Kind.SEEN, REPOSITORY)
KEYS = (("CVE-1", "openssl"), ("G-1", "openssl"))
OTHER = "registry.example.com/other"
ATTESTED = Attestations(
    trusted=1,
    statements=(
        AttestedStatement(
            vulnerability="CVE-1",
            status="not_affected",
            key=SigningKey("team", "0a"),
            at=NOW,
            aliases=("G-1",),
            packages=("pkg:deb/x",),
        ),
    ),
    ignored=((Ignoring.UNSIGNED, 2),),
    problem="the registry stalled",
)


async def test_a_report_comes_back_as_it_was_saved(place: Place) -> None:
    saved = ScanReport.of(
        A,
        NOW,
        [OPENSSL],
        manifest_digest=B,
        hygiene=HygieneFacts(created=NOW),
        attestations=ATTESTED,
    )
    await (await place.store()).save(saved)
    fresh = await place.store()
    assert await fresh.load(A) == saved
    assert (await fresh.look_over()).held == {A}


async def test_a_digest_that_was_never_saved_has_no_evidence(place: Place) -> None:
    assert await (await place.store()).load(A) is None


async def test_a_report_takes_the_place_of_the_one_before(place: Place) -> None:
    store = await place.store()
    await store.save(report(seed=1))
    await store.save(report(seed=2))
    assert await (await place.store()).load(A) == report(seed=2)


async def test_a_large_report_comes_back_whole(place: Place) -> None:
    large = report(findings=40_000)
    await (await place.store()).save(large)
    assert await (await place.store()).load(A) == large


async def test_what_is_forgotten_is_gone_and_the_rest_stays(place: Place) -> None:
    store = await place.store()
    await store.save(report(A))
    await store.save(report(B))
    await store.delete(A)
    await store.delete(A)
    fresh = await place.store()
    assert await fresh.load(A) is None
    assert await fresh.load(B) == report(B)


@pytest.mark.parametrize("harm", ["content", "format"])
async def test_damaged_evidence_is_an_error_and_never_no_findings(place: Place, harm: str) -> None:
    await (await place.store()).save(report())
    await place.spoil(REPORT_OF_A, how=harm)
    store = await place.store()
    with pytest.raises(EvidenceError, match=f"{A}.*cannot be used.*rescan") as caught:
        await store.load(A)
    assert caught.value.reason == "EvidenceCorrupt"
    await store.save(report(findings=1))
    assert await (await place.store()).load(A) == report(findings=1)


async def test_evidence_of_another_digest_is_an_error(place: Place) -> None:
    await (await place.store()).save(report(B))
    shelf = await place.shelf()
    found = await shelf.get(Key(Kind.REPORT, B))
    assert found is not None
    await shelf.put(REPORT_OF_A, found.content)
    with pytest.raises(EvidenceError, match=f"it is that of {B}"):
        await (await place.store()).load(A)


async def test_first_seen_survives_a_rebuild_and_a_restart(place: Place) -> None:
    await (await place.store()).record_seen(REPOSITORY, [OPENSSL], NOW - 9 * DAY)
    rebuilt = Finding("CVE-1", "openssl", "3.0-2", Severity.HIGH)
    other = Finding("CVE-2", "openssl", "3.0-2", Severity.HIGH)
    store = await place.store()
    seen = await store.record_seen(REPOSITORY, [rebuilt, other], NOW)
    assert seen == {
        ("CVE-1", "openssl"): Seen(NOW - 9 * DAY),
        ("G-1", "openssl"): Seen(NOW - 9 * DAY),
        ("CVE-2", "openssl"): Seen(NOW),
    }
    assert await (await place.store()).first_seen(REPOSITORY) == seen
    assert await store.first_seen(OTHER) == {}


async def test_first_seen_outlives_the_reports(place: Place) -> None:
    store = await place.store()
    await store.save(report())
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    await store.delete(A)
    assert await (await place.store()).first_seen(REPOSITORY) == dict.fromkeys(KEYS, Seen(NOW))


async def test_two_scans_of_one_repository_at_once_lose_nothing(place: Place) -> None:
    store = await place.store()
    findings = [Finding(f"CVE-{n}", "p", "1", Severity.LOW) for n in range(20)]
    await asyncio.gather(*(store.record_seen(REPOSITORY, [f], NOW) for f in findings))
    assert len(await (await place.store()).first_seen(REPOSITORY)) == 20


@pytest.mark.parametrize("harm", ["content", "format"])
async def test_first_seen_that_cannot_be_read_is_not_begun_anew(place: Place, harm: str) -> None:
    await (await place.store()).record_seen(REPOSITORY, [OPENSSL], NOW)
    await place.spoil(SEEN, how=harm)
    store = await place.store()
    for _ in range(2):
        with pytest.raises(EvidenceError, match=r"Restore it from a backup"):
            await store.record_seen(REPOSITORY, [OPENSSL], NOW + DAY)


async def test_what_nobody_touched_is_not_named(place: Place) -> None:
    store = await place.store()
    await store.save(report(findings=40_000))
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    found = await store.look_over()
    assert (found.digests, found.repositories) == (frozenset(), frozenset())


@pytest.mark.parametrize("harm", ["content", "gone"])
async def test_what_somebody_touched_is_named_and_read_again(place: Place, harm: str) -> None:
    store = await place.store()
    await store.save(report(A))
    await store.save(report(B))
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    await place.spoil(REPORT_OF_A, how=harm)
    await place.spoil(SEEN, how=harm)
    found = await store.look_over()
    assert (set(found.digests), set(found.repositories)) == ({A}, {REPOSITORY})
    if harm == "gone":
        assert await store.load(A) is None
        assert await store.first_seen(REPOSITORY) == {}
    else:
        with pytest.raises(EvidenceError):
            await store.load(A)
    assert await store.load(B) == report(B)


async def test_what_was_seen_in_a_repository_long_ago_is_dropped_unless_images_run(
    place: Place,
) -> None:
    store = await place.store(keep_seen=30 * DAY)
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    await store.record_seen(OTHER, [OPENSSL], NOW + 20 * DAY)
    assert await store.sweep(NOW + 29 * DAY, frozenset()) == 0
    assert await store.sweep(NOW + 31 * DAY, {REPOSITORY}) == 0
    assert await store.sweep(NOW + 31 * DAY, None) == 0, "it is not known what runs"
    assert await store.sweep(NOW + 31 * DAY, frozenset()) == 1
    fresh = await place.store()
    assert await fresh.first_seen(REPOSITORY) == {}
    assert await fresh.first_seen(OTHER) == dict.fromkeys(KEYS, Seen(NOW + 20 * DAY))


async def test_all_keys_are_told(place: Place) -> None:
    store = await place.store()
    await store.save(report(A))
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    assert await (await place.shelf()).keys() == {REPORT_OF_A, SEEN}


async def test_the_same_findings_of_the_same_day_write_nothing(place: Place) -> None:
    store = await place.store()
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    before = await (await place.shelf()).inventory()
    await store.record_seen(REPOSITORY, [OPENSSL], NOW + timedelta(hours=3))
    assert await (await place.shelf()).inventory() == before


async def test_sweeping_what_is_whole_removes_nothing(place: Place) -> None:
    store = await place.store()
    await store.save(report(findings=40_000))
    assert await store.sweep(CREATED + DAY, None) == 0
    assert await (await place.store()).load(A) == report(findings=40_000)
