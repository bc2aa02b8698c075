from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from bailiwick.evidence.config_maps import ConfigMapEvidence
from bailiwick.evidence.layout import CHUNK, LABEL
from bailiwick.evidence.store import EvidenceError
from bailiwick.policy.images.findings import Finding, HygieneFacts, ScanReport, Severity
from tests.unit.evidence.fake import CREATED, Killed, MemoryConfigMaps

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
A, B = ("sha256:" + letter * 64 for letter in "ab")
REPOSITORY = "registry.example.com/shop/cart"
OPENSSL = Finding("CVE-1", "openssl", "3.0", Severity.HIGH, "3.1", True, "pkg:deb/x", ("G-1",))


def report(digest: str = A, findings: int = 3, at: datetime = NOW, seed: int = 1) -> ScanReport:
    noise = random.Random(seed)
    return ScanReport.of(
        digest,
        at,
        [
            Finding(f"CVE-{n}", f"p{n}", "1", Severity.LOW, title=noise.randbytes(40).hex())
            for n in range(findings)
        ],
        scanner="s",
        database_built=NOW,
        hygiene=HygieneFacts(user="", shells=("/bin/sh",)),
    )


def chunks(config_maps: MemoryConfigMaps) -> list[str]:
    return [
        name
        for name, each in config_maps.objects.items()
        if each["metadata"]["labels"][LABEL] == CHUNK
    ]


async def test_a_report_comes_back_as_it_was_saved() -> None:
    config_maps = MemoryConfigMaps()
    saved = ScanReport.of(A, NOW, [OPENSSL], manifest_digest=B, hygiene=HygieneFacts(created=NOW))
    await ConfigMapEvidence(config_maps).save(saved)
    assert await ConfigMapEvidence(config_maps).load(A) == saved
    assert (await ConfigMapEvidence(config_maps).look_over()).held == {A}


async def test_a_digest_that_was_never_saved_has_no_evidence() -> None:
    assert await ConfigMapEvidence(MemoryConfigMaps()).load(A) is None


async def test_what_was_read_is_not_read_again() -> None:
    config_maps = MemoryConfigMaps()
    store = ConfigMapEvidence(config_maps)
    await store.save(report())
    before = config_maps.reads
    assert await store.load(A) == report()
    assert config_maps.reads == before
    store.forget()
    await store.load(A)
    assert config_maps.reads == before + 1


async def test_a_large_report_is_spread_and_every_object_stays_below_the_limit() -> None:
    config_maps = MemoryConfigMaps()
    large = report(findings=40_000)
    await ConfigMapEvidence(config_maps).save(large)
    assert len(chunks(config_maps)) > 1
    assert await ConfigMapEvidence(config_maps).load(A) == large


@pytest.mark.parametrize(
    "old, new", [(400, 500), (400, 1), (1, 400), (1, 2)], ids=["both", "shrinks", "grows", "small"]
)
async def test_killed_at_any_write_the_evidence_is_the_old_report_or_the_new_one(
    old: int, new: int
) -> None:
    first, second = report(findings=old, seed=1), report(findings=new, seed=2)
    for survived in range(1000):
        config_maps = MemoryConfigMaps()
        await ConfigMapEvidence(config_maps, chunk_bytes=2_000).save(first)
        config_maps.writes_left = survived
        try:
            await ConfigMapEvidence(config_maps, chunk_bytes=2_000).save(second)
        except Killed:
            config_maps.writes_left = None
        else:
            assert len(config_maps.objects) == 1 + len(chunks(config_maps))
            break
        store = ConfigMapEvidence(config_maps, chunk_bytes=2_000)
        assert await store.load(A) in (first, second)
        await store.save(second)
        await store.sweep(CREATED + DAY)
        assert await ConfigMapEvidence(config_maps).load(A) == second
        index = config_maps.objects[next(n for n in config_maps.objects if A[7:] in n)]
        assert sorted(chunks(config_maps)) == sorted(index["data"]["chunks"].split())
    else:
        pytest.fail("the second report was never written to its end")


async def test_deleting_killed_at_any_write_never_leaves_half_evidence() -> None:
    for survived in range(100):
        config_maps = MemoryConfigMaps()
        store = ConfigMapEvidence(config_maps, chunk_bytes=2_000)
        await store.save(report(findings=300))
        config_maps.writes_left = survived
        try:
            await store.delete(A)
        except Killed:
            config_maps.writes_left = None
            fresh = ConfigMapEvidence(config_maps)
            assert await fresh.load(A) in (None, report(findings=300))
            continue
        assert not config_maps.objects
        return


async def test_sweeping_leaves_chunks_alone_that_are_named_or_young() -> None:
    config_maps = MemoryConfigMaps()
    store = ConfigMapEvidence(config_maps, chunk_bytes=2_000)
    await store.save(report(findings=300))
    assert await store.sweep(CREATED + DAY) == 0
    config_maps.objects.pop(next(n for n in config_maps.objects if A[7:] in n))
    assert await store.sweep(CREATED) == 0
    assert await store.sweep(CREATED + DAY) > 0
    assert not config_maps.objects


@pytest.mark.parametrize(
    "harm",
    [
        {"binaryData": {}},
        {"binaryData": {"content": "bm8gcmVwb3J0"}},
        {"binaryData": {"content": "***"}},
        {"data": {"subject": A, "format": "9", "sha256": "0", "chunks": ""}},
        {"data": {}},
        {"data": {"format": "1", "sha256": "0", "chunks": "evidence-chunk-gone"}},
    ],
)
async def test_damaged_evidence_is_an_error_and_never_no_findings(
    harm: dict[str, dict[str, str]],
) -> None:
    config_maps = MemoryConfigMaps()
    await ConfigMapEvidence(config_maps).save(report())
    (name,) = config_maps.objects
    config_maps.objects[name].update(harm)
    with pytest.raises(EvidenceError, match=f"{A}.*{name}.*rescan") as caught:
        await ConfigMapEvidence(config_maps).load(A)
    assert caught.value.reason == "EvidenceCorrupt"


