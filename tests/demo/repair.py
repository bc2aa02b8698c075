"""Somebody changes the policies by hand, and the operator puts them right."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

from tests.controlplane import binaries
from tests.demo.errors import DemoError
from tests.demo.stage import Stage

Json = dict[str, Any]

_ISOLATION: Final = "bailiwick-isolation"
_DEEPER: Final = "     "
_PATIENCE: Final = 30.0  # seconds


def show_repairs(stage: Stage) -> None:
    """Edit a policy, delete another, and show how soon each was as declared again."""
    screen, shop = stage.screen, stage.namespace("shop")
    screen.heading("Somebody opens the shop to everyone, and deletes a policy")
    with _watching(stage, shop) as changes:
        victim = next(name for name in sorted(changes.known) if "checkout-to-payments" in name)
        opened = '{"spec":{"ingress":[{}]}}'
        patch = f"kubectl patch netpol {_ISOLATION} -n {shop} --type=merge -p '{opened}'"
        screen.command(patch)
        took = changes.repaired(
            _ISOLATION,
            lambda: stage.admin(
                "patch", "netpol", _ISOLATION, "-n", shop, "--type=merge", "-p", opened
            ),
        )
        screen.say(f"isolated again {took * 1000:.0f} ms after the edit", "green", indent=_DEEPER)
        screen.command(f"kubectl delete netpol {victim} -n {shop}")
        took = changes.repaired(victim, lambda: stage.admin.delete("netpol", victim, shop))
        screen.say(f"made again {took * 1000:.0f} ms after it was deleted", "green", indent=_DEEPER)
    event = stage.until("an Event about the repairs", lambda: _event(stage, shop, victim))
    screen.say(f"Times are as a watch saw it. An Event on the intent tells of it: {event}")


def _event(stage: Stage, namespace: str, policy: str) -> str | None:
    events = stage.admin.list("events.events.k8s.io", namespace)
    notes = [each["note"] for each in events if each.get("reason") == "DriftRepaired"]
    return next((note for note in notes if policy in note), None)


class Changes:
    """What a watch tells of the policies of a namespace, with the time of each telling."""

    def __init__(self) -> None:
        self.known: dict[str, Json] = {}
        self._told: list[tuple[float, str, Json]] = []
        self._news = threading.Condition()

    def take(self, at: float, event: Json) -> None:
        """Take in one event of the watch."""
        policy = event["object"]
        with self._news:
            if event["type"] == "DELETED":
                self.known.pop(policy["metadata"]["name"], None)
            else:
                self.known[policy["metadata"]["name"]] = policy
            self._told.append((at, event["type"], policy))
            self._news.notify_all()

    def repaired(self, name: str, harm: Callable[[], object]) -> float:
        """Do harm to a policy; return the seconds from when it shows to when it is mended.

        Raises:
            DemoError: It was not mended in time.
        """
        wanted = self.known[name]["spec"]
        seen = len(self._told)
        harm()
        harmed_at: float | None = None
        deadline = time.monotonic() + _PATIENCE
        with self._news:
            while time.monotonic() < deadline:
                for at, kind, policy in self._told[seen:]:
                    seen += 1
                    if policy["metadata"]["name"] != name:
                        continue
                    is_well = kind != "DELETED" and policy["spec"] == wanted
                    if not is_well:
                        harmed_at = harmed_at or at
                    elif harmed_at is not None:
                        return at - harmed_at
                self._news.wait(1.0)
        raise DemoError(f"NetworkPolicy {name} was not put right within {_PATIENCE:.0f} seconds.")


@contextmanager
def _watching(stage: Stage, namespace: str) -> Iterator[Changes]:
    """Watch the policies of a namespace; all that are there are known at the beginning."""
    expected = {each["metadata"]["name"] for each in stage.admin.list("netpol", namespace)}
    command = [
        str(binaries.kubectl()),
        f"--kubeconfig={stage.cluster.admin.kubeconfig}",
        *("get", "netpol", f"--namespace={namespace}"),
        *("--watch", "--output-watch-events", "-o", "json"),
    ]
    changes = Changes()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=_read, args=(process.stdout, changes))
        reader.start()
        try:
            stage.until(
                "a watch to show the policies",
                lambda: True if expected <= changes.known.keys() else None,
            )
            yield changes
        finally:
            process.terminate()
            reader.join()


def _read(output: TextIO, changes: Changes) -> None:
    """Take in what kubectl writes: one object a line."""
    for line in output:
        changes.take(time.monotonic(), json.loads(line))
