"""Harbor that says no, or answers with what cannot be believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bailiwick.policy.images.references import Reference
from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Limits, Order, carry_out
from tests.scanners import harbor as fake
from tests.scanners.calls import LIMITS, MIB
from tests.scanners.fake import DIGEST, Flood, answer, hold, vulnerability
from tests.scanners.harbor import (
    DONE,
    IMAGE,
    PLACE,
    FakeHarbor,
    artifact,
    client_of,
    overview,
    scan,
)

OTHER = "sha256:" + "c3" * 32
RUNNING = answer(body=artifact(overview("Running", "r2", complete_percent=40)))


async def failed(harbor: FakeHarbor, limits: Limits = LIMITS) -> ScanError:
    with pytest.raises(ScanError) as caught:
        await scan(harbor, limits=limits)
    return caught.value


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
