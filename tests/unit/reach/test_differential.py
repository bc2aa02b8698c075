"""The engine and a plain reading of the APIs' words come to the same, for every pair and port."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import event, given

from bailiwick.policy.facts import Pod
from bailiwick.policy.reach.addresses import of_address
from bailiwick.policy.reach.edges import at
from bailiwick.policy.rules import Direction
from tests.unit.network.evaluator import Port
from tests.unit.reach.cilium_evaluator import Known
from tests.unit.reach.cluster_policy_fields import End
from tests.unit.reach.evaluator import Cluster
from tests.unit.reach.examples import many
from tests.unit.reach.features import features
from tests.unit.reach.worlds import OUTSIDE, PORTS, World, by_class, ends, known, worlds


def told_apart(world: World) -> World:
    """Give each pod a label of its own, so that no two are of one class."""
    pods = [replace(pod, labels={**pod.labels, "pod": pod.name}) for pod in world.pods]
    return replace(world, pods=pods)


def allowed(plain: Cluster, source: Pod, target: Pod, port: Port) -> Known:
    """Say whether a connection is possible between any two addresses of two pods."""
    found = {plain.allows(one, other, port) for one in ends(source) for other in ends(target)}
    return True if True in found else None if None in found else False


@many
@given(worlds())
def test_between_pods(world: World) -> None:
    for feature in features(world):
        event(feature)
    world = told_apart(world)
    graph, plain = world.graph(), world.evaluator()
    for source, a in by_class(world, graph):
        for target, b in by_class(world, graph):
            connection = graph.connection(source, target)
            for port in PORTS:
                if source != target:
                    assert known(connection, port) is allowed(plain, a, b, port), (a, b, port)


@many
@given(worlds())
def test_with_the_world_outside(world: World) -> None:
    graph, plain = world.graph(), world.evaluator()
    for number, pod in by_class(world, graph):
        for address in OUTSIDE:
            for direction in Direction:
                connection = at(graph.table(number, direction), of_address(address))
                for port in PORTS:
                    told = plain.allows_half(direction, ends(pod)[0], End(address), port)
                    assert known(connection, port) is told, (pod, direction, address, port)


@many
@given(worlds())
def test_what_is_said_of_many_pods_of_a_class_is_true_of_them(world: World) -> None:
    """Of pods that only their addresses tell apart, something may hold for some of them."""
    graph, plain = world.graph(), world.evaluator()
    pods = list(by_class(world, graph))
    for source in {number for number, _ in pods}:
        for target in {number for number, _ in pods} - {source}:
            connection = graph.connection(source, target)
            for port in PORTS:
                found = {
                    allowed(plain, a, b, port)
                    for of_a, a in pods
                    for of_b, b in pods
                    if (of_a, of_b) == (source, target)
                }
                told = known(connection, port)
                assert told is None or told in found
                assert told is not False or found == {False}
