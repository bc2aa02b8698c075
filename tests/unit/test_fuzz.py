"""The fuzzer finds what falls over, and nothing does in what it reads first."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz import __main__ as fuzz
from tests.fuzz.mutations import SIZE_LIMIT, mutated
from tests.unit.offline.manifests import MANIFESTS

TEXT = MANIFESTS.encode()


def test_what_it_reads_first_is_answered_or_refused(tmp_path: Path) -> None:
    fuzzer = fuzz.Fuzzer(0, tmp_path)
    for _ in range(60):
        fuzzer.step()
    assert fuzzer.failed == {}
    assert fuzzer.answered
    assert fuzzer.refused
    assert len(fuzzer.outcomes) > 10


def test_what_falls_over_is_kept_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "tell_everything", lambda *_: 1 / 0)
    fuzzer = fuzz.Fuzzer(0, tmp_path)
    fuzzer.step()
    ((name, count),) = fuzzer.failed.items()
    assert name.startswith("ZeroDivisionError-test_fuzz-")
    assert count == 1
    assert (tmp_path / f"{name}.yaml").exists()
    assert "ZeroDivisionError" in (tmp_path / f"{name}.txt").read_text()


def test_the_same_seed_makes_the_same_texts() -> None:
    first, second = (
        [mutated(random, [TEXT]) for _ in range(20)] for random in (Random(3), Random(3))
    )
    assert first == second
    assert len(set(first)) > 10
    assert all(len(text) <= SIZE_LIMIT for text in first)
