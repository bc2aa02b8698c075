"""Five namespaces, what each was declared to be, and what came of it at a glance."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, Final

from tests.demo.application import EXAMPLES, NAMESPACES
from tests.demo.screen import Progress
from tests.demo.stage import Stage

Json = dict[str, Any]

_LABEL: Final = "bailiwick.dev/half"  # what policies of ours have, and no others
_TOLD: Final = {
    "shop": "an online shop, cut off from all that its intent does not name",
    "payments": "another team's; its intent opens its own half towards the shop",
    "legacy": "Audit: nothing is isolated yet, its status says what would be",
    "preview": "only has the label bailiwick.dev/profile; the operator made its intent",
    "broken": "asks for what cannot be had: the next part says what",
}


def apply_workloads(stage: Stage) -> None:
    """Set the floor, deploy the applications, and wait until their pods run."""
    screen, made = stage.screen, stage.application
    screen.heading("The platform team sets a floor; teams deploy their applications")
    screen.say(
        "Applied: manifests/examples/profile.yaml, then manifests/examples/*/application.yaml"
    )
    deployments = sum(each["kind"] == "Deployment" for each in made.workloads)
    with screen.working(f"{deployments} Deployments") as progress:
        stage.admin.apply([made.profile, *made.workloads])
        pods = stage.until("pods to run", lambda: _running(stage, made.workloads))
        progress.done = f"{deployments} Deployments, {pods} pods running"


def apply_intents(stage: Stage) -> None:
    """Apply the intents, wait until all is said, and show the table."""
    screen = stage.screen
    screen.heading("Each team says what its namespace is meant to do")
    screen.say(
        "Applied: manifests/examples/*/intent.yaml, where the shop has this rule among others:"
    )
    screen.lines(_rule(EXAMPLES / "shop" / "intent.yaml", "checkout-to-payments"))
    with screen.working("Policies are made, images are scanned") as progress:
        stage.admin.apply(list(stage.application.intents.values()))
        progress.done = stage.until("every scan and status", lambda: _settled(stage, progress))
    screen.say()
    screen.command("kubectl get secintent -A", stage.admin("get", "secintent", "-A"))
    screen.say()
    screen.table([(stage.namespace(name), _TOLD[name]) for name in NAMESPACES])


def _rule(file: Path, name: str) -> str:
    """A rule as it stands in the file of an intent."""
    rules = textwrap.dedent(file.read_text().partition("    allow:\n")[2]).split("- name: ")
    return next(f"- name: {rule.rstrip()}" for rule in rules if rule.startswith(f"{name}\n"))


def intent(stage: Stage, name: str) -> Json:
    """The intent of a namespace of the examples."""
    return stage.admin.get("secintent", "default", stage.namespace(name))


def _running(stage: Stage, workloads: list[Json]) -> int | None:
    """How many pods run, once they are as many as the Deployments ask for."""
    deployments = [each for each in workloads if each["kind"] == "Deployment"]
    wanted = sum(each["spec"].get("replicas", 1) for each in deployments)
    namespaces = {each["metadata"]["namespace"] for each in deployments}
    running = [
        pod
        for pod in stage.admin.list("pods")
        if pod["metadata"]["namespace"] in namespaces and pod["status"].get("phase") == "Running"
    ]
    return wanted if len(running) == wanted else None


def _settled(stage: Stage, progress: Progress) -> str | None:
    """What came of the intents, once every status is about the newest and waits for no scan."""
    listed = stage.admin.list("secintent,netpol")
    intents = [each for each in listed if each["kind"] == "SecurityIntent"]
    policies = sum(_LABEL in each["metadata"].get("labels", {}) for each in listed)
    images = [each.get("status", {}).get("images", {}) for each in intents]
    total, waiting = _sum(images, "digests"), _sum(images, "unscanned", "scanning")
    progress.text = f"{total - waiting} of {total} images scanned"
    if len(intents) < len(NAMESPACES) or not all(map(_is_said, intents)):
        return None
    problems = [each["reason"] for image in images for each in image["problems"]]
    if stage.is_own and set(problems) - {"RegistryNotListed"}:
        return None  # what failed for another reason here is tried again soon
    failed = _sum(images, "failed")
    refused = f", {failed} not" if failed else ""
    return f"{policies} NetworkPolicies made, {total - failed} images scanned{refused}"


def _sum(images: list[Json], *counts: str) -> int:
    return sum(each.get(name, 0) for each in images for name in counts)


def _is_said(found: Json) -> bool:
    """Whether a status is about the newest intent, and waits for no scan."""
    status = found.get("status", {})
    images = status.get("images")
    return (
        status.get("observedGeneration") == found["metadata"]["generation"]
        and bool(images)
        and images["digests"] > 0
        and images["scanning"] == images["unscanned"] == 0
    )
