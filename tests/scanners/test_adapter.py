"""Our client of the scanner adapter API v1.2: the protocol, and a scanner that says no."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bailiwick.policy.images.findings import Severity
from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Order, carry_out
from tests.scanners.calls import IMAGE, LIMITS, NEVER, client_of, failed_scan, scan
from tests.scanners.fake import (
    DIGEST,
    SCAN_ID,
    FakeScanner,
    answer,
    failure,
    hold,
    metadata,
    report,
    serving,
    vulnerability,
)

# As the specification has it


async def test_a_scan_is_submitted_polled_and_read() -> None:
    scanner = FakeScanner(
        report=[answer(302), answer(302), answer(body=report(vulnerability()))], token="secret"
    )
    async with client_of(scanner, token="secret") as adapter:
        found = await carry_out(adapter, Order(IMAGE, authorization="Basic dGVhbTpwYXNz"))
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
        await carry_out(
            adapter, Order(IMAGE, authorization="Basic dGVhbTpwYXNz", architecture="arm64")
        )
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
        found = await carry_out(adapter, Order(IMAGE, architecture="arm64"))
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
            await carry_out(adapter, Order(IMAGE))
        assert (await carry_out(adapter, Order(IMAGE))).digest == DIGEST
    assert scanner.count("/report") == 2
