"""`make demo`: the operator's whole job on a real API server, in under a minute."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from types import FrameType
from typing import NoReturn

from tests.demo import (
    auditor,
    broken,
    declare,
    ending,
    install,
    reach,
    rebuild,
    repair,
    rescan,
    stage,
    tolerate,
)
from tests.demo.errors import EXPECTED, explain
from tests.demo.screen import Screen

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def tell(screen: Screen) -> None:
    """Tell the whole story; everything is stopped and removed when this returns or raises."""
    screen.title("Bailiwick: what a namespace is meant to do, made so, kept so, and accounted for")
    with ExitStack() as stack:
        scene = stack.enter_context(stage.chosen(screen, os.environ))
        operator = stack.enter_context(install.bailiwick(scene))
        scene = replace(scene, operator=operator)
        try:
            declare.apply_workloads(scene)
            declare.apply_intents(scene)
            broken.show_broken(scene)
            repair.show_repairs(scene)
            reach.show_reach(scene)
            rescan.show_rescan(scene)
            tolerate.show_exception(scene)
            rebuild.show_rebuild(scene)
            auditor.show_audit(scene)
            if ending.is_to_be_kept(os.environ):
                ending.keep(scene, operator.log)
        except EXPECTED as error:
            error.add_note(operator.tail())
            raise
    ending.say_goodbye(scene, os.environ)


def main() -> int:
    """Run the demo; the exit code is 130 after Ctrl-C, as a shell expects it."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    screen = Screen()
    try:
        tell(screen)
    except KeyboardInterrupt:
        screen.say("Stopped; nothing is left running.")
        return 130
    except EXPECTED as error:
        explain(screen, error)
        return 1
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    # Cleaning up is not to be interrupted again.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    print("\n   Stopping …", flush=True)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
