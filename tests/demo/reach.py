"""What is possible, given every policy: by one made by hand, and where an edge has one half."""

from __future__ import annotations

import time
from typing import Any, Final

from bailiwick.reports.snippets import flow
from tests.demo.declare import intent
from tests.demo.stage import Stage

Json = dict[str, Any]

_DEEPER: Final = "     "
_BY_HAND: Final = "debug-redis"
_SPEC: Final = {"podSelector": {"matchLabels": {"app": "redis-cart"}}, "ingress": [{}]}


def show_reach(stage: Stage) -> None:
    """Widen the shop by a policy of our own, and show who waits for whom."""
    stage.screen.heading("What is possible, given every policy, is not what was declared")
    _show_widened(stage)
    _show_half_open(stage)


def _show_widened(stage: Stage) -> None:
    screen, shop = stage.screen, stage.namespace("shop")
    before = _network(stage, "shop")
    screen.say(
        f"The shop declares {before['declaredEdges']} edges, and {before['effectiveEdges']} are "
        "possible. Somebody adds a policy of their own, which no operator may touch:"
    )
    screen.command(f"kubectl apply -n {shop} -f -", f"spec: {flow(_SPEC)}")
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": _BY_HAND, "namespace": shop},
        "spec": _SPEC,
    }
    begun = time.monotonic()
    stage.admin.apply([policy])
    finding = stage.until(
        "the status to name the policy", lambda: _finding(stage, "shop", "WidenedByForeign")
    )
    now = _network(stage, "shop")["effectiveEdges"]
    screen.say(
        f"After {time.monotonic() - begun:.1f} s the status names it, {now} edges are possible:"
    )
    screen.say(finding["message"], "yellow", indent=_DEEPER)
    screen.say(f"To be mended by {finding['mender']}.", indent=_DEEPER)
    stage.admin.delete("netpol", _BY_HAND, shop)
    stage.until(
        "the finding to go",
        lambda: None if _finding(stage, "shop", "WidenedByForeign") else True,
    )
    screen.say("Deleted again, the finding is gone.")
    screen.say()


def _show_half_open(stage: Stage) -> None:
    screen = stage.screen
    legacy, payments = stage.namespace("legacy"), stage.namespace("payments")
    screen.say(
        f"Namespace {legacy} declares that it calls {payments}, which has not declared to be "
        "called. Both sides are told, each by its own status:"
    )
    screen.command(f"kubectl get secintent default -n {legacy} -o jsonpath={{.status.network}}")
    half = stage.until("the half edge to show", lambda: _finding(stage, "legacy", "HalfOpen"))
    screen.say(half["message"], "yellow", indent=_DEEPER)
    screen.command(f"kubectl get secintent default -n {payments} -o jsonpath={{.status.network}}")
    asked = stage.until(
        "the other side to show it", lambda: _network(stage, "payments").get("incomingHalfOpen")
    )[0]
    screen.say(
        f"{asked['from']} asks to reach {asked['to']} on {asked['ports']}. To allow it:",
        "yellow",
        indent=_DEEPER,
    )
    screen.lines(asked["suggestion"])


def _network(stage: Stage, name: str) -> Json:
    found: Json = intent(stage, name)["status"]["network"]
    return found


def _finding(stage: Stage, name: str, code: str) -> Json | None:
    found = _network(stage, name)["findings"]
    return next((each for each in found if each["code"] == code), None)
