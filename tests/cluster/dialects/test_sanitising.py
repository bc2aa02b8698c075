"""Whatever an intent says, Cilium itself finds nothing wrong with what is written for it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.dialects import CILIUM_KIND, Dialect
from tests.cluster.dialects.conftest import Validator
from tests.cluster.dialects.definitions import CILIUM_POLICY, Definitions
from tests.controlplane.api import APPLY, Json
from tests.controlplane.cluster import ControlPlane
from tests.unit.network.intents import compiled_in, profiles, rules
from tests.unit.network.worlds import clusters

HOST = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy"}
intents = st.lists(rules(http=st.booleans()), min_size=1, max_size=6)
# One validation and one definition serve all examples.
of_all_examples = partial(settings, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(cluster: FixedCluster, intent: list[Json], profile: Json) -> list[Json]:
    """Return what an intent becomes in Cilium's own dialect."""
    network = compiled_in(replace(cluster, served=(CILIUM_KIND,)), intent, profile)
    return [p.manifest("shop") for p in network.policies if p.dialect is Dialect.CILIUM]


@of_all_examples(max_examples=300)
@given(clusters(), intents, profiles())
def test_cilium_accepts_it(
    sanitise: Validator, cluster: FixedCluster, intent: list[Json], profile: Json
) -> None:
    for policy in written(cluster, intent, profile):
        assert sanitise(policy) == "", policy


@of_all_examples(max_examples=40, deadline=None)
@given(clusters(), intents, profiles(limited=False))
def test_the_api_server_accepts_it_and_adds_nothing(
    control_plane: ControlPlane,
    served: Definitions,
    cluster: FixedCluster,
    intent: list[Json],
    profile: Json,
) -> None:
    for policy in written(cluster, intent, profile):
        place = {**policy, "metadata": {**policy["metadata"], "namespace": "default"}}
        path = f"{served.path(CILIUM_POLICY, 'default')}/{policy['metadata']['name']}"
        answer = control_plane.api.patch(
            f"{path}?fieldManager=test&fieldValidation=Strict&dryRun=All", place, APPLY
        )
        assert answer["spec"] == policy["spec"]


def test_the_validation_says_what_is_wrong(sanitise: Validator) -> None:
    """Else the tests above would show nothing."""
    metadata = {"name": "wrong", "namespace": "shop"}
    both = {"toFQDNs": [{"matchName": "example.com"}], "toEndpoints": [{}]}
    wrong = {**HOST, "metadata": metadata, "spec": {"endpointSelector": {}, "egress": [both]}}
    assert "combining" in sanitise(wrong)
    unknown = {**HOST, "metadata": metadata, "spec": {"endpointSelector": {}, "colour": "red"}}
    assert "colour" in sanitise(unknown)
