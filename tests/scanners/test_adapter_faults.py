"""Our client, against a scanner that does not answer, or with what cannot be believed."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from bailiwick.policy.images.findings import Cvss, Severity
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Order, carry_out
from tests.images.registry import free_port
from tests.scanners.calls import IMAGE, LIMITS, MIB, NOW, adapter_at, client_of, failed_scan, scan
from tests.scanners.fake import (
    DIGEST,
    FakeScanner,
    Flood,
    answer,
    hold,
    metadata,
    report,
    serving,
    vulnerability,
)

# A scanner that does not answer


async def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}/api/v1"
    async with aiohttp.ClientSession() as http:
        with pytest.raises(ScanError) as caught:
            await carry_out(adapter_at(http, url), Order(IMAGE))
    assert caught.value.reason == errors.UNREACHABLE
    assert url in caught.value.message
    assert "Check that it runs" in caught.value.message
    assert caught.value.scanner_fault


async def test_a_scanner_that_does_not_answer_in_time() -> None:
    error = await failed_scan(FakeScanner(scan=[hold]), replace(LIMITS, request_seconds=0.2))
    assert error.reason == errors.UNREACHABLE
    assert "did not answer within" in error.message


async def test_a_scanner_that_sends_byte_by_byte_is_not_waited_for() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    error = await failed_scan(FakeScanner(scan=[drip]), replace(LIMITS, request_seconds=0.3))
    assert error.reason == errors.UNREACHABLE


async def test_a_connection_that_breaks_in_the_middle_of_a_report() -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"vulnerabilities": [')
        assert request.transport is not None
        request.transport.abort()
        return response

    error = await failed_scan(FakeScanner(report=[breaks]))
    assert error.reason == errors.UNREACHABLE


# A scanner whose answer cannot be believed


@pytest.mark.parametrize(
    "body",
    [
        "",
        "scanning…",
        "{",
        "[]",
        '{"vulnerabilities": "none"}',
        '{"vulnerabilities": [{"package": "openssl"}]}',
        '{"vulnerabilities": null}',
        "{}",
        "[" * 100_000,
        '{"generated_at": 9999, "vulnerabilities": []}',
    ],
)
async def test_what_is_not_a_report_is_a_failed_scan(body: str) -> None:
    error = await failed_scan(FakeScanner(report=[answer(body=body)]))
    assert error.reason == errors.INVALID_ANSWER
    assert "The scanner sent" in error.message


@pytest.mark.parametrize("body", ["", "ok", "{}", '{"id": ""}', '{"id": 5}'])
async def test_a_scan_without_an_id_cannot_be_waited_for(body: str) -> None:
    error = await failed_scan(FakeScanner(scan=[answer(202, body)]))
    assert error.reason == errors.INVALID_ANSWER


async def test_an_id_cannot_lead_to_another_path() -> None:
    scanner = FakeScanner(scan=[answer(202, {"id": "../../metadata?x="})])
    await scan(scanner)
    assert scanner.asked[2][1] == "/scan/../../metadata?x=/report"
    assert scanner.count("/metadata") == 2, "once for itself, once inside of the id"


@pytest.mark.parametrize("digest", ["", "sha256:" + "c3" * 32])
async def test_a_report_for_another_digest_is_not_used(digest: str) -> None:
    error = await failed_scan(FakeScanner(report=[answer(body=report(digest=digest))]))
    assert error.reason == errors.OTHER_DIGEST
    assert DIGEST in error.message


async def test_a_scanner_that_gives_no_report_that_we_read() -> None:
    secrets = "application/vnd.example.secrets+json"
    error = await failed_scan(FakeScanner(metadata=[answer(body=metadata(report=secrets))]))
    assert error.reason == errors.NOT_SUITABLE
    assert '"Fake"' in error.message


@pytest.mark.parametrize(
    "word, severity",
    [
        ("Critical", Severity.CRITICAL),
        ("Negligible", Severity.NEGLIGIBLE),
        ("Catastrophic", Severity.UNKNOWN),
        ("", Severity.UNKNOWN),
        (None, Severity.UNKNOWN),
    ],
)
async def test_a_severity_that_is_not_known_is_counted_as_unknown(
    word: str | None, severity: Severity
) -> None:
    found = await scan(FakeScanner(report=[answer(body=report(vulnerability(severity=word)))]))
    assert [each.severity for each in found.findings] == [severity]


async def test_what_a_scanner_leaves_out_is_not_known() -> None:
    found = await scan(FakeScanner(report=[answer(body=report({"id": "CVE-2026-1"}))]))
    (finding,) = found.findings
    assert finding.fixed_version is None
    assert finding.known_exploited is None
    assert found.hygiene is None
    assert found.manifest_digest is None
    assert found.database_built is None


@pytest.mark.parametrize("score", [-1, 0, 10.1, 1e300, "9.8", None])
async def test_a_cvss_score_that_cannot_be_is_not_told(score: object) -> None:
    told = vulnerability(preferred_cvss={"score_v3": score, "vector_v3": "CVSS:3.1/…"})
    found = await scan(FakeScanner(report=[answer(body=report(told))]))
    assert [each.advisory.cvss for each in found.findings] == [None]


async def test_a_cvss_score_of_version_2_is_better_than_none() -> None:
    told = vulnerability(preferred_cvss={"score_v3": None, "score_v2": 7.5, "vector_v2": "AV:N"})
    found = await scan(FakeScanner(report=[answer(body=report(told))]))
    assert [each.advisory.cvss for each in found.findings] == [Cvss(7.5, "AV:N")]


async def test_the_age_of_the_database_is_that_of_the_metadata() -> None:
    told = answer(body=metadata(built="2026-11-22T00:00:00Z"))
    found = await scan(FakeScanner(metadata=[told]))
    assert found.database_built == datetime(2026, 11, 22, tzinfo=UTC)


async def test_a_report_that_is_no_unicode_is_a_failed_scan() -> None:
    body = b'{"vulnerabilities": [{"id": "CVE-2026-\xff\xfe"}]}'

    async def send(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    error = await failed_scan(FakeScanner(report=[send]))
    assert error.reason == errors.INVALID_ANSWER


async def test_a_million_findings_are_not_read() -> None:
    many = ",".join([json.dumps(vulnerability())] * 1_000_000)
    error = await failed_scan(FakeScanner(report=[answer(body=f'{{"vulnerabilities":[{many}]}}')]))
    assert error.reason == errors.ANSWER_TOO_LARGE


@pytest.mark.parametrize(
    "generated, counts_from",
    [
        ("9999-12-31T23:59:59Z", NOW),
        ("2026-11-23T10:00:03Z", NOW),
        # A clock that is ahead must not make a result look fresh.
        ("2030-01-01T00:00:00Z", NOW),
        # A result that the scanner had already is as old as it says.
        ("2026-11-20T10:00:00Z", NOW - timedelta(days=3)),
        ("yesterday", NOW),
        (None, NOW),
    ],
)
async def test_a_report_is_as_old_as_it_is_and_never_younger(
    generated: str | None, counts_from: datetime
) -> None:
    found = await scan(FakeScanner(report=[answer(body=report(generated_at=generated))]))
    assert found.scanned_at == counts_from


# A scanner that sends too much


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("at", ["metadata", "scan", "report"])
async def test_200_mb_are_not_read(at: str, announced: bool) -> None:
    flood = Flood(announced=announced)
    limits = replace(LIMITS, answer_bytes=MIB)
    tracemalloc.start()
    try:
        error = await failed_scan(FakeScanner(**{at: [flood]}), limits)  # type: ignore[arg-type]  # one of its lists
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.reason == errors.ANSWER_TOO_LARGE
    assert "larger than 1 MiB" in error.message
    assert flood.sent < 50 * MIB, "what the sockets' buffers take, and no more"
    assert peak < 10 * MIB


async def test_200_mb_of_an_error_are_not_read_either() -> None:
    flood = Flood(500)
    error = await failed_scan(FakeScanner(scan=[flood]))
    assert error.reason == errors.FAILED
    assert flood.sent < 50 * MIB


async def test_entries_that_are_small_on_the_wire_do_not_fill_the_memory() -> None:
    many = '{"vulnerabilities": [' + ",".join(['{"id":""}'] * 1_000_000) + "]}"
    error = await failed_scan(FakeScanner(report=[answer(body=many)]))
    assert error.reason == errors.INVALID_ANSWER
    assert "more than 250000 entries" in error.message


async def test_a_small_answer_does_not_become_a_large_one() -> None:
    bomb = gzip.compress(b" " * (200 * MIB))

    async def send(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    tracemalloc.start()
    try:
        error = await failed_scan(FakeScanner(report=[send]), replace(LIMITS, answer_bytes=MIB))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.reason == errors.INVALID_ANSWER
    assert "compressed" in error.message
    assert peak < 10 * MIB


async def test_after_too_large_an_answer_the_next_scan_works() -> None:
    scanner = FakeScanner(report=[Flood(), answer(body=report(vulnerability()))])
    async with client_of(scanner, replace(LIMITS, answer_bytes=MIB)) as adapter:
        with pytest.raises(ScanError):
            await carry_out(adapter, Order(IMAGE))
        assert len((await carry_out(adapter, Order(IMAGE))).findings) == 1


# Who is asked, and with what


async def test_the_token_is_read_for_each_request_so_that_a_new_one_counts_at_once() -> None:
    scanner = FakeScanner(token="new")
    tokens = iter(["old", "new", "new", "new"])
    async with serving(scanner), aiohttp.ClientSession() as http:
        adapter = adapter_at(http, scanner.url, token=lambda: next(tokens))
        with pytest.raises(ScanError) as caught:
            await adapter.metadata()
        assert caught.value.reason == errors.UNAUTHORIZED
        assert (await carry_out(adapter, Order(IMAGE))).digest == DIGEST


async def test_a_token_that_cannot_be_read_is_told_and_nothing_is_sent() -> None:
    scanner = FakeScanner()

    def missing() -> str:
        raise FileNotFoundError(2, "No such file or directory", "/var/run/token")

    async with serving(scanner), aiohttp.ClientSession() as http:
        adapter = adapter_at(http, scanner.url, token=missing)
        with pytest.raises(ScanError) as caught:
            await adapter.metadata()
    assert "/var/run/token" in caught.value.message
    assert scanner.asked == []


@pytest.mark.parametrize("url", ["scanner:8080", "ftp://scanner/api", "http://", "http://[::1"])
async def test_an_address_that_is_none_is_told(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(ScanError) as caught:
            await adapter_at(http, url).metadata()
    assert caught.value.reason == errors.UNREACHABLE
