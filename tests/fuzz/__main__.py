"""`python -m tests.fuzz`: read manifests that are nearly right, for as long as somebody waits.

Whatever is read must be answered: by every command in every form, or by a message that names a
line. What falls over, or takes too long, is kept in a file with what it said.
"""

from __future__ import annotations

import argparse
import io
import re
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

from bailiwick.offline.documents import Place, documents
from bailiwick.offline.inventory import Inventory, Problem
from bailiwick.offline.objects import Collector
from bailiwick.offline.parts import InvalidDocument
from tests.fuzz.mutations import SIZE_LIMIT, mutated
from tests.unit.offline.everything import tell_everything
from tests.unit.offline.make import EXAMPLES
from tests.unit.offline.manifests import MANIFESTS

_NOW: Final = datetime(2026, 11, 25, tzinfo=UTC)
_SECONDS: Final = 20
"""Of CPU, for one input of at most 64 KiB."""
_MOST_TEXTS: Final = 3000
_NAMES: Final = re.compile(r"[\"'`].*?[\"'`]|\S*\d\S*")

Outcome = frozenset[str]


class TookTooLong(Exception):
    """An input that takes more CPU than any of its size should."""


class Fuzzer:
    """Texts that are worth changing further, and what came of those that were read."""

    def __init__(self, seed: int, failures: Path) -> None:
        self.read = 0
        self.answered = 0
        self.refused = 0
        self.slowest = 0.0
        self.failed: Counter[str] = Counter()
        self.outcomes: set[Outcome] = set()
        self._random = Random(seed)
        self._failures = failures
        self._texts = [MANIFESTS.encode(), *_examples()]

    def step(self) -> None:
        """Read one more text; one that leads to something new is changed further."""
        text = mutated(self._random, self._texts)
        self.read += 1
        begun = time.process_time()
        try:
            with _at_most(_SECONDS):
                outcome = self._outcome(text)
        except Exception as error:
            self._keep(text, error)
        else:
            if outcome not in self.outcomes and len(self._texts) < _MOST_TEXTS:
                self._texts.append(text)
            self.outcomes.add(outcome)
        self.slowest = max(self.slowest, time.process_time() - begun)

    def _outcome(self, text: bytes) -> Outcome:
        """Return what was said of a text, without what it was said of."""
        inventory = _inventory(text)
        for problem in inventory.problems:
            assert problem.place.line >= 1, problem
            assert problem.message, problem
        made = tell_everything(inventory, _NOW)
        self.answered += not inventory.problems
        self.refused += bool(inventory.problems)
        said = [_NAMES.sub("_", problem.message) for problem in inventory.problems]
        return frozenset((*said, *(finding.code for finding in made.all_findings())))

    def _keep(self, text: bytes, error: Exception) -> None:
        where = traceback.extract_tb(error.__traceback__)[-1]
        name = f"{type(error).__name__}-{Path(where.filename).stem}-{where.lineno}"
        self.failed[name] += 1
        if self.failed[name] == 1:
            self._failures.mkdir(exist_ok=True)
            (self._failures / f"{name}.yaml").write_bytes(text)
            told = "".join(traceback.format_exception(error))
            (self._failures / f"{name}.txt").write_text(told, errors="replace")
            print(f"{name}: kept in {self._failures}", flush=True)


def _examples() -> Iterator[bytes]:
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        if path.stat().st_size <= SIZE_LIMIT:
            yield path.read_bytes()


def _inventory(text: bytes) -> Inventory:
    inventory = Inventory()
    collector = Collector(inventory, "shop")
    try:
        for document in documents(io.BytesIO(text), "app.yaml"):
            collector.take(document)
    except InvalidDocument as error:
        inventory.problems.append(Problem(Place("app.yaml", error.line), error.message))
    return inventory


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def main() -> int:
    """Fuzz until the time is over; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other texts")
    parser.add_argument("--failures", type=Path, default=Path("build/fuzz"), help="where to keep")
    options = parser.parse_args()
    fuzzer = Fuzzer(options.seed, options.failures)
    begun = told = time.monotonic()
    while time.monotonic() - begun < options.minutes * 60:
        fuzzer.step()
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(_summary(fuzzer), flush=True)
    print(_summary(fuzzer))
    return 1 if fuzzer.failed else 0


def _summary(fuzzer: Fuzzer) -> str:
    return (
        f"{fuzzer.read} texts read: {fuzzer.answered} answered, {fuzzer.refused} refused, "
        f"{fuzzer.failed.total()} failures in {len(fuzzer.failed)} places; "
        f"{len(fuzzer.outcomes)} different outcomes; "
        f"at most {fuzzer.slowest:.1f} s of CPU for one"
    )


if __name__ == "__main__":
    sys.exit(main())
