"""What templates give is refused where the API server would refuse it of a person."""

from __future__ import annotations

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.conftest import NamespaceFactory
from tests.controlplane.api import ApiError
from tests.controlplane.cluster import ControlPlane
from tests.unit.network.template_cases import ALLOWED, REFUSED, Json


def declare(control_plane: ControlPlane, namespace: str, rule: Json) -> None:
    """Offer an intent with this rule to the API server, which keeps nothing of it."""
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/securityintents"
    control_plane.api.create(
        f"{path}?dryRun=All&fieldValidation=Strict",
        {
            "apiVersion": API_VERSION,
            "kind": "SecurityIntent",
            "metadata": {"name": "default"},
            "spec": {"network": {"allow": [{"name": "metrics", **rule}]}},
        },
    )


def test_the_api_server_takes_what_a_template_may_give(
    control_plane: ControlPlane, namespace: NamespaceFactory
) -> None:
    name = namespace("templates")
    for rule in ALLOWED:
        declare(control_plane, name, rule)


def test_the_api_server_refuses_what_a_template_may_not_give(
    control_plane: ControlPlane, namespace: NamespaceFactory
) -> None:
    name = namespace("templates")
    for rule, _ in REFUSED:
        with pytest.raises(ApiError) as refused:
            declare(control_plane, name, rule)
        assert refused.value.status in (400, 422), f"{rule}: {refused.value}"
