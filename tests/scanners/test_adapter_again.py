"""A scan that was begun before: taken up where the adapter still has it, else begun anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web

from bailiwick.scanners.source import Begun, Order, carry_out
from tests.scanners.calls import IMAGE, NOW, client_of
from tests.scanners.fake import DIGEST, SCAN_ID, FakeScanner, answer, report

BEFORE = Begun("before", NOW - timedelta(minutes=3))
OTHER = "sha256:" + "e" * 64


async def test_it_is_told_by_what_id_the_adapter_knows_a_scan() -> None:
    told: list[str] = []
    async with client_of(FakeScanner()) as adapter:
        await carry_out(adapter, Order(IMAGE, taken=told.append))
    assert told == [SCAN_ID]


async def test_a_scan_that_the_adapter_still_has_is_not_submitted_again() -> None:
    scanner = FakeScanner(report=[answer(302), answer(body=report(generated_at=NOW.isoformat()))])
    async with client_of(scanner) as adapter:
        found = await carry_out(adapter, Order(IMAGE, begun=BEFORE))
    assert found.scanned_at == BEFORE.at
    assert [(m, p) for m, p, _, _ in scanner.asked if p != "/metadata"] == [
        ("GET", "/scan/before/report")
    ] * 2


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(answer(404), id="forgotten"),
        pytest.param(answer(body=report(digest=OTHER)), id="another scan has its id now"),
    ],
)
async def test_a_scan_that_the_adapter_no_longer_has_is_begun_anew(first: web.Response) -> None:
    async def by_id(request: web.Request) -> web.StreamResponse:
        new = answer(body=report(generated_at=NOW.isoformat()))
        return first if BEFORE.id in request.path else new

    scanner = FakeScanner(report=[by_id])
    async with client_of(scanner) as adapter:
        found = await carry_out(adapter, Order(IMAGE, begun=BEFORE))
    assert (found.digest, found.scanned_at) == (DIGEST, NOW)
    assert scanner.count("/scan/") == 2
    assert ("POST", "/scan") in [(m, p) for m, p, _, _ in scanner.asked]
