"""Harbor's REST API as a source of scans: what is asked, what is believed, and what fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bailiwick.policy.images.findings import Severity
from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Order, carry_out
from tests.scanners import harbor as fake
from tests.scanners.calls import NOW
from tests.scanners.fake import DIGEST, answer, vulnerability
from tests.scanners.harbor import (
    DONE,
    IMAGE,
    PLACE,
    SCANNERS,
    FakeHarbor,
    artifact,
    client_of,
    overview,
    scan,
)

CHILD = "sha256:" + "b2" * 32
OTHER = "sha256:" + "c3" * 32
RUNNING = answer(body=artifact(overview("Running", "r2", complete_percent=40)))
OLD = overview("Success", "r1", end_time="2026-11-20T00:00:00Z")


# As the documentation has it


async def test_a_scan_is_triggered_waited_for_and_read() -> None:
    harbor = FakeHarbor(
        artifact=[answer(body=artifact()), RUNNING, RUNNING, answer(body=artifact(DONE))]
    )
    found = await scan(harbor)
    (finding,) = found.findings
    assert (finding.id, finding.severity) == ("CVE-2026-0001", Severity.HIGH)
    assert (found.scanner, found.scanner_version) == ("Trivy", "v0.60.0")
    assert (found.digest, found.manifest_digest, found.scanned_at) == (DIGEST, DIGEST, NOW)
    assert harbor.asked == [
        ("GET", PLACE),
        ("POST", f"{PLACE}/scan"),
        *[("GET", PLACE)] * 3,
        ("GET", f"{PLACE}/additions/vulnerabilities"),
    ]
    assert json.loads(harbor.bodies[1]) == {"scan_type": "vulnerability"}


async def test_slashes_in_a_repository_s_name_are_encoded_twice() -> None:
    harbor = FakeHarbor()
    await scan(harbor)
    assert "/repositories/team%252Fcart/artifacts/" in harbor.asked[0][1]


async def test_what_harbor_scanned_already_is_taken_up_and_counts_from_then() -> None:
    body = fake.report(vulnerability(), generated_at="2026-11-20T00:00:00Z")
    harbor = FakeHarbor(artifact=[answer(body=artifact(OLD))], report=[answer(body=body)])
    found = await scan(harbor)
    assert found.scanned_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert harbor.count("POST") == 0


async def test_a_rescan_is_triggered_and_the_old_result_is_not_taken_for_the_new_one() -> None:
    old, new = answer(body=artifact(OLD)), answer(body=artifact(DONE))
    harbor = FakeHarbor(artifact=[old, old, RUNNING, new])
    found = await scan(harbor, Order(IMAGE, newer_than=datetime(2026, 11, 22, tzinfo=UTC)))
    assert harbor.count("POST", "/scan") == 1
    assert harbor.count("GET", DIGEST) == 4
    assert found.scanned_at == NOW


async def test_a_conflict_is_a_scan_that_runs_and_is_waited_for() -> None:
    conflict = answer(409, fake.errors("CONFLICT", "a previous scan process is running"))
    harbor = FakeHarbor(scan=[conflict])
    assert (await scan(harbor)).findings


async def test_a_scan_that_runs_already_is_not_triggered_again_and_counts_from_its_beginning() -> (
    None
):
    began = NOW - timedelta(minutes=2)
    told = overview("Success", "r2", start_time=began.isoformat(), end_time=NOW.isoformat())
    harbor = FakeHarbor(artifact=[RUNNING, RUNNING, answer(body=artifact(told))])
    found = await scan(harbor)
    assert harbor.count("POST") == 0
    assert found.scanned_at == began


async def test_of_an_index_the_image_of_the_platform_is_scanned() -> None:
    def child(digest: str, architecture: str) -> fake.Json:
        return {
            "child_digest": digest,
            "platform": {"architecture": architecture, "os": "linux"},
        }

    index = artifact(references=[child(OTHER, "amd64"), child(CHILD, "arm64")])
    attested = artifact(references=[child(CHILD, "arm64"), child(OTHER, "unknown")])
    for parent, architecture in ((index, "arm64"), (attested, "")):
        mine = answer(body=artifact(DONE, CHILD))
        harbor = FakeHarbor(artifact=[answer(body=parent), mine])
        found = await scan(harbor, Order(IMAGE, architecture=architecture))
        assert (found.digest, found.manifest_digest) == (DIGEST, CHILD)
        assert harbor.asked[1][1].endswith(CHILD)
    harbor = FakeHarbor(artifact=[answer(body=index)])
    with pytest.raises(ScanError) as caught:
        await scan(harbor, Order(IMAGE, architecture="s390x"))
    assert caught.value.reason == errors.NO_SUCH_PLATFORM


async def test_an_older_harbor_s_type_of_report_is_read_too() -> None:
    told = {wire.OLDER_REPORT: DONE[wire.REPORT]}
    body = fake.report(vulnerability(), mime_type=wire.OLDER_REPORT)
    harbor = FakeHarbor(
        artifact=[answer(body=artifact()), answer(body=artifact(told))], report=[answer(body=body)]
    )
    assert (await scan(harbor)).findings


async def test_an_image_without_vulnerabilities_has_a_report_without_a_list() -> None:
    assert (await scan(FakeHarbor(report=[answer(body=fake.report())]))).findings == ()


# How old its database is


async def test_the_age_of_the_database_is_that_of_the_default_scanner() -> None:
    told = {
        "scanner": {"name": "Trivy", "version": "v0.60.0"},
        "capabilities": [],
        "properties": {wire.DATABASE_UPDATED_AT: "2026-11-22T00:00:00Z"},
    }
    harbor = FakeHarbor(scanners=[answer(body=SCANNERS)], metadata=[answer(body=told)])
    async with client_of(harbor) as source:
        known = await source.capabilities()
        assert (known.scanner, known.database_built) == (
            "Trivy",
            datetime(2026, 11, 22, tzinfo=UTC),
        )
        fresh = await carry_out(source, Order(IMAGE, newer_than=NOW - timedelta(hours=1)))
        assert fresh.database_built == known.database_built
        harbor.artifact = [answer(body=artifact(OLD))]
        # With which database a result was made that was there already is not known.
        assert (await carry_out(source, Order(IMAGE))).database_built is None


async def test_where_the_robot_may_not_ask_for_that_it_is_not_known_and_no_failure() -> None:
    async with client_of(FakeHarbor(scanners=[answer(403)])) as source:
        assert (await source.capabilities()).database_built is None
    async with client_of(FakeHarbor(scanners=[answer(body=SCANNERS)])) as source:
        known = await source.capabilities()
    assert (known.scanner, known.database_built) == ("Trivy", None)


async def test_an_account_that_is_not_known_makes_harbor_unusable_until_it_is() -> None:
    harbor = FakeHarbor()
    async with client_of(harbor, account="robot$gone:old") as source:
        for ask in (source.capabilities(), source.start(Order(IMAGE))):
            with pytest.raises(ScanError) as caught:
                await ask
            assert caught.value.reason == errors.UNAUTHORIZED
            assert "Name a robot account in basicFile" in caught.value.message
            assert caught.value.scanner_fault
    async with client_of(harbor) as source:
        assert (await source.capabilities()).scanner == "Harbor"
