"""Equal input gives byte-identical output, whatever the order of anything in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import EndpointSlice, Pod, Service
from bailiwick.policy.network.model import CompiledNetwork
from tests.unit.network.intents import compiled_in, intents, manifests, profiles
from tests.unit.network.make import JSON, effective
from tests.unit.network.worlds import clusters


@given(clusters(), intents, profiles(), st.data())
def test_the_order_of_anything_means_nothing(
    cluster: FixedCluster, intent: list[JSON], profile: JSON, data: st.DataObject
) -> None:
    named = [{"name": f"r{n}", **rule} for n, rule in enumerate(intent)]
    mixed = _cluster(data, cluster), _shuffled(data, named), _shuffled(data, profile)
    once, other = compiled_in(cluster, named, profile), compiled_in(*mixed)
    assert _bytes(once) == _bytes(other)
    assert once == other
    loosened = effective(*named, profile=profile, on=cluster).loosened
    assert effective(*mixed[1], profile=mixed[2], on=mixed[0]).loosened == loosened


_PRINT_ONE = """
from tests.unit.network.make import compiled
network = compiled(
    *({"to": {"entity": e}} for e in ("DNS", "KubeAPIServer", "Nodes", "Internet")),
    *({"to": {"workload": {}}, "ports": [p, "http"]} for p in (80, "81/UDP", "82-90/SCTP")),
)
print(network.policies)
"""


def test_every_process_gives_the_same() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_ONE],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert "bailiwick-isolation" in said.pop()


def _bytes(network: CompiledNetwork) -> str:
    # Without sorting the keys: what is sent is what is compared.
    return json.dumps(manifests(network)) + repr(network.findings)


def _shuffled(data: st.DataObject, value: Any) -> Any:
    """Return JSON in another order: of keys, and of lists, none of which has a meaning."""
    if isinstance(value, dict):
        keys = data.draw(st.permutations(sorted(value)))
        return {key: _shuffled(data, value[key]) for key in keys}
    if isinstance(value, list):
        return [_shuffled(data, each) for each in data.draw(st.permutations(value))]
    return value


def _cluster(data: st.DataObject, cluster: FixedCluster) -> FixedCluster:
    """Return a cluster whose objects, and the lists in them, are in another order."""
    lists: dict[str, Any] = {
        field.name: tuple(
            _object(data, each) for each in data.draw(st.permutations(getattr(cluster, field.name)))
        )
        for field in fields(cluster)
        if field.name.startswith("all_")
    }
    return replace(cluster, **lists)


def _object(data: st.DataObject, each: Any) -> Any:
    match each:
        case Pod():
            return replace(each, ports=tuple(data.draw(st.permutations(each.ports))))
        case Service():
            return replace(each, ports=tuple(data.draw(st.permutations(each.ports))))
        case EndpointSlice():
            return replace(each, addresses=tuple(data.draw(st.permutations(each.addresses))))
    return each
