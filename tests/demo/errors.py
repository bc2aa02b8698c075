"""What ends a demo before its time, in words."""

from __future__ import annotations

import subprocess
from typing import Final

from tests.controlplane.binaries import BuildError
from tests.controlplane.cluster import ControlPlaneError
from tests.controlplane.golang import NoGoError
from tests.controlplane.kubectl import KubectlError
from tests.controlplane.operator_process import OperatorFailed
from tests.demo.screen import Screen


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


EXPECTED: Final = (
    DemoError,
    BuildError,
    NoGoError,
    ControlPlaneError,
    KubectlError,
    OperatorFailed,
    FileNotFoundError,  # skopeo, umoci or docker-registry, which `make demo` installs
    RuntimeError,  # the registry or the scanner did not start
    subprocess.SubprocessError,
)
"""What can go wrong outside of our code; anything else is a mistake of ours, with a traceback."""


def explain(screen: Screen, error: BaseException) -> None:
    """Say why the demo ended."""
    screen.say()
    screen.title("The demo could not go on.")
    said = getattr(error, "stderr", None) or ""
    for part in (str(error), said, *getattr(error, "__notes__", ())):
        screen.lines(part)
    if isinstance(error, FileNotFoundError):
        screen.say("make demo installs the programs that it needs; python -m tests.demo does not.")
    screen.say("Nothing is left running.")
