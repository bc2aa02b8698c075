"""What the scanner keeps of images: bounded, and the longest unused gives way first."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bailiwick.scanners.service.cache import Cache

LIMIT = 100_000
KILOBYTE = 1000


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", LIMIT)


def noise(path: Path, size: int) -> Path:
    """A file that cannot be compressed."""
    path.write_bytes(random.Random(size).randbytes(size))
    return path


def keep(cache: Cache, key: str, folder: Path, size: int = 40 * KILOBYTE) -> bool:
    return cache.put(key, {"a.json": noise(folder / key, size)})


def test_what_was_put_is_taken_again(cache: Cache, tmp_path: Path) -> None:
    file = noise(tmp_path / "file", KILOBYTE)
    assert cache.put("one", {"a.json": file, "b.json": file})
    assert cache.take("one", "a.json", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == cache.read("one", "b.json") == file.read_bytes()


def test_what_is_not_there_is_not_taken(cache: Cache, tmp_path: Path) -> None:
    assert not cache.take("one", "a.json", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert cache.read("one", "a.json") is None
    keep(cache, "one", tmp_path)
    assert cache.read("one", "b.json") is None


def test_the_longest_unused_gives_way(cache: Cache, tmp_path: Path) -> None:
    keep(cache, "one", tmp_path)
    keep(cache, "two", tmp_path)
    assert cache.read("one", "a.json") is not None
    keep(cache, "three", tmp_path)
    assert cache.read("two", "a.json") is None
    assert cache.read("one", "a.json") is not None
    assert cache.read("three", "a.json") is not None
    assert cache.size <= LIMIT
    kept = sum(file.stat().st_size for file in (tmp_path / "cache").rglob("*.json"))
    assert kept == cache.size


def test_what_exceeds_all_room_is_not_kept_and_nothing_gives_way_for_it(
    cache: Cache, tmp_path: Path
) -> None:
    keep(cache, "one", tmp_path)
    assert not keep(cache, "giant", tmp_path, LIMIT + KILOBYTE)
    assert cache.read("one", "a.json") is not None
    assert [each.name for each in (tmp_path / "cache").iterdir()] == ["one"]


def test_the_same_image_is_kept_once(cache: Cache, tmp_path: Path) -> None:
    keep(cache, "one", tmp_path)
    keep(cache, "one", tmp_path)
    assert cache.size < 50 * KILOBYTE


def test_a_damaged_file_is_as_good_as_none(cache: Cache, tmp_path: Path) -> None:
    keep(cache, "one", tmp_path)
    file = tmp_path / "cache" / "one" / "a.json"
    file.write_bytes(file.read_bytes()[:-100])
    assert not cache.take("one", "a.json", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert cache.read("one", "a.json") is None


def test_an_index_is_another_image_on_each_platform() -> None:
    digest = "sha256:" + "a" * 64
    assert Cache.key(digest, "linux/amd64") != Cache.key(digest, "linux/arm64")
    assert Cache.key(digest, "../../etc").isalnum()
