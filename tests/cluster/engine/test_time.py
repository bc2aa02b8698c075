"""What time alone changes: nobody edits anything, no event comes, and nothing is restarted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.cluster.engine.conftest import ENFORCER, TenantFactory
from tests.cluster.engine.tenant import WITHIN, Tenant, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

REVIEWED = "network-rules-reviewed"


def control(shop: Tenant, result: str) -> Json:
    """Wait until the control of reviews has a result, and return it."""

    def found() -> Json:
        (one,) = (each for each in shop.status()["controls"] if each["id"] == REVIEWED)
        assert one["result"] == result, one["message"]
        report: Json = one
        return report

    return eventually(found, WITHIN)


def test_a_rule_is_warned_of_when_its_time_comes(
    installed: ControlPlane, tenant: TenantFactory
) -> None:
    now = datetime.now(UTC)
    last_day = now.date() + timedelta(days=2)
    ends = datetime.combine(last_day + timedelta(days=1), datetime.min.time(), UTC)
    # The warning begins a while after the operator does.
    warning = f"{int((ends - now).total_seconds()) - 25}s"
    options = ("--enforcer", ENFORCER, "--review-warning", warning, "--resync", "1h")
    with OperatorProcess(installed, *options):
        shop = tenant("shop", intent=enforcing(rule(reviewBy=last_day.isoformat())))
        shop.until_ready()
        assert "none near or past it" in control(shop, "pass")["message"]
        before = shop.policies().keys()
        said = control(shop, "warn")
        assert f"web-to-store (reviewBy {last_day})" in said["message"]
        assert "LapsesSoon" in {each["code"] for each in shop.status()["network"]["findings"]}
        assert shop.policies().keys() == before


def test_a_rule_past_its_last_day_is_closed_and_said_so(
    operator: OperatorProcess, tenant: TenantFactory
) -> None:
    assert operator.is_running
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    shop = tenant(
        "shop", intent=enforcing(rule(reviewBy=yesterday.isoformat()), rule("kept", 9000))
    )
    shop.until_ready()
    said = control(shop, "fail")
    assert f"web-to-store (reviewBy {yesterday})" in said["message"]
    assert "Set a later reviewBy" in said["message"]
    rules = {
        each["metadata"]["labels"].get("bailiwick.dev/rule") for each in shop.policies().values()
    }
    assert "kept" in rules
    assert "web-to-store" not in rules


def test_a_status_is_renewed_by_a_slow_heartbeat_and_nothing_else_is_written(
    installed: ControlPlane, tenant: TenantFactory
) -> None:
    with OperatorProcess(installed, "--enforcer", ENFORCER, "--heartbeat", "3s", "--resync", "1h"):
        shop = tenant("shop", intent=enforcing(rule()))
        shop.until_ready()
        before = shop.status()

        def is_renewed() -> None:
            assert shop.status()["evaluatedAt"] > before["evaluatedAt"]

        eventually(is_renewed, WITHIN)
        after = shop.status()
        assert {**after, "evaluatedAt": ""} == {**before, "evaluatedAt": ""}
