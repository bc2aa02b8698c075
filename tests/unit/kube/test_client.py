"""The verbs of the API as they go over the wire, and what becomes of each answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from bailiwick.kube import errors, resources
from bailiwick.kube.client import Client, Sent
from tests.unit.kube.fakeapi import FakeApi, client_of, gone

POLICIES = resources.NETWORK_POLICIES
POLICY: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"podSelector": {}},
}


def last(api: FakeApi) -> tuple[str, str, dict[str, str]]:
    return api.requests[-1]


async def test_an_object_is_asked_for_at_its_path(api: FakeApi, client: Client) -> None:
    api.put("networkpolicies", "web", spec={"podSelector": {}})
    found = await client.get(POLICIES, "web", "shop")
    assert found["spec"] == {"podSelector": {}}
    path = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/web"
    assert last(api) == ("GET", path, {})


async def test_one_object_of_a_namespaced_kind_needs_its_namespace(client: Client) -> None:
    with pytest.raises(ValueError, match="'web' needs a namespace"):
        await client.get(POLICIES, "web")


async def test_a_list_is_read_in_pages(api: FakeApi, client: Client) -> None:
    for number in range(5):
        api.put("pods", f"pod-{number}")
    found = await client.list(resources.PODS, limit=2)
    assert [item["metadata"]["name"] for item in found.items] == [f"pod-{n}" for n in range(5)]
    assert found.resource_version == str(api.version)
    assert [query["limit"] for _, _, query in api.requests] == ["2", "2", "2"]


async def test_a_page_that_expired_begins_the_list_anew(api: FakeApi, client: Client) -> None:
    for number in range(4):
        api.put("pods", f"pod-{number}")
    api.answer("continue=", lambda _: gone("the token is too old"), times=2)
    found = await client.list(resources.PODS, limit=2)
    assert len(found.items) == 4
    # One answer cannot expire midway.
    assert "limit" not in last(api)[2]


async def test_selectors_go_along_and_metadata_alone_is_asked_for_by_its_type(
    api: FakeApi, client: Client
) -> None:
    await client.list(
        resources.CONFIG_MAPS, "ops", label_selector="a=b", field_selector="c=d", metadata_only=True
    )
    assert last(api)[1:] == (
        "/api/v1/namespaces/ops/configmaps",
        {"labelSelector": "a=b", "fieldSelector": "c=d", "limit": "500"},
    )
    assert "as=PartialObjectMetadataList" in api.headers[-1]["Accept"]


async def test_an_apply_is_a_patch_by_one_field_manager(api: FakeApi, client: Client) -> None:
    await client.apply(POLICIES, POLICY)
    method, path, query = last(api)
    assert method == "PATCH"
    assert path.endswith("/namespaces/shop/networkpolicies/web")
    assert query == {"fieldManager": "bailiwick", "force": "true"}
    assert api.headers[-1]["Content-Type"] == "application/apply-patch+yaml"
    assert api.bodies[-1] == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        **POLICY,
    }


async def test_an_apply_that_is_not_forced_leaves_it_to_the_server(
    api: FakeApi, client: Client
) -> None:
    await client.apply(POLICIES, POLICY, force=False, field_manager="another", dry_run=True)
    assert last(api)[2] == {"fieldManager": "another", "dryRun": "All"}


async def test_a_status_is_applied_to_its_subresource(api: FakeApi, client: Client) -> None:
    told: list[Sent] = []
    client = Client(client.session, observe=told.append)
    await client.apply_status(
        resources.SECURITY_INTENTS,
        {"metadata": {"name": "default", "namespace": "shop"}, "status": {"failing": 0}},
    )
    assert last(api)[1].endswith("/namespaces/shop/securityintents/default/status")
    assert [(each.verb, each.status) for each in told] == [("apply/status", 200)]


@pytest.mark.parametrize(
    "patch, content_type",
    [
        ({"spec": {"replicas": 0}}, "application/merge-patch+json"),
        ([{"op": "remove", "path": "/spec"}], "application/json-patch+json"),
    ],
)
async def test_a_patch_is_told_by_its_form(
    api: FakeApi, client: Client, patch: Any, content_type: str
) -> None:
    api.answer("PATCH", lambda _: web.json_response({}))
    await client.patch(resources.PODS, "web", patch, "shop")
    assert api.headers[-1]["Content-Type"] == content_type
    assert api.bodies[-1] == patch


async def test_a_delete_of_another_object_of_that_name_is_a_conflict(
    api: FakeApi, client: Client
) -> None:
    api.put("networkpolicies", "web")
    api.fail("DELETE", 409, "Conflict")
    with pytest.raises(errors.Conflict):
        await client.delete(POLICIES, "web", "shop", uid="uid-before", resource_version="7")
    assert api.bodies[-1]["preconditions"] == {"uid": "uid-before", "resourceVersion": "7"}


async def test_a_delete_says_whether_there_was_anything(api: FakeApi, client: Client) -> None:
    api.put("networkpolicies", "web")
    assert await client.delete(POLICIES, "web", "shop")
    assert not await client.delete(POLICIES, "web", "shop")
    assert "preconditions" not in api.bodies[-1]


async def test_creating_what_is_there_is_a_conflict(client: Client) -> None:
    await client.create(POLICIES, POLICY)
    with pytest.raises(errors.Conflict, match="already exists"):
        await client.create(POLICIES, POLICY)


async def test_putting_what_changed_meanwhile_is_a_conflict(api: FakeApi, client: Client) -> None:
    before = api.put("networkpolicies", "web")
    api.put("networkpolicies", "web")
    with pytest.raises(errors.Conflict):
        await client.replace(POLICIES, before)


@pytest.mark.parametrize(
    "status, kind, transient",
    [
        (400, errors.Invalid, False),
        (401, errors.Unauthorized, False),
        (403, errors.Forbidden, False),
        (404, errors.NotFound, False),
        (409, errors.Conflict, True),
        (410, errors.Gone, False),
        (422, errors.Invalid, False),
        (429, errors.TooManyRequests, True),
        (500, errors.ServerError, True),
        (503, errors.ServerError, True),
    ],
)
async def test_each_refusal_has_its_type_and_the_servers_words(
    api: FakeApi, client: Client, status: int, kind: type[errors.ApiError], transient: bool
) -> None:
    api.fail("GET", status, "SomeReason", times=2, message="because the server says so")
    with pytest.raises(kind, match="because the server says so") as refused:
        await client.get(POLICIES, "web", "shop")
    assert refused.value.status == status
    assert refused.value.reason == "SomeReason"
    assert refused.value.transient is transient


async def test_how_long_to_wait_is_read_from_the_header(api: FakeApi, client: Client) -> None:
    api.fail("GET", 429, headers={"Retry-After": "7"}, details={"retryAfterSeconds": 3})
    with pytest.raises(errors.TooManyRequests) as refused:
        await client.get(POLICIES, "web", "shop")
    assert refused.value.retry_after == 7


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[]", b"\xff\xfe"])
async def test_an_error_that_is_no_status_is_told_as_it_is(
    api: FakeApi, client: Client, body: bytes
) -> None:
    api.answer("GET", lambda _: web.Response(status=502, body=body))
    with pytest.raises(errors.ServerError) as refused:
        await client.get(POLICIES, "web", "shop")
    assert refused.value.message
    assert refused.value.status == 502


@pytest.mark.parametrize("body", [b"not JSON", b"[]"])
async def test_an_answer_that_cannot_be_used_is_no_answer(
    api: FakeApi, client: Client, body: bytes
) -> None:
    api.answer("GET", lambda _: web.Response(body=body))
    with pytest.raises(errors.Unreachable, match="the answer was not"):
        await client.get(POLICIES, "web", "shop")


async def test_an_answer_that_does_not_come_in_time_is_none(api: FakeApi) -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    api.answer("GET", never)
    async with client_of(api, timeout=0.1) as hasty:
        with pytest.raises(errors.Unreachable, match="did not answer in time") as refused:
            await hasty.get(POLICIES, "web", "shop")
    assert refused.value.transient


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with client_of(FakeApi(server="http://127.0.0.1:1")) as client:
        with pytest.raises(errors.Unreachable, match="the connection to the API server failed"):
            await client.get(POLICIES, "web", "shop")


async def test_an_apply_is_sent_again_on_a_connection_that_was_idle_for_too_long(
    api: FakeApi, client: Client
) -> None:
    def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    api.answer("PATCH", hang_up)
    await client.apply(POLICIES, POLICY)
    assert [method for method, _, _ in api.requests] == ["PATCH", "PATCH"]
    api.answer("POST", hang_up)
    with pytest.raises(errors.Unreachable):
        await client.create(POLICIES, {"metadata": {"name": "other", "namespace": "shop"}})


async def test_nothing_is_written_while_the_lease_is_not_ours(api: FakeApi) -> None:
    api.put("networkpolicies", "web")
    async with client_of(api, fence=lambda: False) as fenced:
        for write in (
            fenced.apply(POLICIES, POLICY),
            fenced.create(POLICIES, POLICY),
            fenced.replace(POLICIES, POLICY),
            fenced.patch(POLICIES, "web", {}, "shop"),
            fenced.delete(POLICIES, "web", "shop"),
        ):
            with pytest.raises(errors.NotLeader):
                await write
        await fenced.get(POLICIES, "web", "shop")
    assert [method for method, _, _ in api.requests] == ["GET"]


async def test_a_write_is_given_up_before_another_may_begin(api: FakeApi) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.json_response({})

    api.answer("PATCH", hang)
    async with client_of(api, fence=lambda: 0.1) as fenced:
        with pytest.raises(errors.Unreachable):
            await fenced.apply(POLICIES, POLICY)


async def test_no_more_requests_than_allowed_are_on_their_way(api: FakeApi) -> None:
    running, most = 0, 0

    async def count(_: web.Request) -> web.Response:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.01)
        running -= 1
        return web.json_response({})

    api.answer("GET", count, times=20)
    async with client_of(api, concurrency=3) as client:
        await asyncio.gather(*(client.get(POLICIES, f"p{n}", "shop") for n in range(20)))
    assert most == 3


async def test_each_request_is_told_to_who_counts_them(api: FakeApi) -> None:
    told: list[Sent] = []
    api.put("networkpolicies", "web")
    async with client_of(api, observe=told.append) as client:
        await client.get(POLICIES, "web", "shop")
        await client.delete(POLICIES, "web", "shop")
        await client.delete(POLICIES, "web", "shop")
        async with client.watch(POLICIES, query={"resourceVersion": "0"}):
            pass
    async with client_of(FakeApi(server="http://127.0.0.1:1"), observe=told.append) as client:
        with pytest.raises(errors.Unreachable):
            await client.get(POLICIES, "web", "shop")
    assert [(each.verb, each.status) for each in told] == [
        ("get", 200),
        ("delete", 200),
        ("delete", 404),
        ("watch", 200),
        ("get", 0),
    ]
    assert all(each.resource is POLICIES and each.seconds >= 0 for each in told)


async def test_a_watch_that_is_refused_says_why(api: FakeApi, client: Client) -> None:
    api.fail("watch=true", 403, "Forbidden", message="no right to watch")
    with pytest.raises(errors.Forbidden, match="no right to watch"):
        async with client.watch(POLICIES, query={"resourceVersion": "0"}):
            pass
