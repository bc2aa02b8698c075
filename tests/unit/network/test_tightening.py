"""A tighter profile never gives a wider policy, whatever the intent says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.cluster import FixedCluster
from tests.unit.network.intents import compiled_in, intents, manifests, profiles, tighter
from tests.unit.network.make import JSON
from tests.unit.network.worlds import clusters, halves, network_of

PAIRS = profiles().flatmap(lambda profile: st.tuples(st.just(profile), tighter(profile)))


@given(clusters(), intents, PAIRS)
def test_what_a_tighter_profile_permits_a_looser_one_does_too(
    cluster: FixedCluster, intent: list[JSON], pair: tuple[JSON, JSON]
) -> None:
    loose, tight = (
        network_of(cluster, manifests(compiled_in(cluster, intent, profile))) for profile in pair
    )
    for half in halves(cluster):
        if tight.allows_half(*half):
            assert loose.allows_half(*half), half
