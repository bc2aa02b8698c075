"""What a queue's worker is given: reconcilers speak of durations, queues of seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from datetime import timedelta
from typing import TypeVar

from bailiwick.kube.errors import NotLeader

K = TypeVar("K", bound=Hashable)

LAPSE_PAUSE = 5.0


def in_seconds(
    work: Callable[[K], Awaitable[timedelta | None]],
) -> Callable[[K], Awaitable[float | None]]:
    """Wrap a reconciler: the seconds until it is to look again, also where it may not write now.

    That the Lease lapsed was told then, and is no fault of the key.
    """

    async def wrapped(key: K) -> float | None:
        try:
            wait = await work(key)
        except NotLeader:
            return LAPSE_PAUSE
        return None if wait is None else wait.total_seconds()

    return wrapped
