"""One pool of connections, with credentials that are renewed while it is used."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from bailiwick.kube import errors, resources
from bailiwick.kube import session as session_module
from bailiwick.kube.client import Client
from bailiwick.kube.credentials import Credentials, CredentialsError
from bailiwick.kube.session import Session
from tests.unit.kube.fakeapi import FakeApi, serving


@dataclass
class Rotating:
    """Credentials whose token changes; an empty `token` is one that cannot be read."""

    server: str
    token: str = "first"
    fingerprint: str = ""
    cheap: bool = True
    loads: int = field(default=0)

    def load(self) -> Credentials:
        self.loads += 1
        return Credentials(self.server, self._header(), fingerprint=self.fingerprint)

    def authorization(self) -> str | None:
        return self._header() if self.cheap else None

    def _header(self) -> str:
        if not self.token:
            raise CredentialsError("cannot read the token")
        return f"Bearer {self.token}"


@pytest.fixture
def source(api: FakeApi) -> Rotating:
    return Rotating(api.server)


@pytest.fixture
async def session(source: Rotating) -> AsyncIterator[Session]:
    async with await Session.open(source) as opened:
        yield opened


def tokens(api: FakeApi) -> list[str]:
    return [each["Authorization"].removeprefix("Bearer ") for each in api.headers]


def only(api: FakeApi, token: str) -> None:
    """Have the API server know one token, and no other."""

    def refuse(_: web.Request) -> web.Response:
        return web.json_response(
            {"kind": "Status", "code": 401, "reason": "Unauthorized"}, status=401
        )

    api.answer("", refuse, times=1_000)
    fault = api.faults[-1]
    fault.matches = lambda request: request.headers["Authorization"] != f"Bearer {token}"


async def ask(session: Session) -> None:
    await Client(session).list(resources.PODS)


async def test_each_request_says_who_we_are_and_asks_for_no_compression(
    api: FakeApi, session: Session
) -> None:
    await ask(session)
    (sent,) = api.headers
    assert sent["Authorization"] == "Bearer first"
    assert sent["User-Agent"].startswith("bailiwick/")
    assert sent["Accept-Encoding"] == "identity"


async def test_a_token_that_rotated_is_nobodys_failure(
    api: FakeApi, source: Rotating, session: Session
) -> None:
    source.token = "second"
    only(api, "second")
    await ask(session)
    await ask(session)
    assert tokens(api) == ["first", "second", "second"]


async def test_credentials_that_are_refused_after_a_renewal_are_refused(
    api: FakeApi, source: Rotating, session: Session
) -> None:
    only(api, "another")
    with pytest.raises(errors.Unauthorized):
        await ask(session)
    assert tokens(api) == ["first"]
    assert source.loads == 2


async def test_credentials_that_cannot_be_read_again_are_told_and_not_raised(
    api: FakeApi, source: Rotating, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    source.token = ""
    only(api, "another")
    with caplog.at_level(logging.WARNING), pytest.raises(errors.Unauthorized):
        await ask(session)
    assert "The API server refused the credentials: cannot read the token" in caplog.text


async def test_a_token_is_read_again_before_it_can_have_expired(
    api: FakeApi, source: Rotating, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(session)
    source.token = "second"
    await ask(session)
    monkeypatch.setattr(session_module, "_TOKEN_SECONDS", -1.0)
    await ask(session)
    source.token = ""
    await ask(session)  # what was read before still is good for a while
    assert tokens(api) == ["first", "first", "second", "second"]


async def test_a_new_certificate_authority_makes_new_connections(
    source: Rotating, session: Session
) -> None:
    await ask(session)
    before = session.http
    source.fingerprint = "another"
    await session.renew()
    assert session.http is not before
    assert before.closed
    await ask(session)


async def test_credentials_that_somebody_renewed_meanwhile_are_not_read_again(
    source: Rotating, session: Session
) -> None:
    source.token = "second"
    await session.renew("Bearer first")
    await session.renew("Bearer first")
    assert source.loads == 2


async def test_kopf_may_close_the_session_that_it_was_given(api: FakeApi, session: Session) -> None:
    given = session.another()
    await given.close()
    await ask(session)
    assert tokens(api) == ["first"]


async def test_a_redirect_elsewhere_does_not_learn_who_we_are(
    api: FakeApi, session: Session
) -> None:
    async with serving() as elsewhere:
        headers = {"Location": f"{elsewhere.server}/api/v1/pods"}
        api.answer("GET", lambda _: web.Response(status=307, headers=headers))
        await ask(session)
        (sent,) = elsewhere.headers
        assert "Authorization" not in sent
