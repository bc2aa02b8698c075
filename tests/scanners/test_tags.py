"""What tags lead to, asked of real registries by the real scanner, and of one that lies."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from bailiwick.scanners.tags import Tag, TagsAnswer, TagsRequest
from tests.images.build import Image, layout_of
from tests.images.registry import (
    HTPASSWD,
    MANIFEST,
    TEAM,
    Registry,
    digest_of,
    free_port,
    running_registry,
)
from tests.images.scanner import Scanner, running_scanner
from tests.loopback import served
from tests.scanners.calls import adapter_at
from tests.scanners.conftest import client_of
from tests.scanners.fake import FakeScanner, serving

BASE = "org.opencontainers.image.base"
BASIC = "Basic " + base64.b64encode(TEAM.encode()).decode()


def build(number: int) -> Image:
    return Image(files={"/build": str(number)}, programs=("/app",), user="1000")


async def ask(
    http: aiohttp.ClientSession,
    scanner: Scanner,
    host: str,
    digest: str,
    *tags: str,
    repository: str = "shop/tagged",
    **more: Any,
) -> TagsAnswer:
    registry = wire.Registry(f"http://{host}", more.pop("authorization", ""))
    request = TagsRequest(registry, repository, digest, tags, **more)
    return await client_of(http, scanner).tags(request)


async def refusal(*arguments: Any, **more: Any) -> ScanError:
    with pytest.raises(ScanError) as caught:
        await ask(*arguments, **more)
    return caught.value


async def test_a_tag_leads_to_another_image_once_that_is_pushed(
    http: aiohttp.ClientSession, scanner: Scanner, registry: Registry
) -> None:
    old = registry.push(layout_of(build(1)), "shop/tagged", "1.0")
    assert (await ask(http, scanner, registry.host, old, "1.0")).tags == (Tag("1.0", old, old),)
    new = registry.push(layout_of(build(2)), "shop/tagged", "1.0")
    found = await ask(http, scanner, registry.host, old, "1.0", "gone")
    assert found.tags == (Tag("1.0", new, new), Tag("gone"))


async def test_an_index_is_followed_to_the_manifest_of_the_platform(
    http: aiohttp.ClientSession, scanner: Scanner, registry: Registry
) -> None:
    amd, arm = (registry.push(layout_of(build(n)), "shop/tagged", f"b{n}") for n in (3, 4))
    index = registry.push_index("shop/tagged", "many", {"linux/amd64": amd, "linux/arm64": arm})
    found = await ask(http, scanner, registry.host, amd, "many", platform="linux/arm64")
    assert found.tags == (Tag("many", index, arm),)
    found = await ask(http, scanner, registry.host, amd, "many", platform="linux/s390x")
    assert found.tags == (Tag("many", index, index),)


async def test_a_newer_version_is_found_in_the_registry_s_own_list(
    http: aiohttp.ClientSession, scanner: Scanner, registry: Registry
) -> None:
    layout = layout_of(build(5))
    for tag in ("1.2.0", "1.10.0", "1.9.0", "2.0.0-rc1", "latest"):
        digest = registry.push(layout, "shop/versions", tag)
    where: dict[str, Any] = {"repository": "shop/versions", "versions": True}
    found = await ask(http, scanner, registry.host, digest, "1.2.0", "1.10.0", **where)
    assert [each.newer for each in found.tags] == ["1.10.0", ""]


@pytest.mark.parametrize("labels", [False, True], ids=["by annotations", "by labels"])
async def test_what_an_image_says_it_was_built_on_is_told(
    http: aiohttp.ClientSession, scanner: Scanner, registry: Registry, labels: bool
) -> None:
    base = "sha256:" + "b" * 64
    says = {f"{BASE}.name": "registry.example.com/base:1", f"{BASE}.digest": base}
    config = json.dumps({"config": {"Labels": says}} if labels else {}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(config),
            "size": len(config),
        },
        "layers": [],
        **({} if labels else {"annotations": says}),
    }
    digest = registry.put("shop/annotated", manifest, [config])
    found = await ask(http, scanner, registry.host, digest, repository="shop/annotated")
    assert (found.base_name, found.base_digest) == ("registry.example.com/base:1", base)


async def test_credentials_are_shown_to_a_registry_that_asks_for_them(
    http: aiohttp.ClientSession, scanner: Scanner
) -> None:
    with running_registry(htpasswd=HTPASSWD) as closed:
        digest = closed.push(layout_of(build(6)), "shop/tagged", "1.0", credentials=TEAM)
        found = await ask(http, scanner, closed.host, digest, "1.0", authorization=BASIC)
        assert found.tags[0].digest == digest
        error = await refusal(http, scanner, closed.host, digest, "1.0")
        assert error.reason == errors.REGISTRY_UNAUTHORIZED


async def test_a_registry_that_is_down_or_has_no_such_repository_is_told_in_words(
    http: aiohttp.ClientSession, scanner: Scanner, registry: Registry
) -> None:
    nothing = "sha256:" + "0" * 64
    error = await refusal(http, scanner, f"127.0.0.1:{free_port()}", nothing, "1.0")
    assert error.reason == failures.REGISTRY_UNREACHABLE
    error = await refusal(
        http, scanner, registry.host, nothing, repository="no/such", versions=True
    )
    assert (error.reason, error.permanent) == (failures.NOT_FOUND, True)


async def test_an_image_that_is_gone_while_it_runs_leaves_its_tags_to_be_known(
    http: aiohttp.ClientSession, scanner: Scanner, registry: Registry
) -> None:
    nothing = "sha256:" + "0" * 64
    there = registry.push(layout_of(build(7)), "shop/tagged", "kept")
    found = await ask(http, scanner, registry.host, nothing, "kept")
    assert found == TagsAnswer((Tag("kept", there, there),))


async def test_another_vendor_s_scanner_is_not_asked(http: aiohttp.ClientSession) -> None:
    async with serving(FakeScanner()) as other:
        request = TagsRequest(wire.Registry("https://a.example.com"), "a", "sha256:" + "0" * 64)
        with pytest.raises(ScanError) as caught:
            await adapter_at(http, other.url).tags(request)
    assert caught.value.reason == errors.NOT_SUITABLE
    assert other.count("/tags") == 0


@pytest.fixture(scope="module")
def careful() -> Iterator[Scanner]:
    """A scanner as in a cluster: without the option that opens loopback."""
    with running_scanner(allow_loopback=False) as running:
        yield running


# A registry that lies


class Liar:
    """A registry that asks for a token, pages its tags, and does what a test says."""

    def __init__(self) -> None:
        self.host = ""
        self.manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST}).encode()
        self.realm = ""
        self.next = ""
        self.redirect = ""
        self.flood = False
        self.asked: list[tuple[str, str]] = []

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        self.asked.append((request.path_qs, authorization))
        if request.path == "/token":
            return web.json_response({"token": "issued"})
        if self.realm and authorization != "Bearer issued":
            challenge = f'Bearer realm="{self.realm}",service="us",scope="repository:*:*"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        if self.redirect:
            return web.Response(status=307, headers={"Location": self.redirect})
        if request.path.endswith("/tags/list"):
            link = {"Link": f'<{self.next}>; rel="next"'} if self.next else {}
            self.next = ""
            names = [f"1.{request.query.get('last', '1')}"]
            return web.json_response({"name": "x", "tags": names}, headers=link)
        if self.flood:
            return web.Response(body=b" " * (5 * 1024 * 1024), content_type=MANIFEST)
        headers = {"Docker-Content-Digest": self.digest}
        return web.Response(body=self.manifest, content_type=MANIFEST, headers=headers)


@pytest.fixture
async def liar() -> AsyncIterator[Liar]:
    found = Liar()
    async with served(found.handle) as host:
        found.host = host
        yield found


async def test_a_token_is_fetched_for_reading_this_repository_and_nothing_else(
    http: aiohttp.ClientSession, scanner: Scanner, liar: Liar
) -> None:
    liar.realm = f"http://{liar.host}/token"
    found = await ask(http, scanner, liar.host, liar.digest, "1.0", authorization=BASIC)
    assert found.tags == (Tag("1.0", liar.digest, liar.digest),)
    ((query, shown),) = [each for each in liar.asked if each[0].startswith("/token")]
    assert (query, shown) == ("/token?scope=repository:shop/tagged:pull&service=us", BASIC)
    assert [shown for query, shown in liar.asked if "/v2/" in query][1:] == ["Bearer issued"] * 2


async def test_credentials_are_not_sent_to_a_host_that_the_registry_names(
    http: aiohttp.ClientSession, scanner: Scanner, liar: Liar
) -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", ""))
        return web.json_response({"token": "x"})

    async with served(elsewhere) as other:
        liar.realm = f"http://localhost:{other.partition(':')[2]}/token"
        error = await refusal(http, scanner, liar.host, liar.digest, "1.0", authorization=BASIC)
    assert error.reason == failures.REGISTRY_REFUSED
    assert "nothing was sent there" in error.message
    assert asked == []


async def test_no_redirect_and_no_address_of_a_further_page_is_followed(
    http: aiohttp.ClientSession, scanner: Scanner, liar: Liar
) -> None:
    asked = asyncio.Event()

    async def elsewhere(_request: web.Request) -> web.Response:
        asked.set()
        return web.json_response({"tags": ["9.9"]})

    async with served(elsewhere) as other:
        liar.next = f"http://{other}/v2/x/tags/list?n=1"
        found = await ask(http, scanner, liar.host, liar.digest, "1.0", versions=True)
        assert found.tags[0].newer == "1.1"
        liar.redirect = f"http://{other}/"
        error = await refusal(http, scanner, liar.host, liar.digest, "1.0")
    assert error.reason == failures.REGISTRY_REFUSED
    assert not asked.is_set()


async def test_further_pages_of_tags_are_read(
    http: aiohttp.ClientSession, scanner: Scanner, liar: Liar
) -> None:
    liar.next = "/v2/shop/tagged/tags/list?n=1&last=7"
    found = await ask(http, scanner, liar.host, liar.digest, "1.0", versions=True)
    assert found.tags[0].newer == "1.7"


async def test_another_manifest_than_was_asked_for_is_not_believed(
    http: aiohttp.ClientSession, scanner: Scanner, liar: Liar
) -> None:
    error = await refusal(http, scanner, liar.host, "sha256:" + "0" * 64)
    assert error.reason == failures.CORRUPT


async def test_an_answer_without_end_is_not_read_to_its_end(
    http: aiohttp.ClientSession, scanner: Scanner, liar: Liar
) -> None:
    liar.flood = True
    error = await refusal(http, scanner, liar.host, liar.digest)
    assert error.reason == errors.ANSWER_TOO_LARGE


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5000", "169.254.169.254", "localhost:5000", "[::1]:5000", "127.1:80"]
)
async def test_an_address_that_is_never_contacted_is_not_asked_for_tags(
    http: aiohttp.ClientSession, careful: Scanner, host: str
) -> None:
    request = TagsRequest(wire.Registry(f"https://{host}"), "a/b", "sha256:" + "0" * 64, ("1",))
    with pytest.raises(ScanError) as caught:
        await client_of(http, careful).tags(request)
    assert caught.value.reason == "RegistryRefused"


async def test_a_range_of_the_cluster_is_not_contacted_whatever_a_name_resolves_to(
    http: aiohttp.ClientSession, registry: Registry
) -> None:
    with running_scanner("--refuse-cidr", "127.0.0.0/8", "--refuse-cidr", "::1/128") as guarded:
        for host in (registry.host, registry.host.replace("127.0.0.1", "localhost")):
            error = await refusal(http, guarded, host, "sha256:" + "0" * 64, "1.0")
            assert error.reason == "RegistryRefused"
            assert "--refuse-cidr" in error.message
