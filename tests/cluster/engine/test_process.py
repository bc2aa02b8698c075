"""The operator as a process: how it stops, what its probes and metrics say, and what it logs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.cluster.engine.conftest import ENFORCER, TenantFactory
from tests.cluster.engine.tenant import WITHIN, Tenant, enforcing, rule
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

STOPS_WITHIN = 5.0  # seconds, as the Deployment's grace period supposes
QUIET = 3.0  # seconds


@pytest.fixture(scope="module")
def operator(installed: ControlPlane) -> Iterator[OperatorProcess]:
    """An operator whose log is not read on a terminal."""
    with OperatorProcess(installed, "--enforcer", ENFORCER, "--log-format", "json") as running:
        yield running.wait_ready()


def log(operator: OperatorProcess) -> list[dict[str, str]]:
    """The lines of the log."""
    return [json.loads(line) for line in operator.log.read_text().splitlines()]


def lines_about(operator: OperatorProcess, shop: Tenant) -> list[str]:
    return [each["message"] for each in log(operator) if shop.name in each["message"]]


def test_each_line_of_the_log_is_json_with_a_time_and_a_level(
    operator: OperatorProcess, tenant: TenantFactory
) -> None:
    tenant(intent=enforcing(rule())).until_ready()
    tenant(intent={"profile": "nowhere"}).until("Ready", "False")
    for line in log(operator):
        assert {"time", "level", "logger", "message"} <= line.keys()
        datetime.fromisoformat(line["time"].replace(",", "."))
        assert line["level"] in {"INFO", "WARNING"}, line


def test_one_line_is_logged_for_each_thing_that_changed_and_none_for_what_did_not(
    operator: OperatorProcess, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until("Compliant", "True")

    def all_is_said() -> list[str]:
        lines = lines_about(operator, shop)
        assert len(lines) == 3
        return lines

    wrote, ready, compliant = eventually(all_is_said)
    assert wrote == f"{shop.name}: applied or removed 4 policies"
    assert ready.startswith(f"{shop.name}: Ready is True")
    assert compliant.startswith(f"{shop.name}: Compliant is True")
    everything = log(operator)
    shop.api.patch(shop.intent_path, {"metadata": {"annotations": {"note": "nothing changes"}}})
    time.sleep(QUIET)
    assert log(operator) == everything


def test_drift_that_is_mended_is_one_line(operator: OperatorProcess, tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until("Compliant", "True")
    before = lines_about(operator, shop)
    shop.api.delete(f"{shop.policy_path}/bailiwick-isolation")

    def is_mended() -> None:
        assert "bailiwick-isolation" in shop.policies()
        assert len(lines_about(operator, shop)) > len(before)

    eventually(is_mended, timeout=WITHIN)
    shop.until("Compliant", "True")
    (line,) = lines_about(operator, shop)[len(before) :]
    assert line.endswith("mended network policies that somebody else changed: bailiwick-isolation")


def test_the_probes_say_what_they_looked_at(operator: OperatorProcess) -> None:
    alive, said = operator.probe("healthz")
    assert alive
    assert said.splitlines() == ["watches: ok", "parts: ok", "workers: ok"]
    ready, said = operator.probe("readyz")
    assert ready
    assert {"connected: ok", "resync: ok", "our kinds: ok", "lease: ok"} <= set(said.splitlines())


@pytest.mark.parametrize(
    "name, labels",
    [
        ("bailiwick_queue_seconds_count", {"queue": "namespaces"}),
        ("bailiwick_reconcile_seconds_count", {"queue": "namespaces"}),
        ("bailiwick_api_writes_total", {"resource": "networkpolicies", "verb": "apply"}),
        ("bailiwick_api_writes_total", {"resource": "securityintents", "verb": "apply/status"}),
        ("bailiwick_drift_repaired_total", {}),
        ("bailiwick_list_age_seconds", {"kind": "pods"}),
        ("bailiwick_list_age_seconds", {"kind": "securityintents"}),
        ("bailiwick_store_objects", {"kind": "pods"}),
        ("bailiwick_store_objects", {"kind": "securityintents"}),
        ("bailiwick_intents", {"compliant": "True"}),
        ("bailiwick_leader", {}),
    ],
)
def test_a_metric_tells_of_what_was_done(
    operator: OperatorProcess,
    tenant: TenantFactory,
    name: str,
    labels: dict[str, str],
) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until("Compliant", "True")
    shop.api.delete(f"{shop.policy_path}/bailiwick-isolation")

    def is_counted() -> None:
        assert operator.metric(name, **labels) > 0

    eventually(is_counted, timeout=WITHIN)


def test_intents_are_counted_by_verdict_while_they_are_there(
    operator: OperatorProcess, tenant: TenantFactory
) -> None:
    before = operator.metric("bailiwick_intents", compliant="Unknown")
    shop = tenant(intent={"profile": "nowhere"})
    shop.until("Ready", "False")
    assert operator.metric("bailiwick_intents", compliant="Unknown") == before + 1
    shop.delete_intent()

    def is_forgotten() -> None:
        assert operator.metric("bailiwick_intents", compliant="Unknown") == before

    eventually(is_forgotten, timeout=WITHIN)


def test_it_stops_in_seconds_while_it_writes_and_goes_on_where_it_was(
    installed: ControlPlane, operator: OperatorProcess, tenant: TenantFactory
) -> None:
    rules = [rule(f"rule-{number}", 8000 + number) for number in range(20)]
    shops = [tenant(intent=enforcing(*rules)) for _ in range(30)]

    def is_writing() -> None:
        assert shops[0].policies()

    eventually(is_writing, timeout=WITHIN)
    assert operator.stop() < STOPS_WITHIN
    stopped = datetime.now(UTC)
    lease = "/apis/coordination.k8s.io/v1/namespaces/bailiwick-system/leases/bailiwick-operator"
    assert installed.api.get(lease)["spec"].get("holderIdentity", "") == ""
    assert log(operator)[-1]["level"] in {"INFO", "WARNING"}
    operator.start_again()
    operator.wait_ready()
    for shop in shops:
        shop.until_ready(within=90)
        assert len(shop.policies()) == 42
    writes = installed.audit_writes(stopped, user=installed.operator().name)
    assert all(write.code < 400 for write in writes), [str(w) for w in writes if w.code >= 400]


def test_it_stops_in_seconds_while_it_has_nothing_to_do(operator: OperatorProcess) -> None:
    assert operator.stop() < STOPS_WITHIN
    operator.start_again()
    operator.wait_ready()
