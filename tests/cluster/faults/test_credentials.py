"""Tokens that end: a new one is in the file, or none is accepted for a while."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import yaml

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import Tenant, enforcing, rule
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.controlplane.proxy import Answer, Call, Fault, Proxy

SECONDS: Final = 8.0
RATE: Final = 50  # requests a second; the operator watches 15 kinds


def refuse_all(_: Call) -> Fault:
    return Answer(401)


def test_a_token_that_was_replaced_is_read_again(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy
) -> None:
    old = control_plane.operator().token
    file = control_plane.directory / "operator.token"
    file.write_text(old)
    shop = Tenant(control_plane.api, namespace("shop"))
    with OperatorProcess(
        control_plane, kubeconfig=with_token_file(proxy.kubeconfig, file)
    ) as operator:
        pid = operator.wait_ready().pid
        new = control_plane.operator().token
        assert new != old
        proxy.rule = lambda call: Answer(401) if call.token == old else None
        file.write_text(new)
        proxy.cut_watches()
        shop.declare(enforcing(rule()))
        shop.until_ready()
        operator.wait_ready()
        assert (operator.is_running, operator.pid) == (True, pid)
        assert {call.token for call, status in proxy.answered if status == 401} == {old}


def test_an_operator_that_nobody_knows_for_a_while_goes_on(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy
) -> None:
    shop = Tenant(control_plane.api, namespace("shop"))
    shop.declare(enforcing(rule()))
    with OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig) as operator:
        pid = operator.wait_ready().pid
        shop.until_ready()
        proxy.rule = refuse_all
        begun = len(proxy.calls)
        proxy.cut_watches()
        shop.api.delete(f"{shop.policy_path}/bailiwick-isolation")
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            assert operator.probe("healthz")[0], operator.tail(20)
            time.sleep(0.2)
        assert not operator.probe("readyz")[0]
        assert len(proxy.calls) - begun < RATE * SECONDS
        proxy.rule = None

        def is_repaired() -> None:
            assert "bailiwick-isolation" in shop.policies()

        eventually(is_repaired, 60)
        operator.wait_ready()
        shop.declare(enforcing(rule(port=9090)))
        shop.until_ready()
        assert (operator.is_running, operator.pid) == (True, pid)


def with_token_file(kubeconfig: Path, token: Path) -> Path:
    """The same kubeconfig, for a user whose token is in a file."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = {"tokenFile": str(token)}
    path = kubeconfig.with_suffix(".token-file")
    path.write_text(yaml.safe_dump(config))
    return path