async def test_evidence_of_another_digest_under_this_name_is_an_error() -> None:
    config_maps = MemoryConfigMaps()
    await ConfigMapEvidence(config_maps).save(report(A))
    await ConfigMapEvidence(config_maps).save(report(B))
    a, b = sorted(config_maps.objects)
    config_maps.objects[a] = {**config_maps.objects[b]}
    with pytest.raises(EvidenceError, match=f"it is that of {B}"):
        await ConfigMapEvidence(config_maps).load(A)


async def test_a_rescan_mends_damaged_evidence() -> None:
    config_maps = MemoryConfigMaps()
    await ConfigMapEvidence(config_maps).save(report())
    (name,) = config_maps.objects
    config_maps.objects[name]["binaryData"] = {}
    store = ConfigMapEvidence(config_maps)
    await store.save(report(findings=1))
    assert await ConfigMapEvidence(config_maps).load(A) == report(findings=1)


async def test_first_seen_survives_a_rebuild_and_a_restart() -> None:
    config_maps = MemoryConfigMaps()
    await ConfigMapEvidence(config_maps).record_seen(REPOSITORY, [OPENSSL], NOW - 9 * DAY)
    rebuilt = Finding("CVE-1", "openssl", "3.0-2", Severity.HIGH)
    other = Finding("CVE-2", "openssl", "3.0-2", Severity.HIGH)
    store = ConfigMapEvidence(config_maps)
    seen = await store.record_seen(REPOSITORY, [rebuilt, other], NOW)
    assert seen == {("CVE-1", "openssl"): NOW - 9 * DAY, ("CVE-2", "openssl"): NOW}
    assert await ConfigMapEvidence(config_maps).first_seen(REPOSITORY) == seen
    assert await store.first_seen("registry.example.com/other") == {}


async def test_a_finding_that_was_gone_for_a_while_keeps_its_first_instant() -> None:
    store = ConfigMapEvidence(MemoryConfigMaps(), keep_seen=30 * DAY)
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    await store.record_seen(REPOSITORY, [], NOW + 20 * DAY)
    seen = await store.record_seen(REPOSITORY, [OPENSSL], NOW + 21 * DAY)
    assert seen[OPENSSL.key] == NOW
    assert await store.record_seen(REPOSITORY, [], NOW + 60 * DAY) == {}


async def test_the_same_findings_of_the_same_day_write_nothing() -> None:
    config_maps = MemoryConfigMaps()
    store = ConfigMapEvidence(config_maps)
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    before = config_maps.writes
    await store.record_seen(REPOSITORY, [OPENSSL], NOW + timedelta(hours=3))
    assert config_maps.writes == before


async def test_two_scans_of_one_repository_at_once_lose_nothing() -> None:
    store = ConfigMapEvidence(MemoryConfigMaps())
    findings = [Finding(f"CVE-{n}", "p", "1", Severity.LOW) for n in range(20)]
    await asyncio.gather(*(store.record_seen(REPOSITORY, [f], NOW) for f in findings))
    assert len(await store.first_seen(REPOSITORY)) == 20


async def test_first_seen_that_cannot_be_read_is_not_begun_anew() -> None:
    config_maps = MemoryConfigMaps()
    await ConfigMapEvidence(config_maps).record_seen(REPOSITORY, [OPENSSL], NOW)
    (name,) = config_maps.objects
    config_maps.objects[name]["binaryData"] = {"content": "AAAA"}
    store = ConfigMapEvidence(config_maps)
    with pytest.raises(EvidenceError, match=f"{name}.*Restore it"):
        await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    assert config_maps.objects[name]["binaryData"] == {"content": "AAAA"}


async def test_the_cache_is_bounded() -> None:
    config_maps = MemoryConfigMaps()
    store = ConfigMapEvidence(config_maps, cache_bytes=1)
    await store.save(report())
    before = config_maps.reads
    await store.load(A)
    assert config_maps.reads > before


async def test_what_nobody_touched_is_not_read_again() -> None:
    config_maps = MemoryConfigMaps()
    store = ConfigMapEvidence(config_maps)
    await store.save(report(findings=40_000))
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    found = await store.look_over()
    assert (found.digests, found.repositories) == (frozenset(), frozenset())


@pytest.mark.parametrize("how", ["edited", "deleted", "a part deleted"])
async def test_evidence_that_somebody_touched_is_named_and_read_again(how: str) -> None:
    config_maps = MemoryConfigMaps()
    store = ConfigMapEvidence(config_maps)
    await store.save(report(findings=40_000))
    await store.save(report(B))
    name = "evidence-" + A.replace(":", "-")
    if how == "edited":
        config_maps.edit(name, sha256="0" * 64)
    else:
        del config_maps.objects[name if how == "deleted" else chunks(config_maps)[0]]
    assert (await store.look_over()).digests == {A}
    if how == "deleted":
        assert await store.load(A) is None
    else:
        with pytest.raises(EvidenceError):
            await store.load(A)
    assert await store.load(B) == report(B)


async def test_the_age_of_findings_that_somebody_touched_is_named_by_its_repository() -> None:
    config_maps = MemoryConfigMaps()
    store = ConfigMapEvidence(config_maps)
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    (name,) = config_maps.objects
    config_maps.edit(name, sha256="0" * 64)
    assert (await store.look_over()).repositories == {REPOSITORY}
    with pytest.raises(EvidenceError):
        await store.first_seen(REPOSITORY)
