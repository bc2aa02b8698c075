"""How far the store of one kind can be trusted, and why not further."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum

logger = logging.getLogger(__name__)


class State(StrEnum):
    """What may be concluded from a kind's store."""

    UNTRIED = "Untried"  # no answer yet: nothing may be concluded
    UNREADABLE = "Unreadable"  # the server says no: the store is what was known before
    ABSENT = "Absent"  # the server does not serve the kind: there are none
    SYNCED = "Synced"  # the store is complete, as of the last contact


class Sync:
    """The state of one kind, the reason where it is unreadable, and the last trouble in words.

    `tried` is set once the server answered, whatever it said. `on_state` is called when state
    or reason changed; `message` alone may change without.
    """

    def __init__(self, kind: str, on_state: Callable[[], None] | None = None) -> None:
        self.state = State.UNTRIED
        self.reason = ""
        self.message = ""
        self.tried = asyncio.Event()
        self._kind = kind
        self._on_state = on_state

    def synced(self) -> None:
        """Take note that the store is complete."""
        self._change(State.SYNCED, "", "")

    def refused(self, reason: str, message: str) -> None:
        """Take note that the kind cannot be read until somebody does something."""
        self._change(State.UNREADABLE, reason, f"{self._kind} {message}")

    def absent(self) -> None:
        """Take note that the server does not serve the kind, which need not be there."""
        self._change(State.ABSENT, "", "")

    def failing(self, message: str) -> None:
        """Take note of a trouble that passes by itself; what was known stays known."""
        if self.state is not State.UNREADABLE:
            self.message = message

    def _change(self, state: State, reason: str, message: str) -> None:
        changed = (state, reason) != (self.state, self.reason)
        self.state, self.reason, self.message = state, reason, message
        self.tried.set()
        if not changed:
            return
        if state is State.UNREADABLE:
            logger.warning("%s", message)
        elif state is State.ABSENT:
            logger.info("%s are not served", self._kind)
        else:
            logger.info("%s are known", self._kind)
        if self._on_state is not None:
            try:
                self._on_state()
            except Exception:
                logger.exception("The state of %s was not taken in", self._kind)
