from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bailiwick.kube import projections, wire
from bailiwick.kube.interning import Interner


@pytest.mark.parametrize(
    "pod, container, expected",
    [
        ({}, {}, (None, None)),
        ({"runAsUser": 1000}, {}, (1000, None)),
        ({"runAsUser": 1000, "runAsNonRoot": True}, {"runAsUser": 0}, (0, True)),
        ({"runAsNonRoot": True}, {"runAsNonRoot": False}, (None, False)),
    ],
)
def test_a_container_runs_as_its_own_security_context_says_or_else_the_pod_s(
    pod: dict[str, Any], container: dict[str, Any], expected: tuple[int | None, bool | None]
) -> None:
    body = {
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "securityContext": pod,
            "containers": [{"name": "app", "image": "cart", "securityContext": container}],
        },
    }
    made = projections.pod(msgspec.convert(body, wire.Pod), Interner())
    assert [(c.run_as_user, c.run_as_non_root) for c in made.containers] == [expected]
