"""Harbor's REST API as a source of scans: what is asked, what is believed, and what fails."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bailiwick.policy.images.findings import ScanReport, Severity
from bailiwick.policy.images.references import Reference
from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Limits, Order, carry_out
from tests.scanners import harbor as fake
from tests.scanners.calls import LIMITS, MIB, NOW
from tests.scanners.fake import DIGEST, Flood, answer, hold, vulnerability
from tests.scanners.harbor import DONE, PLACE, SCANNERS, FakeHarbor, artifact, client_of, overview

IMAGE = Reference("harbor.example.com", "shop/team/cart", "", DIGEST)
CHILD = "sha256:" + "b2" * 32
OTHER = "sha256:" + "c3" * 32
RUNNING = answer(body=artifact(overview("Running", "r2", complete_percent=40)))
OLD = overview("Success", "r1", end_time="2026-11-20T00:00:00Z")


async def scan(
    harbor: FakeHarbor, order: Order | None = None, limits: Limits = LIMITS
) -> ScanReport:
    async with client_of(harbor, limits) as source:
        return await carry_out(source, order or Order(IMAGE))


async def failed(harbor: FakeHarbor, limits: Limits = LIMITS) -> ScanError:
    with pytest.raises(ScanError) as caught:
        await scan(harbor, limits=limits)
    return caught.value


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


# What fails, and with what words


@pytest.mark.parametrize(
    "at, status, reason, words, permanent, others_too",
    [
        ("artifact", 401, errors.UNAUTHORIZED, "refused our account", False, True),
        ("artifact", 403, errors.UNAUTHORIZED, "create scans", False, False),
        ("artifact", 404, errors.IMAGE_NOT_FOUND, "Harbor does not have harbor.ex", True, False),
        ("artifact", 429, errors.BUSY, "busy (429): it broke", False, True),
        ("artifact", 500, errors.FAILED, "answered 500", False, False),
        ("scan", 400, errors.REFUSED, "does not scan this (400): it broke", True, False),
        ("scan", 412, errors.NOT_SUITABLE, "no scanner for this project: it", False, True),
        ("scan", 422, errors.REFUSED, "does not scan this (422): it broke", True, False),
        ("scan", 503, errors.BUSY, "busy (503)", False, True),
        ("report", 404, errors.IMAGE_NOT_FOUND, "may have been deleted", True, False),
        ("report", 500, errors.FAILED, "answered 500 when asked for the report", False, False),
    ],
)
async def test_each_refusal_has_its_reason_and_words(
    at: str, status: int, reason: str, words: str, permanent: bool, others_too: bool
) -> None:
    refusal = answer(status, fake.errors("X", "it broke"))
    error = await failed(FakeHarbor(**{at: [refusal]}))  # type: ignore[arg-type]  # one of its lists
    assert error.reason == reason
    assert words in error.message
    assert (error.permanent, error.scanner_fault) == (permanent, others_too)


async def test_a_busy_harbor_says_when_to_come_back() -> None:
    error = await failed(FakeHarbor(scan=[answer(429, headers={"Retry-After": "120"})]))
    assert error.retry_after == 120


@pytest.mark.parametrize("status", ["Error", "Stopped", "Aborted\n"])
async def test_a_scan_that_ends_otherwise_is_a_failed_scan(status: str) -> None:
    ended = answer(body=artifact(overview(status, "r2")))
    error = await failed(FakeHarbor(artifact=[answer(body=artifact()), ended]))
    assert error.reason == errors.FAILED
    assert f"ended as {status.strip()}" in error.message


async def test_how_an_earlier_scan_ended_says_nothing_of_this_one() -> None:
    before = answer(body=artifact(overview("Error", "r1")))
    harbor = FakeHarbor(artifact=[before, before, RUNNING, answer(body=artifact(DONE))])
    assert (await scan(harbor)).findings


async def test_a_scan_that_never_ends_runs_out_of_time_and_says_how_far_it_was() -> None:
    harbor = FakeHarbor(artifact=[answer(body=artifact()), RUNNING])
    error = await failed(harbor, replace(LIMITS, scan_seconds=0.3))
    assert error.reason == errors.TIMED_OUT
    assert "Harbor says: Running, 40 % done." in error.message


async def test_a_harbor_that_holds_the_line_runs_out_of_time() -> None:
    error = await failed(FakeHarbor(artifact=[hold]), replace(LIMITS, scan_seconds=0.3))
    assert error.reason == errors.TIMED_OUT


@pytest.mark.parametrize("at", ["artifact", "report"])
@pytest.mark.parametrize("body", ["", "<html>login</html>", "[]", '{"digest": 5}', "[" * 100_000])
async def test_what_is_not_harbor_s_answer_is_a_failed_scan(at: str, body: str) -> None:
    error = await failed(FakeHarbor(**{at: [answer(body=body)]}))  # type: ignore[arg-type]  # likewise
    assert error.reason == errors.INVALID_ANSWER


@pytest.mark.parametrize("at", ["artifact", "report"])
async def test_an_answer_without_end_is_not_read_to_its_end(at: str) -> None:
    flood = Flood()
    harbor = FakeHarbor(**{at: [flood]})  # type: ignore[arg-type]  # likewise
    error = await failed(harbor, replace(LIMITS, answer_bytes=MIB))
    assert error.reason == errors.ANSWER_TOO_LARGE
    assert flood.sent < 20 * MIB


async def test_an_artifact_of_another_digest_is_not_used() -> None:
    error = await failed(FakeHarbor(artifact=[answer(body=artifact(DONE, OTHER))]))
    assert error.reason == errors.OTHER_DIGEST
    assert OTHER in error.message


@pytest.mark.parametrize(
    "body",
    [
        fake.report(vulnerability(artifact_digests=[OTHER])),
        fake.report(vulnerability(), artifact={"digest": OTHER}),
    ],
)
async def test_a_report_of_another_digest_is_not_used(body: fake.Json) -> None:
    assert (await failed(FakeHarbor(report=[answer(body=body)]))).reason == errors.OTHER_DIGEST


@pytest.mark.parametrize("body", [{}, {"text/html": {}}, {wire.REPORT: {}}])
async def test_a_success_without_a_report_is_no_image_without_findings(body: fake.Json) -> None:
    assert (await failed(FakeHarbor(report=[answer(body=body)]))).reason == errors.INVALID_ANSWER


async def test_an_empty_report_is_not_believed_where_the_overview_counts_more() -> None:
    counted = overview("Success", "r2", end_time="2026-11-23T10:00:01Z", summary={"total": 7})
    harbor = FakeHarbor(
        artifact=[answer(body=artifact()), answer(body=artifact(counted))],
        report=[answer(body=fake.report())],
    )
    error = await failed(harbor)
    assert error.reason == errors.INVALID_ANSWER
    assert "an empty report of a scan that found 7" in error.message


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_no_redirect_is_followed(status: int) -> None:
    elsewhere = FakeHarbor()
    async with fake.serving(elsewhere):
        location = {"Location": f"{elsewhere.url}{PLACE}"}
        error = await failed(FakeHarbor(artifact=[answer(status, headers=location)]))
    assert error.reason == errors.FAILED
    assert elsewhere.asked == []


async def test_an_image_without_a_project_is_none_of_harbor_s() -> None:
    image = Reference("harbor.example.com", "cart", "", DIGEST)
    with pytest.raises(ScanError) as caught:
        await scan(FakeHarbor(), Order(image))
    assert caught.value.reason == errors.REFUSED


async def test_after_a_failure_the_next_scan_is_as_if_there_had_been_none() -> None:
    harbor = FakeHarbor(scan=[answer(500), answer(202)])
    async with client_of(harbor) as source:
        with pytest.raises(ScanError):
            await carry_out(source, Order(IMAGE))
        harbor.artifact = [answer(body=artifact(DONE))]
        assert (await carry_out(source, Order(IMAGE))).findings
