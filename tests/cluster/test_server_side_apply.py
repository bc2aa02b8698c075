"""Our kinds under server-side apply: what is taken out of a spec is gone, and nothing else is.

The API server merges by parts, and leaves a null, or nothing, where the last part of something
goes. A null is refused, and where left out means without limit, nothing is wider than asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.conftest import NamespaceFactory
from tests.controlplane.api import APPLY, Api
from tests.controlplane.cluster import ControlPlane

Spec = dict[str, Any]

RULE = {"name": "all", "to": {"workload": {"matchLabels": {"app": "web"}}}}
LIMITS = {"cidrs": ["203.0.113.0/24"], "entities": ["DNS"]}


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    return control_plane.api


def apply(api: Api, where: str, kind: str, name: str, spec: Spec, manager: str = "git") -> Spec:
    """Apply an object, and return the spec that it then has."""
    body = {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    path = f"/apis/bailiwick.dev/v1alpha1/{where}/{name}?fieldManager={manager}"
    found: Spec = api.patch(path, body, APPLY)["spec"]
    return found


@pytest.fixture
def intents(namespace: NamespaceFactory) -> str:
    """The collection of intents of a new namespace."""
    return f"namespaces/{namespace('apply')}/securityintents"


@pytest.fixture
def profile(api: Api) -> Iterator[str]:
    """The name of a profile that goes with the test."""
    yield "applied"
    api.delete("/apis/bailiwick.dev/v1alpha1/securityprofiles/applied")


@pytest.mark.parametrize(
    "before, after",
    [
        ({"network": {"allow": [RULE]}}, {}),
        ({"network": {"allow": [RULE]}}, {"network": {}}),
        ({"network": {"allow": [RULE]}}, {"network": {"allow": []}}),
        ({"enforcement": "Enforce", "network": {"allow": [RULE]}}, {"enforcement": "Enforce"}),
        ({"images": {"scan": {"maxAge": "1h"}}}, {"images": {"scan": {}}}),
        ({"images": {"remediateWithin": {"critical": "1d"}}}, {"images": {}}),
    ],
)
def test_an_intent_can_be_emptied(api: Api, intents: str, before: Spec, after: Spec) -> None:
    apply(api, intents, "SecurityIntent", "default", before)
    found = apply(api, intents, "SecurityIntent", "default", after)
    assert found.pop("network") == {}
    assert found.pop("images") in ({}, after.get("images"))
    assert found == {key: after[key] for key in after.keys() - {"network", "images"}}


def test_two_managers_share_an_intent(api: Api, intents: str) -> None:
    apply(api, intents, "SecurityIntent", "default", {"network": {"allow": [RULE]}})
    other = {"name": "other", "to": {"workload": {}}}
    theirs = {"network": {"allow": [other]}, "images": {"scannedAfter": "2026-11-24T00:00:00Z"}}
    found = apply(api, intents, "SecurityIntent", "default", theirs, manager="pipeline")
    assert found["network"]["allow"] == [RULE, other]
    found = apply(api, intents, "SecurityIntent", "default", {"network": {"allow": [RULE]}})
    assert found["network"]["allow"] == [RULE, other]
    assert found["images"] == {"scannedAfter": "2026-11-24T00:00:00Z"}
    found = apply(api, intents, "SecurityIntent", "default", {}, manager="pipeline")
    assert found["network"]["allow"] == [RULE]


@pytest.mark.parametrize(
    "before, after",
    [
        (LIMITS, {"cidrs": [], "entities": ["DNS"]}),
        (LIMITS, {"cidrs": [], "entities": []}),
        ({"cidrs": ["203.0.113.0/24"]}, {"cidrs": []}),
        ({"cidrs": []}, {"cidrs": []}),
        (LIMITS, {"cidrs": ["203.0.113.0/24"]}),
    ],
)
def test_a_limit_of_a_profile_that_becomes_empty_is_not_lost(
    api: Api, profile: str, before: Spec, after: Spec
) -> None:
    for limits in (before, after):
        spec = {"network": {"mayDeclare": limits}}
        found = apply(api, "securityprofiles", "SecurityProfile", profile, spec)
        assert found["network"]["mayDeclare"] == limits


@pytest.mark.parametrize(
    "before, after, field, value",
    [
        (
            {"network": {"isolate": ["Ingress"]}},
            {"network": {"isolate": []}},
            "network.isolate",
            [],
        ),
        ({"usableBy": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}, {}, "usableBy", None),
        ({"images": {"registries": ["a/*"]}}, {"images": {}}, "images.registries", None),
        ({"controls": {"image-age": "Warn"}}, {"controls": {}}, "controls.image-age", None),
        ({"rollout": {"pause": "1s"}}, {}, "rollout.pause", "60s"),
    ],
)
def test_what_leaves_a_profile_is_as_if_it_had_never_been_there(
    api: Api, profile: str, before: Spec, after: Spec, field: str, value: object
) -> None:
    apply(api, "securityprofiles", "SecurityProfile", profile, before)
    found: Any = apply(api, "securityprofiles", "SecurityProfile", profile, after)
    for part in field.split("."):
        found = found.get(part)
    assert found == value
