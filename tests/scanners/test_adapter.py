"""Our client of the scanner adapter API, against a scanner that does what it should not."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from bailiwick.policy.images.findings import ScanReport, Severity
from bailiwick.policy.images.references import Reference
from bailiwick.scanners import errors, wire
from bailiwick.scanners.adapter import Adapter, Limits
from bailiwick.scanners.errors import ScanError
from tests.images.registry import free_port
from tests.scanners.fake import (
    DIGEST,
    SCAN_ID,
    FakeScanner,
    answer,
    failure,
    metadata,
    report,
    serving,
    vulnerability,
)

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
IMAGE = Reference("registry.example.com", "shop/cart", "", DIGEST)
MIB = 1024 * 1024
NEVER = 3600.0
# Generous where time passes, so that only what a test is about can run out of it.
LIMITS = Limits(request_seconds=20, scan_seconds=60, poll_default=0.01, poll_least=0.01)


@asynccontextmanager
async def client_of(
    scanner: FakeScanner, limits: Limits = LIMITS, token: str = ""
) -> AsyncIterator[Adapter]:
    async with serving(scanner), aiohttp.ClientSession() as http:
        yield Adapter(
            http,
            scanner.url,
            token=(lambda: token) if token else None,
            limits=limits,
            clock=lambda: NOW,
        )


async def scan(scanner: FakeScanner, limits: Limits = LIMITS) -> ScanReport:
    async with client_of(scanner, limits) as adapter:
        return await adapter.scan(IMAGE)


async def failed_scan(scanner: FakeScanner, limits: Limits = LIMITS) -> ScanError:
    with pytest.raises(ScanError) as caught:
        await scan(scanner, limits)
    return caught.value


# As the specification has it


async def test_a_scan_is_submitted_polled_and_read() -> None:
    scanner = FakeScanner(
        report=[answer(302), answer(302), answer(body=report(vulnerability()))], token="secret"
    )
    async with client_of(scanner, token="secret") as adapter:
        found = await adapter.scan(IMAGE, authorization="Basic dGVhbTpwYXNz")
    (finding,) = found.findings
    assert (finding.id, finding.fixed_version) == ("CVE-2026-0001", "3.0.12")
    assert finding.severity is Severity.HIGH
    assert (found.scanner, found.scanner_version) == ("Fake", "1.2.3")
    methods = [(method, path) for method, path, _, _ in scanner.asked]
    assert methods == [
        ("GET", "/metadata"),
        ("POST", "/scan"),
        *[("GET", f"/scan/{SCAN_ID}/report")] * 3,
    ]


async def test_the_request_names_registry_and_digest_and_the_types_of_the_specification() -> None:
    scanner = FakeScanner()
    async with client_of(scanner) as adapter:
        await adapter.scan(IMAGE, authorization="Basic dGVhbTpwYXNz", architecture="arm64")
    _, _, headers, body = scanner.asked[1]
    assert headers["Content-Type"] == wire.SCAN_REQUEST
    sent = json.loads(body)
    assert sent["registry"] == {
        "url": "https://registry.example.com",
        "authorization": "Basic dGVhbTpwYXNz",
    }
    assert sent["artifact"]["repository"] == "shop/cart"
    assert sent["artifact"]["digest"] == DIGEST
    assert sent["enabled_capabilities"] == [{"type": "vulnerability"}]
    # The platform is ours, and only told to scanners that know of it.
    assert "platform" not in sent["artifact"]
    assert scanner.asked[2][2]["Accept"] == wire.REPORT


async def test_a_scanner_of_the_older_report_is_asked_for_that() -> None:
    scanner = FakeScanner(metadata=[answer(body=metadata(report=wire.OLDER_REPORT))])
    await scan(scanner)
    assert scanner.asked[2][2]["Accept"] == wire.OLDER_REPORT


async def test_our_own_scanner_is_asked_for_facts_and_told_the_platform() -> None:
    facts = {"digest": DIGEST, "manifest_digest": "sha256:" + "b2" * 32, "hygiene": {"user": ""}}
    scanner = FakeScanner(
        metadata=[answer(body=metadata(facts=True))],
        report=[answer(body=report()), answer(body=facts)],
    )
    async with client_of(scanner) as adapter:
        found = await adapter.scan(IMAGE, architecture="arm64")
    assert json.loads(scanner.asked[1][3])["artifact"]["platform"] == "linux/arm64"
    assert found.manifest_digest == "sha256:" + "b2" * 32
    assert found.hygiene is not None
    assert found.hygiene.runs_as_root


# 302: not ready yet


async def test_refresh_after_is_how_long_to_wait() -> None:
    scanner = FakeScanner(
        report=[answer(302, headers={"Refresh-After": "0"}), answer(body=report())]
    )
    # By its own measure the client would have waited longer than the whole scan may take.
    found = await scan(scanner, replace(LIMITS, poll_default=NEVER))
    assert found.digest == DIGEST


@pytest.mark.parametrize("header", ["", "soon", "nan", "-5", "1e400"])
async def test_without_a_refresh_after_that_can_be_read_the_client_waits_its_own_time(
    header: str,
) -> None:
    not_ready = answer(302, headers={"Refresh-After": header} if header else None)
    scanner = FakeScanner(report=[not_ready, answer(body=report())])
    found = await scan(scanner, replace(LIMITS, poll_most=0.02))
    assert found.digest == DIGEST


async def test_retry_after_is_not_the_header_of_this_api() -> None:
    scanner = FakeScanner(
        report=[answer(302, headers={"Retry-After": "3600"}), answer(body=report())]
    )
    assert (await scan(scanner)).digest == DIGEST


async def test_a_scanner_cannot_ask_for_a_pause_without_end() -> None:
    scanner = FakeScanner(
        report=[answer(302, headers={"Refresh-After": "86400"}), answer(body=report())]
    )
    assert (await scan(scanner, replace(LIMITS, poll_most=0.02))).digest == DIGEST


async def test_a_scanner_that_is_never_ready_runs_out_of_time() -> None:
    scanner = FakeScanner(report=[answer(302)])
    error = await failed_scan(scanner, replace(LIMITS, scan_seconds=0.3))
    assert error.reason == errors.TIMED_OUT
    assert "not done after" in error.message
    assert not error.permanent


async def test_a_poll_that_outlasts_the_scan_is_a_scan_that_took_too_long() -> None:
    async def hold(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(NEVER)
        raise AssertionError("unreachable")

    error = await failed_scan(FakeScanner(report=[hold]), replace(LIMITS, scan_seconds=0.3))
    assert error.reason == errors.TIMED_OUT


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    elsewhere = FakeScanner()
    async with serving(elsewhere):
        location = {"Location": f"{elsewhere.url}/metadata"}
        scanner = FakeScanner(metadata=[answer(status, headers=location)])
        error = await failed_scan(scanner)
    assert error.reason == errors.FAILED
    assert str(status) in error.message
    assert elsewhere.asked == []


async def test_the_location_of_a_report_that_is_not_ready_is_not_followed_either() -> None:
    elsewhere = FakeScanner()
    async with serving(elsewhere):
        location = {"Location": f"{elsewhere.url}/scan/{SCAN_ID}/report"}
        scanner = FakeScanner(report=[answer(302, headers=location), answer(body=report())])
        await scan(scanner)
    assert elsewhere.asked == []
    assert scanner.count("report") == 2


# A scanner that says no


@pytest.mark.parametrize(
    "at, status, reason, words",
    [
        ("metadata", 500, errors.FAILED, "answered 500 when asked for its metadata: it broke"),
        ("metadata", 401, errors.UNAUTHORIZED, "Give operator and scanner the same token"),
        ("scan", 400, errors.REFUSED, "does not take this image (400): it broke"),
        ("scan", 422, errors.REFUSED, "does not take this image (422): it broke"),
        ("scan", 401, errors.UNAUTHORIZED, "refused our token (401)"),
        ("scan", 403, errors.UNAUTHORIZED, "refused our token (403)"),
        ("scan", 429, errors.BUSY, "busy (429): it broke"),
        ("scan", 503, errors.BUSY, "busy (503): it broke"),
        ("scan", 500, errors.FAILED, "answered 500 when asked for the scan: it broke"),
        ("scan", 501, errors.FAILED, "answered 501"),
        ("report", 404, errors.FORGOTTEN, "may have been restarted"),
        ("report", 500, errors.FAILED, "answered 500 when asked for the report: it broke"),
    ],
)
async def test_each_refusal_has_its_reason_and_words(
    at: str, status: int, reason: str, words: str
) -> None:
    scanner = FakeScanner(**{at: [answer(status, failure("it broke"))]})  # type: ignore[arg-type]  # one of its lists
    error = await failed_scan(scanner)
    assert error.reason == reason
    assert words in error.message


async def test_only_an_image_that_is_not_taken_is_not_tried_again_soon() -> None:
    assert (await failed_scan(FakeScanner(scan=[answer(422)]))).permanent
    assert not (await failed_scan(FakeScanner(scan=[answer(500)]))).permanent
    assert not (await failed_scan(FakeScanner(report=[answer(404)]))).permanent


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_scanner_says_when_to_come_back(status: int) -> None:
    error = await failed_scan(FakeScanner(scan=[answer(status, headers={"Retry-After": "120"})]))
    assert error.retry_after == 120
    assert error.scanner_fault


async def test_what_our_own_scanner_says_of_an_image_is_told_as_it_is() -> None:
    body = failure("The registry does not have it.", reason="ImageNotFound", permanent=True)
    error = await failed_scan(FakeScanner(report=[answer(500, body)]))
    assert (error.reason, error.message) == ("ImageNotFound", "The registry does not have it.")
    assert error.permanent


async def test_an_error_of_a_proxy_in_between_is_no_answer_of_the_scanner() -> None:
    error = await failed_scan(FakeScanner(scan=[answer(502, "<html>Bad Gateway</html>")]))
    assert error.reason == errors.FAILED
    assert "502" in error.message
    assert "html" not in error.message


async def test_words_from_a_scanner_cannot_fill_a_status_or_forge_a_line_of_a_log() -> None:
    body = failure("x\nFATAL\x1b[31m" + "y" * 5000, reason="not a reason code!")
    error = await failed_scan(FakeScanner(scan=[answer(500, body)]))
    assert error.reason == errors.FAILED
    assert "\n" not in error.message
    assert "\x1b" not in error.message
    assert len(error.message) < 700


async def test_a_scanner_that_was_restarted_is_asked_anew_by_the_next_scan() -> None:
    scanner = FakeScanner(report=[answer(404), answer(body=report())])
    async with client_of(scanner) as adapter:
        with pytest.raises(ScanError):
            await adapter.scan(IMAGE)
        assert (await adapter.scan(IMAGE)).digest == DIGEST
    assert scanner.count("/report") == 2


# A scanner that does not answer


async def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}/api/v1"
    async with aiohttp.ClientSession() as http:
        with pytest.raises(ScanError) as caught:
            await Adapter(http, url, limits=LIMITS).scan(IMAGE)
    assert caught.value.reason == errors.UNREACHABLE
    assert url in caught.value.message
    assert "Check that it runs" in caught.value.message
    assert caught.value.scanner_fault


async def test_a_scanner_that_does_not_answer_in_time() -> None:
    async def hold(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(NEVER)
        raise AssertionError("unreachable")

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
    raw = "application/vnd.scanner.adapter.vuln.report.raw"
    error = await failed_scan(FakeScanner(metadata=[answer(body=metadata(report=raw))]))
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


async def test_the_age_of_the_database_is_that_of_the_metadata() -> None:
    told = answer(body=metadata(built="2026-11-22T00:00:00Z"))
    found = await scan(FakeScanner(metadata=[told]))
    assert found.database_built == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "generated, counts_from",
    [
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


class Flood:
    """Sends 200 MB, and knows how much of it was taken."""

    size = 200 * MIB

    def __init__(self, status: int = 200, *, announced: bool = False) -> None:
        self.status = status
        self.announced = announced
        self.sent = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Length": str(self.size)} if self.announced else {}
        response = web.StreamResponse(status=self.status, headers=headers)
        await response.prepare(request)
        chunk = b" " * 65536
        while self.sent < self.size:
            await response.write(chunk)
            self.sent += len(chunk)
        return response


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
            await adapter.scan(IMAGE)
        assert len((await adapter.scan(IMAGE)).findings) == 1


# Who is asked, and with what


async def test_the_token_is_read_for_each_request_so_that_a_new_one_counts_at_once() -> None:
    scanner = FakeScanner(token="new")
    tokens = iter(["old", "new", "new", "new"])
    async with serving(scanner), aiohttp.ClientSession() as http:
        adapter = Adapter(http, scanner.url, token=lambda: next(tokens), limits=LIMITS)
        with pytest.raises(ScanError) as caught:
            await adapter.metadata()
        assert caught.value.reason == errors.UNAUTHORIZED
        assert (await adapter.scan(IMAGE)).digest == DIGEST


async def test_a_token_that_cannot_be_read_is_told_and_nothing_is_sent() -> None:
    scanner = FakeScanner()

    def missing() -> str:
        raise FileNotFoundError(2, "No such file or directory", "/var/run/token")

    async with serving(scanner), aiohttp.ClientSession() as http:
        adapter = Adapter(http, scanner.url, token=missing, limits=LIMITS)
        with pytest.raises(ScanError) as caught:
            await adapter.metadata()
    assert "/var/run/token" in caught.value.message
    assert scanner.asked == []


@pytest.mark.parametrize("url", ["scanner:8080", "ftp://scanner/api", "http://", "http://[::1"])
async def test_an_address_that_is_none_is_told(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(ScanError) as caught:
            await Adapter(http, url, limits=LIMITS).metadata()
    assert caught.value.reason == errors.UNREACHABLE
