"""What the process that renders may not do, whatever a template makes of it."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MEMORY_LIMIT: Final = 96 * 1024 * 1024
"""Bytes of address space, beyond what the interpreter and its libraries have already."""
CPU_SECONDS: Final = 1.0
"""For one template in one namespace, which usually takes a thousandth of it."""

_STANDARD_STREAMS: Final = 3


def confine() -> None:
    """Give up, for good, new files, sockets and processes, and more memory than the limit.

    What is open and what was imported stays usable.
    """
    for limit, value in (
        (resource.RLIMIT_AS, _address_space() + MEMORY_LIMIT),
        (resource.RLIMIT_NOFILE, _STANDARD_STREAMS),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


@contextmanager
def limited_time() -> Iterator[None]:
    """End the process by SIGPROF when it needs more CPU than `CPU_SECONDS` inside.

    RLIMIT_CPU counts whole seconds, and from the start of the process. Neither counts the time
    that a busy machine gives to others, so that a template fails for nothing but what it does.
    """
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _address_space() -> int:
    with open("/proc/self/statm") as numbers:  # proc(5): in pages, the whole of it first
        return int(numbers.read().split()[0]) * resource.getpagesize()
