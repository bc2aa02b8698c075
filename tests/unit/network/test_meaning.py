"""Compiled and then evaluated, an intent permits exactly the edges that it declares."""

from __future__ import annotations

from hypothesis import given

from bailiwick.policy.cluster import FixedCluster
from tests.unit.network.intents import compiled_in, intents, manifests, profiles
from tests.unit.network.make import JSON
from tests.unit.network.meaning import Meaning
from tests.unit.network.worlds import clusters, halves, network_of


@given(clusters(), intents, profiles(limited=False))
def test_what_is_permitted_is_what_is_declared(
    cluster: FixedCluster, intent: list[JSON], profile: JSON
) -> None:
    network = network_of(cluster, manifests(compiled_in(cluster, intent, profile)))
    meaning = Meaning(cluster, intent, profile["isolate"])
    for half in halves(cluster):
        assert network.allows_half(*half) is meaning.allows_half(*half), half
