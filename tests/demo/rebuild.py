"""The image is rebuilt and rolled out: what was mended goes, what stays keeps its age."""

from __future__ import annotations

from typing import Any, Final

from tests.demo.declare import intent
from tests.demo.errors import DemoError
from tests.demo.images import REBUILT
from tests.demo.stage import Stage
from tests.images.database import GLIBC, OPENSSL

Json = dict[str, Any]

_HEADER: Final = ("VULNERABILITY", "SEVERITY", "FIRST SEEN", "DUE BY")


def show_rebuild(stage: Stage) -> None:
    """Roll out an image with one package mended, and show its findings before and after."""
    screen, shop = stage.screen, stage.namespace("shop")
    if stage.rebuild is None:
        return  # a cluster that we borrowed has none of these images
    screen.heading(f"{REBUILT.rpartition('/')[2]} is rebuilt with one package mended")
    before = _findings(stage)
    screen.say("Before, by status.images.worst:")
    screen.table(_rows(before))
    with screen.working("The rebuilt image is pushed, rolled out and scanned"):
        image = stage.rebuild()
        stage.admin("set", "image", "deployment/redis-cart", f"server={image}", "-n", shop)
        digest = image.partition("@")[2]
        after = stage.until("the rebuilt image to be judged", lambda: _judged(stage, digest))
    screen.say("After:")
    screen.table(_rows(after))
    kept, was = after[OPENSSL.id]["firstSeen"], before[OPENSSL.id]["firstSeen"]
    if kept != was:
        raise DemoError(f"{OPENSSL.id} was first seen {was}, and after the rebuild {kept}")
    screen.say(
        f"{GLIBC.id} is gone. {OPENSSL.id} is in another digest now, and as old as it was: a "
        "rebuild gives nobody more time."
    )


def _findings(stage: Stage, digest: str = "") -> dict[str, Json]:
    """What the shop's intent lists of the image, by id; of one digest where it is given."""
    return {
        each["vulnerability"]: each
        for each in intent(stage, "shop")["status"]["images"]["worst"]
        if each["image"].endswith(REBUILT) and digest in each["digest"]
    }


def _judged(stage: Stage, digest: str) -> dict[str, Json] | None:
    """Return what is found in the new image once it is all that runs."""
    found = _findings(stage, digest)
    return found if found and len(found) == len(_findings(stage)) and _is_alone(stage) else None


def _is_alone(stage: Stage) -> bool:
    worst = intent(stage, "shop")["status"]["images"]["worst"]
    return len({each["digest"] for each in worst if each["image"].endswith(REBUILT)}) == 1


def _rows(findings: dict[str, Json]) -> list[tuple[str, ...]]:
    rows = [
        (
            each["vulnerability"],
            each["severity"] + (", exploited" if each.get("knownExploited") else ""),
            each["firstSeen"][11:19],
            each.get("dueBy", "no deadline")[:11].rstrip("T"),
        )
        for each in findings.values()
    ]
    return [_HEADER, *rows]
