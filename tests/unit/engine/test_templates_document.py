"""What docs/templates.md tells the platform team is true."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.engine.rendering import Renderer
from bailiwick.engine.world import World
from bailiwick.policy.declared import profile_allowances
from bailiwick.policy.facts import ConfigMap, Namespace
from bailiwick.policy.network.template_rules import RULE_LIMIT
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import NamespacePeer
from bailiwick.rendering.confinement import CPU_SECONDS, MEMORY_LIMIT
from bailiwick.rendering.library import TEMPLATE_LABEL, packaged
from bailiwick.rendering.process import REQUEST_LIMIT
from bailiwick.rendering.sandbox import PARTS_LIMIT
from bailiwick.rendering.worker import VALUE_LIMIT

TEXT = (Path(__file__).parents[3] / "docs" / "templates.md").read_text()


def example(kind: str) -> dict[str, Any]:
    blocks = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    bodies: list[dict[str, Any]] = [yaml.safe_load(block) for block in blocks]
    (found,) = [body for body in bodies if body["kind"] == kind]
    return found


@pytest.fixture
async def renderer() -> AsyncIterator[Renderer]:
    world = World()
    metadata, data = example("ConfigMap")["metadata"], example("ConfigMap")["data"]
    assert metadata["labels"] == {TEMPLATE_LABEL: "true"}
    world.keep_template(None, ConfigMap(metadata["namespace"], metadata["name"], {}, data))
    made = Renderer(world, lambda *_: None)
    yield made
    await made.stop()


async def test_the_example_opens_what_it_says(renderer: Renderer) -> None:
    profile = example("SecurityProfile")
    spec = SecurityProfileSpec.model_validate(profile["spec"])
    _, requests = profile_allowances("cart", profile["metadata"]["name"], spec)
    rendered = await renderer.render(requests, Namespace("cart", "1", {"team": "shop"}))
    assert set(rendered) == {"metrics", "shared"}
    shared = rendered["shared"]
    assert isinstance(shared, tuple)
    assert isinstance(rendered["metrics"], tuple)
    assert shared[0].target == NamespacePeer("shop-shared")
    assert shared[0].ports == (Port.number(8080),)
    assert shared[0].reason == "services that the namespaces of team shop share"


def test_every_template_of_the_package_is_described() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted(packaged())


@pytest.mark.parametrize(
    "words",
    [
        f"at most {RULE_LIMIT}",
        f"{CPU_SECONDS:g} s of CPU",
        f"{MEMORY_LIMIT // 2**20} MiB of memory",
        f"{VALUE_LIMIT // 2**10} KiB of output",
        f"{PARTS_LIMIT} parts",
        f"{REQUEST_LIMIT // 2**10} KiB of template and values",
    ],
)
def test_the_limits_are_those_that_hold(words: str) -> None:
    assert words in " ".join(TEXT.split())
