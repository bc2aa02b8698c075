from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from bailiwick.engine.images.feeds import Feeds
from bailiwick.engine.images.knowledge import Images
from bailiwick.engine.options import FeedOptions
from bailiwick.evidence.config_maps import ConfigMapShelf
from bailiwick.evidence.kept import KeptEvidence
from bailiwick.policy.images.findings import Finding, ScanReport, Severity
from tests.unit.evidence.fake import MemoryConfigMaps

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
FINDING = Finding("CVE-2021-44228", "log4j", "2.14", Severity.HIGH)


@dataclass
class Scene:
    """A list in a file, and an image that has one finding."""

    file: Path
    now: datetime = NOW
    looked_again: list[str] = field(default_factory=list)
    looked_everywhere: int = 0

    def __post_init__(self) -> None:
        self.images = Images(KeptEvidence(ConfigMapShelf(MemoryConfigMaps())))
        self.images.knowledge(DIGEST).report = ScanReport.of(DIGEST, NOW, [FINDING])
        self.feeds = Feeds(
            FeedOptions(known_exploited=str(self.file), max_age=timedelta(days=14)),
            self.images,
            look_again=self.looked_again.append,
            look_everywhere=self._everywhere,
            clock=lambda: self.now,
        )

    def _everywhere(self) -> None:
        self.looked_everywhere += 1

    def write(self, *cves: str, released: datetime = NOW) -> None:
        entries = [{"cveID": cve, "dateAdded": "2026-01-01"} for cve in cves]
        content = {"dateReleased": released.isoformat(), "vulnerabilities": entries}
        self.file.write_text(json.dumps(content))

    async def read(self) -> None:
        async with aiohttp.ClientSession() as http:
            await self.feeds.read(http)

    @property
    def exploited(self) -> bool | None:
        report = self.images.known(DIGEST, "shop/cart").report
        assert report is not None
        return report.findings[0].known_exploited


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "known.json")


async def test_a_list_tells_of_images_that_were_scanned_before_it_came(scene: Scene) -> None:
    scene.write("CVE-2021-44228")
    await scene.read()
    assert scene.exploited
    assert scene.looked_again == [DIGEST]
    assert scene.feeds.problems() == ()


async def test_a_list_that_did_not_change_has_nobody_look_again(scene: Scene) -> None:
    scene.write("CVE-2021-44228")
    await scene.read()
    await scene.read()
    assert scene.looked_again == [DIGEST]
    assert scene.looked_everywhere == 0


async def test_a_list_that_was_never_read_is_no_fresh_evidence(scene: Scene) -> None:
    await scene.read()
    (problem,) = scene.feeds.problems()
    assert "known exploited" in problem
    assert "No such file" in problem
    assert scene.exploited is None


async def test_a_list_that_breaks_leaves_what_was_read_until_that_is_too_old(
    scene: Scene,
) -> None:
    scene.write("CVE-2021-44228")
    await scene.read()
    scene.file.write_text("<html>404</html>")
    await scene.read()
    assert scene.exploited
    assert scene.feeds.problems() == ()
    scene.now += timedelta(days=14)
    await scene.read()
    (problem,) = scene.feeds.problems()
    assert "older than --list-max-age" in problem
    assert "not a catalogue" in problem
    assert scene.exploited


async def test_namespaces_are_told_when_a_list_becomes_too_old_and_when_it_is_renewed(
    scene: Scene,
) -> None:
    scene.write("CVE-2021-44228", released=NOW)
    await scene.read()
    scene.now += timedelta(days=14)
    await scene.read()
    assert scene.feeds.problems()
    assert scene.looked_everywhere == 1
    scene.write("CVE-2021-44228", released=scene.now)
    await scene.read()
    assert scene.feeds.problems() == ()
    assert scene.looked_everywhere == 2


def test_without_lists_nothing_is_missing() -> None:
    images = Images(KeptEvidence(ConfigMapShelf(MemoryConfigMaps())))
    feeds = Feeds(
        FeedOptions(),
        images,
        look_again=lambda _: None,
        look_everywhere=lambda: None,
        clock=lambda: NOW,
    )
    assert feeds.problems() == ()
    assert not feeds.wanted
