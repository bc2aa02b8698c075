"""What the auditor sees of one namespace: each control, why, since when, and on what evidence."""

from __future__ import annotations

from typing import Any, Final

from tests.controlplane.kubectl import Kubectl
from tests.demo.screen import Screen
from tests.demo.stage import Stage

Json = dict[str, Any]

_STYLES: Final = {"pass": "green", "fail": "red", "warn": "yellow", "error": "yellow"}
_OPEN: Final = ("fail", "warn", "error")


def show_audit(stage: Stage) -> None:
    """Read the status of the shop as the auditor, and lay it out for reading."""
    screen, shop = stage.screen, stage.namespace("shop")
    auditor = Kubectl(stage.cluster.auditor)
    screen.heading("What the auditor sees of the shop")
    screen.say(
        f"Read as user {auditor.identity.name}, by the ClusterRole bailiwick-auditor, from one "
        "object:"
    )
    screen.command(f"kubectl get secintent default -n {shop} -o yaml")
    status = auditor.get("secintent", "default", shop)["status"]
    screen.say()
    _verdict(screen, status)
    evidence = _numbered(status["controls"])
    for stage_name in status["stages"]:
        _controls(screen, stage_name, status, evidence)
    screen.say()
    screen.say("On this evidence:")
    for text, number in evidence.items():
        screen.say(f"[{number}] {text}", hanging="    ")
    _history(screen, status)


def _verdict(screen: Screen, status: Json) -> None:
    rows = [
        (each["type"], each["status"], _clock(each["lastTransitionTime"]), _first(each["message"]))
        for each in status["conditions"]
    ]
    screen.table([("CONDITION", "", "SINCE (UTC)", "WHY, IN A SENTENCE"), *rows])


def _controls(screen: Screen, name: str, status: Json, evidence: dict[str, int]) -> None:
    mine = [each for each in status["controls"] if each["stage"] == name]
    counts = ", ".join(f"{n} {what}" for what, n in status["stages"][name].items() if n)
    screen.say()
    screen.title(f"   {name.upper()}: {counts}")
    rows, styles = [], []
    for each in mine:
        number = evidence.get(each.get("evidence", ""), 0)
        message = each["message"]
        if each["result"] in _OPEN:
            message += f" To do: {each['remediation']} [{', '.join(each['refs'])}]"
        since = _clock(each["since"])
        rows.append((each["result"], each["id"], since, f"[{number}]" if number else "", message))
        styles.append([_STYLES[each["result"]]] if each["result"] in _STYLES else [])
    screen.table(rows, styles)


def _numbered(controls: list[Json]) -> dict[str, int]:
    """The different texts of evidence, in the order of the controls, each with a number."""
    texts = dict.fromkeys(each["evidence"] for each in controls if each.get("evidence"))
    return {text: number for number, text in enumerate(texts, 1)}


def _history(screen: Screen, status: Json) -> None:
    screen.say()
    if not status["history"]:
        screen.say("Compliant was Unknown from the beginning.")
        return
    screen.say("Changes of Compliant, each chained to the one before by its digest:")
    for each in status["history"]:
        screen.say(
            f"{_clock(each['at'])}  {each['from']} to {each['to']}, {each['reason']}, "
            f"{each['digest'][:19]}…"
        )


def _first(message: str) -> str:
    """The first sentence; what else there is stands with the controls."""
    return message.partition(". ")[0].removesuffix(".") + "."


def _clock(instant: str) -> str:
    """The time of day of an instant in UTC; the day is today's."""
    return instant[11:19]
