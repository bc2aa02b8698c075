"""Waiting for what the operator does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from tests.demo.errors import DemoError

T = TypeVar("T")

_INTERVAL: Final = 0.5  # seconds; each kubectl takes a tenth of one from what we wait for
_PATIENCE: Final = 180.0  # seconds; a machine busy with other things is slow


def until(what: str, look: Callable[[], T | None]) -> T:
    """Call `look` until it returns something, and return that; `what` is what is waited for.

    Raises:
        DemoError: It took too long.
    """
    deadline = time.monotonic() + _PATIENCE
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise DemoError(
                f"Waited {_PATIENCE:.0f} seconds for {what}. If this machine is busy with other "
                "things, try again after them; if not, the operator's log below may say why."
            )
        time.sleep(_INTERVAL)
    return found
