"""What to try now, or how to come back to it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.controlplane import binaries
from tests.demo.stage import Stage


def is_to_be_kept(env: Mapping[str, str]) -> bool:
    """Whether everything is to be left running at the end: make demo KEEP=1."""
    return env.get("KEEP", "") not in ("", "0")


def say_goodbye(stage: Stage, env: Mapping[str, str]) -> None:
    """Say that it is over, and how to have it all left running the next time."""
    stage.screen.say()
    if is_to_be_kept(env):
        stage.screen.say("Stopped; nothing is left running.")
        return
    same = "" if stage.is_own else ", with the same KUBECONFIG and CONTEXT"
    stage.screen.say(
        f"That was it, and nothing of it is left. To look around yourself: make demo KEEP=1{same}"
    )


def keep(stage: Stage, log: Path) -> None:
    """Say what can be tried, and leave everything running until Ctrl-C."""
    screen = stage.screen
    screen.heading("Try it yourself, in another terminal")
    lines = [f"export KUBECONFIG={stage.cluster.admin.kubeconfig}"]
    if shutil.which("kubectl") is None:
        lines.append(f"export PATH=$PATH:{binaries.kubectl().parent}")
    screen.lines("\n".join(lines))
    screen.lines(f"tail -f {log}      # what the operator says")
    for why, commands in _hints(stage):
        screen.say()
        screen.say(f"# {why}")
        screen.lines("\n".join(commands))
    screen.say()
    screen.say("Everything runs until Ctrl-C, here.", "bold")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _hints(stage: Stage) -> list[tuple[str, list[str]]]:
    shop, payments, legacy = (stage.namespace(each) for each in ("shop", "payments", "legacy"))
    auditor = stage.cluster.auditor.kubeconfig
    return [
        (
            "the verdicts, their reasons, and everything about one",
            [
                "kubectl get secintent -A -o wide",
                f"kubectl describe secintent default -n {shop}",
                "kubectl get secprofile,imgscan,rescan -A",
                "kubectl explain secintent.spec.network.allow",
            ],
        ),
        (
            "delete every policy of the shop, see them again",
            [
                f"kubectl delete netpol --all -n {shop}",
                f"kubectl get netpol -n {shop}",
                f"kubectl events -n {shop} --for secintent/default",
            ],
        ),
        (
            "isolate the old application as well, then look at it again",
            [
                f"kubectl patch secintent default -n {legacy} --type=merge "
                """-p '{"spec":{"enforcement":"Enforce"}}'""",
                f"kubectl get secintent,netpol -n {legacy}",
            ],
        ),
        (
            "write what makes no sense, and be told what to write instead",
            [
                f"kubectl patch secintent default -n {payments} --type=merge --dry-run=server "
                """-p '{"spec":{"network":{"allow":[{"name":"all"}]}}}'""",
            ],
        ),
        (
            "opt a namespace in by its label",
            [
                f"kubectl create namespace {stage.namespace('trial')}",
                f"kubectl label namespace {stage.namespace('trial')} "
                "bailiwick.dev/profile=restricted",
                f"kubectl get secintent -n {stage.namespace('trial')}",
            ],
        ),
        (
            "as the auditor, who may read and nothing else",
            [
                f"kubectl --kubeconfig {auditor} get secintent -A",
                f"kubectl --kubeconfig {auditor} auth can-i --list",
            ],
        ),
    ]
