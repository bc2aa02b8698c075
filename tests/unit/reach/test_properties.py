"""What holds of every cluster, whatever the policies in it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any, cast

from hypothesis import assume, given
from hypothesis import strategies as st

from bailiwick.policy.facts import ContainerPort, Pod
from bailiwick.policy.reach.addresses import Family, family_of, of_address
from bailiwick.policy.reach.pods import Signature
from tests.unit.network.evaluator import policy_types
from tests.unit.reach import cilium_evaluator, cilium_policies
from tests.unit.reach.cluster_policy_fields import tier_of
from tests.unit.reach.pictures import answers
from tests.unit.reach.policies import (
    JSON,
    Kind,
    rules_of_cluster_policy,
    rules_of_network_policy,
)
from tests.unit.reach.worlds import OUTSIDE, World, worlds

# A rule that allows


@st.composite
def with_a_rule_more(draw: st.DrawFn, world: World) -> World:
    """Return the world with one more rule that allows, in one of its policies.

    In a NetworkPolicy, and in one of Cilium's, it does not isolate what was not isolated before,
    as a first rule can.
    """
    policies = list(deepcopy(world.policies))
    policy: JSON = draw(st.sampled_from(policies))
    spec: dict[str, Any] = policy["spec"]
    if policy["kind"] == "NetworkPolicy":
        spec["policyTypes"] = policy_types(spec)
        section = draw(st.sampled_from(spec["policyTypes"])).lower()
        rule = draw(rules_of_network_policy("from" if section == "ingress" else "to"))
    elif policy["kind"].startswith("Cilium"):
        spec["enableDefaultDeny"] = {
            each.lower(): cilium_evaluator.isolates(spec, each) for each in ("Ingress", "Egress")
        }
        section = draw(st.sampled_from(("ingress", "egress")))
        rule = draw(cilium_policies.rules(section))
    else:
        section = draw(st.sampled_from(("ingress", "egress")))
        kind = cast(Kind, policy["kind"])
        allow = "Accept" if kind == "ClusterNetworkPolicy" else "Allow"
        rule = draw(rules_of_cluster_policy(kind, section, [allow]))
    rules = spec.setdefault(section, [])
    rules.insert(draw(st.integers(0, len(rules))), rule)
    return replace(world, policies=policies)


@given(
    worlds()
    .filter(lambda world: bool(world.policies))
    .flatmap(lambda world: st.tuples(st.just(world), with_a_rule_more(world)))
)
def test_one_more_rule_that_allows_never_takes_an_edge_away(drawn: tuple[World, World]) -> None:
    fewer, more = (answers(world.graph(), OUTSIDE) for world in drawn)
    for asked, before in fewer.items():
        after = more[asked]
        assert not before.allowed & ~after.allowed
        assert not (before.allowed | before.unknown) & ~(after.allowed | after.unknown)


# Names and order

NAMES = {
    "k8s:app": "k8s:zone",
    "any:app": "any:zone",
    "io.cilium.k8s.namespace.labels.app": "io.cilium.k8s.namespace.labels.zone",
    "shop": "a-shop",
    "payments": "z-payments",
    "app": "zone",
    "a": "y",
    "b": "x",
    "x": "b",
    "y": "a",
    "http": "dns",
    "dns": "http",
    "np0": "np2",
    "np2": "np0",
    "anp0": "anp1",
    "anp1": "anp0",
    "p0": "p9",
}


def renamed(value: Any) -> Any:
    """Return a value with every name in it, as key or text, replaced by another."""
    match value:
        case str():
            return NAMES.get(value, value)
        case dict():
            return {renamed(key): renamed(each) for key, each in value.items()}
        case list() | tuple():
            return type(value)(map(renamed, value))
        case ContainerPort():
            return replace(value, name=renamed(value.name))
        case Pod():
            return replace(
                value,
                namespace=renamed(value.namespace),
                name=renamed(value.name),
                labels=renamed(value.labels),
                ports=renamed(value.ports),
            )
        case Signature():
            return replace(
                value,
                namespace=renamed(value.namespace),
                labels=tuple(sorted(renamed(value.labels))),
                ports=renamed(value.ports),
            )
    return value


@given(worlds())
def test_names_mean_nothing(world: World) -> None:
    nodes = [replace(node, labels=renamed(node.labels)) for node in world.nodes]
    other = replace(
        world,
        namespaces=renamed(world.namespaces),
        pods=renamed(world.pods),
        policies=renamed(world.policies),
        nodes=nodes,
    )
    told = answers(world.graph(), OUTSIDE)
    assert answers(other.graph(), OUTSIDE) == {renamed(k): each for k, each in told.items()}


ORDERED = ("ingress", "egress")
"""Of a policy of the cluster the first rule that matches decides."""


def shuffled(value: Any, random: Random, *, has_order: bool) -> Any:
    """Return a policy's JSON with all lists in another order, but for rules that have one."""
    match value:
        case dict():
            keys = random.sample(sorted(value), len(value))
            return {
                key: [shuffled(each, random, has_order=has_order) for each in value[key]]
                if has_order and key in ORDERED
                else shuffled(value[key], random, has_order=has_order)
                for key in keys
            }
        case list():
            made = [shuffled(each, random, has_order=has_order) for each in value]
            return random.sample(made, len(made))
    return value


