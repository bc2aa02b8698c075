"""A new advisory comes out, and somebody asks for a rescan."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from tests.demo.declare import intent
from tests.demo.screen import Progress
from tests.demo.stage import Stage
from tests.images.database import ADVISORIES, GLIBC

Json = dict[str, Any]

_WORST: Final = 4


def show_rescan(stage: Stage) -> None:
    """Give the scanner a newer database, ask for a rescan, and show what came of it."""
    screen, shop = stage.screen, stage.namespace("shop")
    request = stage.application.rescan
    screen.heading(f"{GLIBC.id} turns out to be exploited, and the shop asks for a rescan")
    stage.scanner.import_advisories(ADVISORIES, datetime.now(UTC))
    screen.say("The scanner was given a newer database, which has it.")
    screen.command("kubectl create -f manifests/examples/rescan.yaml")
    with screen.working("Images are scanned again") as progress:
        made = stage.admin("create", "-f", "-", "-o", "name", input=json.dumps(request))
        name = made.strip().rpartition("/")[2]
        status = stage.until("the rescan to end", lambda: _ended(stage, name, progress))
        stage.until("the intent to tell of the rescan", lambda: _is_told(stage))
        progress.done = f"{status['done']} of {status['total']} images scanned again"
    screen.command(f"kubectl get rescan -n {shop}", stage.admin("get", "rescan", "-n", shop))
    for failed in status.get("failed") or ():
        screen.say(f"{failed['image']}: {failed['message']}", hanging="  ")
    screen.say()
    _show_worst(stage)


def _ended(stage: Stage, name: str, progress: Progress) -> Json | None:
    request = stage.admin.get("rescan", name, stage.namespace("shop"))
    status: Json = request.get("status") or {}
    if "total" in status:
        progress.text = f"{status['done']} of {status['total']} images scanned again"
    return status if status.get("completed") else None


def _is_told(stage: Stage) -> Json | None:
    rescan: Json = intent(stage, "shop")["status"].get("rescan") or {}
    return rescan if rescan.get("completed") else None


def _show_worst(stage: Stage) -> None:
    """The vulnerabilities that matter most in the shop, as its intent has them."""
    worst = intent(stage, "shop")["status"]["images"]["worst"]
    dated = [each for each in worst if each.get("dueBy")]
    if not dated:
        return
    stage.screen.say("From status.images.worst of the shop's intent:")
    rows = [("VULNERABILITY", "SEVERITY", "DUE BY", "IN")]
    rows += [
        (
            each["vulnerability"],
            each["severity"] + (", exploited" if each.get("knownExploited") else ""),
            each["dueBy"][:10],
            f"{each['package']} {each['version']} of {each['image'].partition('/')[2]}",
        )
        for each in sorted(dated, key=lambda each: str(each["dueBy"]))[:_WORST]
    ]
    stage.screen.table(rows)
