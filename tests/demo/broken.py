"""A namespace that asks for what cannot be had, and is told what, why, and what to write."""

from __future__ import annotations

from tests.demo.declare import intent
from tests.demo.stage import Stage


def show_broken(stage: Stage) -> None:
    """Show what the status of the broken namespace says of each thing that is wrong."""
    screen, name = stage.screen, stage.namespace("broken")
    screen.heading(f"What namespace {name} is told")
    screen.command(f"kubectl get secintent default -n {name} -o yaml      # status, in short:")
    status = intent(stage, "broken")["status"]
    rows = [(each["field"], each["message"]) for each in status.get("refused", ())]
    rows += [
        (f"{each['severity']} {each['code']}", each["message"])
        for each in status["network"]["findings"]
    ]
    rows += [
        (f"{each['image']}: {each['verdict']}", each["message"])
        for each in status["images"]["problems"]
    ]
    for where, message in rows:
        screen.say(where, "yellow")
        screen.say(message, indent="     ")
