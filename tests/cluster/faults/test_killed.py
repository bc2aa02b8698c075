"""The operator killed after each of its writes while a namespace is isolated or released."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import Tenant
from tests.cluster.faults.edges import ADDRESS, A, B, C, Declared, Rule
from tests.cluster.faults.team import Team
from tests.cluster.faults.witness import Witness
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.controlplane.proxy import Call, Cut, Fault, Proxy

# Somebody else isolates A, so both ways of holding a namespace open are gone through.
OTHERS = (Rule("foreign", (B,), A, (80,)),)
ENFORCED = Declared(
    enforce=True,
    rules=(Rule("one", (A, C), B, (80,)), Rule("two", (B,), ADDRESS, (443,))),
)


class Death:
    """Kills the operator after the given number of writes in a namespace."""

    def __init__(self, operator: OperatorProcess, namespace: str, after: int) -> None:
        self._operator = operator
        self._namespace = namespace
        self._left = after

    def __call__(self, call: Call) -> Fault | None:
        if not call.is_write or call.namespace != self._namespace or call.resource == "events":
            return None
        self._left -= 1
        return Cut(after=True, then=self._operator.kill) if self._left == 0 else None


def test_a_switch_is_finished_wherever_it_was_broken_off(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy
) -> None:
    team = Team(Tenant(control_plane.api, namespace("shop")), OTHERS)
    with (
        Witness(control_plane.admin) as witness,
        OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig) as operator,
    ):
        kills = [
            _kills_during(team, operator, proxy, ENFORCED),
            _kills_during(team, operator, proxy, replace(ENFORCED, enforce=False)),
        ]
        judge = team.judge(witness)
        assert judge.faults == [], operator.tail(40)
    # A policy that holds open, the isolation policy twice, three rules' halves, a status.
    assert all(number >= 7 for number in kills), kills


def _kills_during(team: Team, operator: OperatorProcess, proxy: Proxy, wanted: Declared) -> int:
    """Switch again and again, with a death one write later each time; returns how many it took."""
    before = replace(wanted, enforce=not wanted.enforce)
    for after in count(1):
        team.declare(before)
        team.tenant.until_ready()
        proxy.rule = Death(operator, team.tenant.name, after)
        team.declare(wanted)

        def is_over() -> None:
            assert team.is_content() or not operator.is_running

        eventually(is_over, 60)
        proxy.rule = None
        if operator.is_running:
            return after - 1
        operator.start_again()
        team.tenant.until_ready()
    raise AssertionError("unreachable: the loop ends by itself")
