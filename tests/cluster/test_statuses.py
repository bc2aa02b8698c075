"""Statuses as a real API server takes them, keeps them, and gives them back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bailiwick.api.meta import API_VERSION
from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.binding import Problem
from tests.cluster.conftest import NamespaceFactory
from tests.controlplane.api import Api
from tests.controlplane.cluster import ControlPlane
from tests.unit.controls.make import LIVE, critical, evidence, image, unidentified
from tests.unit.verdict.make import NO_PROFILE, later, report

APPLY = "application/apply-patch+yaml"
OVERDUE = tuple(
    image(*(critical(f"CVE-2026-{n}") for n in range(30)), number=k, seen=timedelta(days=20))
    for k in range(30)
)
STAGES: tuple[Evidence | Problem, ...] = (
    evidence(),
    evidence(live=replace(LIVE, pending=("x",))),
    NO_PROFILE,
    evidence(images=OVERDUE),
    evidence(images=None, plan=None),
    evidence(images=(unidentified(),)),
    evidence(),
)


def put(api: Api, namespace: str, status: dict[str, Any]) -> dict[str, Any]:
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/securityintents/default"
    body = {
        "apiVersion": API_VERSION,
        "kind": "SecurityIntent",
        "metadata": {"name": "default", "namespace": namespace},
        "status": status,
    }
    answer = api.patch(f"{path}/status?fieldManager=bailiwick&force=true", body, APPLY)
    read: dict[str, Any] = answer["status"]
    return read


@pytest.fixture
def intent(control_plane: ControlPlane, namespace: NamespaceFactory) -> str:
    name = namespace("status")
    body = {
        "apiVersion": API_VERSION,
        "kind": "SecurityIntent",
        "metadata": {"name": "default"},
        "spec": {},
    }
    control_plane.api.create(f"/apis/{API_VERSION}/namespaces/{name}/securityintents", body)
    return name


def test_a_status_read_back_asks_for_no_further_write(
    control_plane: ControlPlane, intent: str
) -> None:
    previous: dict[str, Any] = {}
    # One after the other on one object: fields come and go, and Stalled and Reconciling do.
    for step, subject in enumerate(STAGES):
        made = report(subject, previous=previous, now=later(minutes=step))
        assert made.write
        previous = put(control_plane.api, intent, made.status)
        assert previous == made.status
        again = report(subject, previous=previous, now=later(minutes=step, seconds=30))
        assert not again.write
