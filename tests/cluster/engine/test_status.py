"""What people see of an intent: the columns of `kubectl get`, and Events."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.cluster.engine.conftest import TenantFactory
from tests.cluster.engine.tenant import Tenant, enforcing, rule
from tests.controlplane.kubectl import Kubectl, eventually

pytestmark = pytest.mark.usefixtures("operator")


def columns(kubectl: Kubectl, tenant: Tenant, *options: str) -> dict[str, str]:
    """The row of an intent in what kubectl prints, by the column's title."""
    head, row = kubectl("get", "secintent", "-n", tenant.name, *options).splitlines()
    starts = [i for i in range(len(head)) if head[i] != " " and head[max(i - 2, 0) : i].isspace()]
    edges = [0, *starts, None]
    return {head[a:b].strip(): row[a:b].strip() for a, b in pairwise(edges)}


def test_the_columns_answer_at_a_glance(admin: Kubectl, tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until("Compliant", "True")
    row = columns(admin, shop)
    assert row.pop("AGE")
    assert row == {
        "NAME": "default",
        "PROFILE": "built-in",
        "ENFORCEMENT": "Enforce",
        "READY": "True",
        "COMPLIANT": "True",
        "FAIL": "0",
        "OVERDUE": "0",
        "NEXT DUE": "",
    }


def test_the_wide_columns_say_why_and_of_when(admin: Kubectl, tenant: TenantFactory) -> None:
    shop = tenant(intent={"network": {"allow": [rule()]}})
    shop.until_ready()
    row = columns(admin, shop, "-o", "wide")
    assert (row["COMPLIANT"], row["FAIL"], row["REASON"]) == ("False", "2", "AuditOnly")
    assert row["EVALUATED"].endswith("s")


def test_what_was_not_evaluated_has_no_number(admin: Kubectl, tenant: TenantFactory) -> None:
    shop = tenant(intent={"profile": "nowhere"})
    shop.until("Ready", "False", "ProfileNotFound")
    row = columns(admin, shop, "-o", "wide")
    assert (row["READY"], row["COMPLIANT"], row["FAIL"]) == ("False", "Unknown", "")
    assert row["REASON"] == "ProfileNotFound"


def test_one_event_tells_of_one_problem(tenant: TenantFactory) -> None:
    shop = tenant(intent={"profile": "nowhere"})
    shop.until("Ready", "False", "ProfileNotFound")

    def told() -> str:
        (event,) = shop.events("ProfileNotFound")
        return str(event["note"])

    assert eventually(told).startswith('Ready is False: spec.profile names "nowhere"')


def test_a_problem_that_is_over_is_told_too(tenant: TenantFactory) -> None:
    shop = tenant(intent={"profile": "nowhere"})
    shop.until("Ready", "False", "ProfileNotFound")
    shop.declare(enforcing())
    shop.until_ready()

    def told() -> None:
        assert [event["type"] for event in shop.events("Succeeded")] == ["Normal"]

    eventually(told)


def test_an_auditor_reads_since_when_and_on_what_evidence(
    auditor: Kubectl, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until("Compliant", "True")
    status = auditor.get("secintent", "default", shop.name)["status"]
    isolated = next(c for c in status["controls"] if c["id"] == "network-isolated-ingress")
    assert isolated["result"] == "pass"
    assert isolated["since"] <= status["evaluatedAt"]
    assert "4 policies read back from the API server" in isolated["evidence"]
    assert "NIST-800-53:SC-7(5)" in isolated["refs"]
    assert [(each["from"], each["to"]) for each in status["history"]] == [("Unknown", "True")]
