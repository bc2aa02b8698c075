from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bailiwick.kube.client import Client
from tests.unit.kube.fakeapi import FakeApi, client_of, serving


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with serving() as fake:
        yield fake


@pytest.fixture
async def client(api: FakeApi) -> AsyncIterator[Client]:
    async with client_of(api) as made:
        yield made
