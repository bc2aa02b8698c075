from __future__ import annotations

from datetime import timedelta

import pytest

from bailiwick.evidence.config_maps import CHUNK_BYTES, ConfigMapShelf
from bailiwick.evidence.kept import KEEP_SEEN, KeptEvidence
from bailiwick.evidence.layout import CHUNK, LABEL
from bailiwick.evidence.store import EvidenceError
from tests.unit.evidence.fake import CREATED, Killed, MemoryConfigMaps
from tests.unit.evidence.make import DAY, NOW, OPENSSL, REPOSITORY, A, B, report


def evidence(
    config_maps: MemoryConfigMaps,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    keep_seen: timedelta = KEEP_SEEN,
    cache_bytes: int = 1_000_000,
) -> KeptEvidence:
    shelf = ConfigMapShelf(config_maps, chunk_bytes=chunk_bytes)
    return KeptEvidence(shelf, keep_seen=keep_seen, cache_bytes=cache_bytes)


def chunks(config_maps: MemoryConfigMaps) -> list[str]:
    return [
        name
        for name, each in config_maps.objects.items()
        if each["metadata"]["labels"][LABEL] == CHUNK
    ]


async def test_what_was_read_is_not_read_again() -> None:
    config_maps = MemoryConfigMaps()
    store = evidence(config_maps)
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
    await evidence(config_maps).save(large)
    assert len(chunks(config_maps)) > 1
    assert await evidence(config_maps).load(A) == large


@pytest.mark.parametrize(
    "old, new", [(400, 500), (400, 1), (1, 400), (1, 2)], ids=["both", "shrinks", "grows", "small"]
)
async def test_killed_at_any_write_the_evidence_is_the_old_report_or_the_new_one(
    old: int, new: int
) -> None:
    first, second = report(findings=old, seed=1), report(findings=new, seed=2)
    for survived in range(1000):
        config_maps = MemoryConfigMaps()
        await evidence(config_maps, chunk_bytes=2_000).save(first)
        config_maps.writes_left = survived
        try:
            await evidence(config_maps, chunk_bytes=2_000).save(second)
        except Killed:
            config_maps.writes_left = None
        else:
            assert len(config_maps.objects) == 1 + len(chunks(config_maps))
            break
        store = evidence(config_maps, chunk_bytes=2_000)
        assert await store.load(A) in (first, second)
        await store.save(second)
        await store.sweep(CREATED + DAY, None)
        assert await evidence(config_maps).load(A) == second
        index = config_maps.objects[next(n for n in config_maps.objects if A[7:] in n)]
        assert sorted(chunks(config_maps)) == sorted(index["data"]["chunks"].split())
    else:
        pytest.fail("the second report was never written to its end")


async def test_deleting_killed_at_any_write_never_leaves_half_evidence() -> None:
    for survived in range(100):
        config_maps = MemoryConfigMaps()
        store = evidence(config_maps, chunk_bytes=2_000)
        await store.save(report(findings=300))
        config_maps.writes_left = survived
        try:
            await store.delete(A)
        except Killed:
            config_maps.writes_left = None
            fresh = evidence(config_maps)
            assert await fresh.load(A) in (None, report(findings=300))
            continue
        assert not config_maps.objects
        return


async def test_sweeping_leaves_chunks_alone_that_are_named_or_young() -> None:
    config_maps = MemoryConfigMaps()
    store = evidence(config_maps, chunk_bytes=2_000)
    await store.save(report(findings=300))
    assert await store.sweep(CREATED + DAY, None) == 0
    config_maps.objects.pop(next(n for n in config_maps.objects if A[7:] in n))
    assert await store.sweep(CREATED, None) == 0
    assert await store.sweep(CREATED + DAY, None) > 0
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
    await evidence(config_maps).save(report())
    (name,) = config_maps.objects
    config_maps.objects[name].update(harm)
    with pytest.raises(EvidenceError, match=f"{A}.*{name}.*rescan") as caught:
        await evidence(config_maps).load(A)
    assert caught.value.reason == "EvidenceCorrupt"


async def test_evidence_of_another_digest_under_this_name_is_an_error() -> None:
    config_maps = MemoryConfigMaps()
    await evidence(config_maps).save(report(A))
    await evidence(config_maps).save(report(B))
    a, b = sorted(config_maps.objects)
    config_maps.objects[a] = {**config_maps.objects[b]}
    with pytest.raises(EvidenceError, match=f"it is that of {B}"):
        await evidence(config_maps).load(A)


async def test_the_cache_is_bounded() -> None:
    config_maps = MemoryConfigMaps()
    store = evidence(config_maps, cache_bytes=1)
    await store.save(report())
    before = config_maps.reads
    await store.load(A)
    assert config_maps.reads > before


@pytest.mark.parametrize("how", ["edited", "deleted", "a part deleted"])
async def test_evidence_that_somebody_touched_is_named_and_read_again(how: str) -> None:
    config_maps = MemoryConfigMaps()
    store = evidence(config_maps)
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
    store = evidence(config_maps)
    await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    (name,) = config_maps.objects
    config_maps.edit(name, sha256="0" * 64)
    assert (await store.look_over()).repositories == {REPOSITORY}
    with pytest.raises(EvidenceError):
        await store.first_seen(REPOSITORY)