@given(worlds(), st.randoms(use_true_random=False))
def test_order_means_nothing_where_the_api_gives_it_no_meaning(
    world: World, random: Random
) -> None:
    def other_order(each: Sequence[Any]) -> list[Any]:
        return random.sample(list(each), len(each))

    policies = [
        shuffled(policy, random, has_order=bool(tier_of(policy)))
        for policy in other_order(world.policies)
    ]
    other = replace(
        world,
        nodes=other_order(world.nodes),
        pods=other_order(world.pods),
        policies=policies,
    )
    assert answers(other.graph(), OUTSIDE) == answers(world.graph(), OUTSIDE)


# Families of addresses

OTHER_BLOCKS = {
    Family.V4: {"0.0.0.0/0": "10.0.0.0/29", "10.0.0.0/29": "0.0.0.0/0"},
    Family.V6: {"::/0": "fd00::8/125", "fd00::8/125": "::/0"},
}


def with_blocks(value: Any, others: dict[str, str]) -> Any:
    """Return a policy's JSON with other blocks, without exceptions that then lie outside."""
    match value:
        case {"cidr": cidr} if cidr in others:
            return {"cidr": others[cidr]}
        case dict():
            return {key: with_blocks(each, others) for key, each in value.items()}
        case list():
            return [with_blocks(each, others) for each in value]
        case str():
            return others.get(value, value)
    return value


def only_of(family: Family, pod: Pod) -> Pod:
    addresses = [each for each in pod.addresses if family_of(of_address(each)) is family]
    return replace(pod, addresses=tuple(addresses))


@given(worlds(), st.sampled_from(Family))
def test_blocks_of_one_family_mean_nothing_to_the_other(world: World, family: Family) -> None:
    pods = [only_of(family, pod) for pod in world.pods]
    world = replace(world, pods=[pod for pod in pods if pod.addresses and not pod.host_network])
    other = Family.V6 if family is Family.V4 else Family.V4
    policies = [with_blocks(policy, OTHER_BLOCKS[other]) for policy in world.policies]
    assume(policies != world.policies)
    outside = [each for each in OUTSIDE if family_of(of_address(each)) is family]
    changed = replace(world, policies=policies)
    assert answers(changed.graph(), outside) == answers(world.graph(), outside)


@given(worlds())
def test_pods_without_a_family_in_common_cannot_connect(world: World) -> None:
    graph = world.graph()
    for one in graph.classes.all():
        for other in graph.classes.all():
            if not one.families & other.families:
                assert not graph.connection(one.number, other.number)
