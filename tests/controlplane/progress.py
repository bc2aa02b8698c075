"""Telling who waits for a build how it goes: a line on stderr every few seconds."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

INTERVAL: Final = 5.0  # seconds between two lines


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code and what it wrote."""

    code: int
    lines: list[str]


def elapsed(since: float) -> str:
    """Time since a monotonic instant, as `2 min 05 s`."""
    minutes, seconds = divmod(int(time.monotonic() - since), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def say(text: str) -> None:
    """Write a line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


def run_with_progress(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], title: str
) -> Ended:
    """Run a program that writes a line for each package it compiles."""
    started = time.monotonic()
    lines: list[str] = []
    say(f"{title} …")
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        output = process.stdout
        reader = threading.Thread(target=lambda: lines.extend(map(str.rstrip, output)))
        reader.start()
        try:
            while reader.is_alive():
                reader.join(INTERVAL)
                if reader.is_alive():
                    say(f"{title}: {elapsed(started)}, {len(lines)} packages")
        except BaseException:
            process.kill()
            raise
    say(f"{title}: {'done' if process.returncode == 0 else 'failed'} after {elapsed(started)}")
    return Ended(process.returncode, lines)


def wait_with_progress(done: Callable[[], bool], told: str) -> None:
    """Wait until `done`, saying every few seconds for what."""
    started = time.monotonic()
    said = started
    while not done():
        if time.monotonic() - said >= INTERVAL:
            said = time.monotonic()
            say(f"{told}: waiting for {elapsed(started)}")
        time.sleep(0.2)
