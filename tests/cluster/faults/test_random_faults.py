"""Every write may fail, in every way, while teams change their intents all the time.

`make test` does so for 20 s; BAILIWICK_FAULT_SECONDS=60 makes it the full minute.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from random import Random
from typing import Final

import pytest

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import Tenant
from tests.cluster.faults.edges import A, B, Rule, changed
from tests.cluster.faults.team import Team
from tests.cluster.faults.witness import Witness
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess
from tests.controlplane.proxy import Answer, Call, Cut, Fault, Proxy

SECONDS: Final = float(os.environ.get("BAILIWICK_FAULT_SECONDS", "20"))
SHARE: Final = 0.3  # of all writes
FAULTS: Final[tuple[Fault, ...]] = (
    Answer(409),
    Answer(429, retry_after=1),
    Answer(500),
    Answer(504),
    Cut(),
    Cut(after=True),
    Cut(seconds=1.0),
    Cut(after=True, seconds=1.0),
)
OTHERS: Final = (Rule("foreign", (B,), A, (80,)),)


class Trouble:
    """Lets some of all writes fail, and counts how."""

    def __init__(self, seed: int) -> None:
        self.counts: Counter[Fault] = Counter()
        self._chance = Random(seed)
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> Fault | None:
        with self._lock:
            if not call.is_write or self._chance.random() > SHARE:
                return None
            fault = self._chance.choice(FAULTS)
            self.counts[fault] += 1
        return fault


@pytest.mark.timeout(SECONDS + 280)
def test_no_moment_allows_less_or_more_than_before_and_after(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy
) -> None:
    trouble, chance = Trouble(seed=11), Random(7)
    teams = [
        Team(Tenant(control_plane.api, namespace("shop")), OTHERS if number == 0 else ())
        for number in range(12)
    ]
    with (
        Witness(control_plane.admin) as witness,
        OperatorProcess(
            control_plane, "--lease-seconds", "15", kubeconfig=proxy.kubeconfig
        ) as operator,
    ):
        pid = operator.wait_ready().pid
        proxy.rule = trouble
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            team = chance.choice(teams)
            # Mostly a team waits for one change before the next: else nothing stays allowed.
            if not team.declared or team.is_content() or chance.random() < 0.05:
                team.declare(changed(team.intent, chance))
            # Sometimes what the operator did itself comes back to it late.
            if chance.random() < 0.2:
                proxy.hold_watches("networkpolicies")
            time.sleep(chance.uniform(0.0, 0.15))
            proxy.release_watches()
        proxy.rule = None
        for team in teams:
            team.tenant.until_ready(within=120)
        judged = [team.judge(witness) for team in teams]
        assert [judge.faults for judge in judged] == [[] for _ in teams], operator.tail(40)
        assert (operator.is_running, operator.pid) == (True, pid)
    assert trouble.counts.keys() == set(FAULTS)
    assert all(judge.settled > 1 for judge in judged)
