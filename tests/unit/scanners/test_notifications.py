"""What registries send: read as their documentation has it, and nothing else believed."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.scanners.notifications import (
    EVENT_LIMIT,
    Happened,
    Notification,
    NotUnderstood,
    read_notifications,
)

DIGEST = "sha256:" + "a" * 64
REPOSITORY = {
    "date_created": 1680501893,
    "name": "cart",
    "namespace": "shop",
    "repo_full_name": "shop/cart",
    "repo_type": "private",
}
RESOURCE = {
    "digest": DIGEST,
    "tag": "1.0",
    "resource_url": "harbor.example.com/shop/cart:1.0",
}


def harbor(kind: str, **resource: Any) -> bytes:
    """A webhook of Harbor in its own format."""
    data = {"resources": [{**RESOURCE, **resource}], "repository": REPOSITORY}
    event = {"type": kind, "occur_at": 1680501893, "operator": "admin", "event_data": data}
    return json.dumps(event).encode()


def distribution(action: str, **target: Any) -> bytes:
    """A notification of the distribution project's registry."""
    event = {
        "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
        "timestamp": "2026-11-24T12:00:00Z",
        "action": action,
        "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "size": 708,
            "digest": DIGEST,
            "length": 708,
            "repository": "shop/cart",
            "url": f"http://registry.example.com/v2/shop/cart/manifests/{DIGEST}",
            **target,
        },
        "request": {"addr": "192.168.64.11:42961", "host": "registry.example.com"},
        "actor": {},
        "source": {"addr": "registry:5000", "instanceID": "a53db899"},
    }
    return json.dumps({"events": [event]}).encode()


@pytest.mark.parametrize(
    "kind, happened",
    [
        ("PUSH_ARTIFACT", Happened.PUSHED),
        ("DELETE_ARTIFACT", Happened.DELETED),
        ("SCANNING_COMPLETED", Happened.SCANNED),
    ],
)
def test_harbor_s_webhooks_are_read(kind: str, happened: Happened) -> None:
    overview = {"application/vnd.security.vulnerability.report; version=1.1": {"severity": "High"}}
    found = read_notifications(harbor(kind, scan_overview=overview))
    assert found == (Notification(happened, "shop/cart", DIGEST),)


def test_harbor_s_cloud_events_are_read() -> None:
    event = {
        "specversion": "1.0",
        "id": "66e18103-de1d-4c23-9c5f-a30ee6a4c1b4",
        "source": "/projects/2/webhook/policies/5",
        "type": "harbor.scan.completed",
        "datacontenttype": "application/json",
        "data": {"resources": [RESOURCE], "repository": REPOSITORY},
    }
    found = read_notifications(json.dumps(event).encode())
    assert found == (Notification(Happened.SCANNED, "shop/cart", DIGEST),)


def test_the_distribution_s_events_are_read() -> None:
    assert read_notifications(distribution("push")) == (
        Notification(Happened.PUSHED, "shop/cart", DIGEST),
    )


@pytest.mark.parametrize("body", [distribution("pull"), harbor("QUOTA_EXCEED"), b'{"events": []}'])
def test_what_is_of_no_interest_comes_to_nothing(body: bytes) -> None:
    assert read_notifications(body) == ()


def test_what_is_no_digest_is_not_taken_for_one() -> None:
    (found,) = read_notifications(distribution("push", digest="sha256:../../etc/passwd"))
    assert found.digest == ""


def test_a_notification_of_very_many_events_is_read_up_to_a_limit() -> None:
    event = json.loads(distribution("push"))["events"][0]
    body = json.dumps({"events": [event] * (EVENT_LIMIT + 1)}).encode()
    assert len(read_notifications(body)) == EVENT_LIMIT


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"events": 1}', b'{"type": ["x"]}', b"[" * 100_000],
)
def test_what_is_no_notification_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_notifications(body)


@given(st.binary(max_size=200))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    with suppress(NotUnderstood):
        read_notifications(body)
