"""What cannot be mended at once is tolerated, by two people and for a time."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bailiwick.api.meta import API_VERSION
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import ADMIN
from tests.demo.declare import intent
from tests.demo.errors import DemoError
from tests.demo.stage import Stage
from tests.images.database import GLIBC

Json = dict[str, Any]

NAME: Final = "glibc"
# Seconds; long enough to be seen, and short enough to be waited for.
_LASTS: Final = 12


def show_exception(stage: Stage) -> None:
    """Except what is due first, have that approved, and wait until it ends.

    On a machine busy with other things it can have ended before it is shown.
    """
    cluster, screen, shop = stage.cluster, stage.screen, stage.namespace("shop")
    if not isinstance(cluster, ControlPlane):
        return  # there is nobody else in a cluster that we borrowed
    screen.heading(f"{GLIBC.id} is tolerated for {_LASTS} seconds, in writing and by two people")
    cluster.let_approve(shop)
    screen.command(f"kubectl apply -n {shop} -f {NAME}.yaml")
    stage.admin.apply(_exception(shop))
    _until_state(stage, "AwaitingApproval")
    screen.command(f"bailiwick approve {NAME} -n {shop}", _approve(cluster, shop))
    _until_state(stage, "ExpiresSoon", "Expired")
    screen.command(f"kubectl get vulnex -n {shop}", _table(stage))
    screen.say("What it is for is skipped: no pass, not overdue, and not the next that is due.")
    with screen.working("Until it ends", "It ended: what it was for counts again"):
        _until_state(stage, "Expired")
        stage.until("what it was for to count again", lambda: _counts_again(stage))
    screen.command(f"kubectl get vulnex -n {shop}", _table(stage))


def _exception(namespace: str) -> Json:
    ends = datetime.now(UTC) + timedelta(seconds=_LASTS)
    return {
        "apiVersion": API_VERSION,
        "kind": "VulnerabilityException",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {
            "vulnerabilities": [GLIBC.id],
            "status": "affected",
            "actionStatement": "the image is built anew on Friday",
            "reason": "no program in these images has its set-user-ID bit",
            "author": ADMIN,
            "expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }


def _approve(cluster: ControlPlane, namespace: str) -> str:
    program = str(Path(sys.executable).parent / "bailiwick")
    kubeconfig = str(cluster.approver.kubeconfig)
    done = subprocess.run(
        [program, "approve", NAME, "-n", namespace, "--yes", "--kubeconfig", kubeconfig],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        raise DemoError(f"bailiwick approve failed: {done.stderr.strip()}")
    return done.stdout


def _until_state(stage: Stage, *states: str) -> None:
    def is_there() -> bool | None:
        found = stage.admin.get("vulnex", NAME, stage.namespace("shop"))
        return True if (found.get("status") or {}).get("state") in states else None

    stage.until(f"the exception to be {' or '.join(states)}", is_there)


def _table(stage: Stage) -> str:
    return stage.admin("get", "vulnex", "-n", stage.namespace("shop"))


def _counts_again(stage: Stage) -> bool | None:
    return True if intent(stage, "shop")["status"]["images"]["excepted"] == 0 else None
