"""Whatever stands in a field where something else should: it is told, and nothing falls over."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bailiwick.offline.documents import documents
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.objects import Collector
from bailiwick.offline.planning import plan
from bailiwick.policy.settings import Settings
from tests.unit.offline.everything import tell_everything
from tests.unit.offline.manifests import MANIFESTS

NOW = datetime(2026, 11, 25, tzinfo=UTC)

DOCUMENTS = [each for each in yaml.safe_load_all(MANIFESTS) if each]

Path = tuple[str | int, ...]
ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, True, 0, -1, 70000, 10**30, 1.5, "", "x", "a/b", "*", "10.0.0.1/8", "::/0", "80-70",
    "http/UDP", "Infinity", "\x00", "2027-13-45", "é" * 300, [], {}, [None], [[]], [{}], {"": ""},
    ["a"], {"a": "b"}, {"matchLabels": {"a": 1}}, {"matchExpressions": [{"key": "a"}]},
])  # fmt: skip


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    if at:
        yield at
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from paths(value[key], (*at, key))


def within(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def mutated(draw: st.DrawFn) -> list[Any]:
    """All of the manifests, with one to three fields that hold something else, or are gone."""
    found = copy.deepcopy(DOCUMENTS)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(list(paths(found))))
        if draw(st.booleans()) and draw(st.booleans()):
            del within(found, tuple(above))[last]
        else:
            within(found, tuple(above))[last] = copy.deepcopy(draw(ODD))
    return found


def read(text: str) -> Inventory:
    inventory = Inventory()
    collector = Collector(inventory, "shop")
    for document in documents(io.BytesIO(text.encode()), "app.yaml"):
        collector.take(document)
    return inventory


def test_without_a_mutation_nothing_is_told() -> None:
    inventory = read(json.dumps({"kind": "List", "items": DOCUMENTS}))
    assert inventory.problems == []
    assert len(plan(inventory, Settings(), NOW).world.workloads.classes) == 4


@given(mutated(), st.booleans())
@settings(max_examples=200)
def test_whatever_stands_in_a_field_it_is_told_and_nothing_falls_over(
    manifests: list[Any], as_yaml: bool
) -> None:
    if as_yaml:
        inventory = read("---\n".join(map(yaml.safe_dump, manifests)))
    else:
        inventory = read(json.dumps({"kind": "List", "items": manifests}))
    for problem in inventory.problems:
        assert problem.place.line >= 1
        assert problem.message
    tell_everything(inventory, NOW)
