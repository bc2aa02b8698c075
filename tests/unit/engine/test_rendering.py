"""Templates of allowances: found, rendered by the real process, kept, and told when they fail."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bailiwick.engine.rendering import HELD_SECONDS, RETRY_SECONDS, Renderer
from bailiwick.engine.world import World
from bailiwick.policy.facts import ConfigMap, Namespace
from bailiwick.policy.network.template_rules import TemplateFailure
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import NamespacePeer, Rule, TemplateRequest, WorkloadPeer
from bailiwick.policy.selectors import Selector

HOME = "bailiwick-system"
SHOP = Namespace("shop", "1", {"team": "shop"})
ENDLESS = 'from: {namespace: "{{ 10 ** (10 ** 10) }}"}'


def request(name: str, template: str, field: str = "profile", **values: object) -> TemplateRequest:
    return TemplateRequest(name, template, values, field)


METRICS = request("metrics", "prometheus-scrape", port="metrics")


class Bench:
    """A renderer with a world of its own, which counts what it asks the process."""

    def __init__(self) -> None:
        self.unreadable: dict[str, str] = {}
        self.world = World(lambda: self.unreadable)
        self.asked: list[str] = []
        self.later: list[tuple[str, float]] = []
        self.now = 1000.0
        self.renderer = Renderer(
            self.world, lambda *told: self.later.append(told), clock=lambda: self.now
        )
        self._maps: dict[str, ConfigMap] = {}

    def add(self, config_map: str, **templates: str) -> None:
        """Write the templates of a ConfigMap."""
        data = {name.replace("_", "-"): text for name, text in templates.items()}
        new = ConfigMap(HOME, config_map, {}, data)
        self.world.keep_template(self._maps.get(config_map), new)
        self._maps[config_map] = new

    async def outcome(
        self, request: TemplateRequest, namespace: Namespace = SHOP
    ) -> tuple[Rule, ...] | TemplateFailure:
        """Render one template."""
        return (await self.renderer.render([request], namespace))[request.name]

    async def rules(
        self, request: TemplateRequest, namespace: Namespace = SHOP
    ) -> tuple[Rule, ...]:
        """Render a template that must give rules."""
        outcome = await self.outcome(request, namespace)
        assert not isinstance(outcome, TemplateFailure), outcome.message
        return outcome

    async def failure(
        self, request: TemplateRequest, namespace: Namespace = SHOP
    ) -> TemplateFailure:
        """Render a template that must fail."""
        outcome = await self.outcome(request, namespace)
        assert isinstance(outcome, TemplateFailure)
        return outcome


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    made = Bench()
    process = made.renderer.process
    ask = process.render

    async def counted(line: bytes) -> object:
        made.asked.append(line.decode())
        return await ask(line)

    monkeypatch.setattr(process, "render", counted)
    yield made
    await made.renderer.stop()


async def test_a_template_of_the_package_gives_the_rule_of_an_allowance(bench: Bench) -> None:
    (rule,) = await bench.rules(METRICS)
    assert rule == Rule(
        name="metrics",
        source=NamespacePeer("monitoring", Selector.of({"app.kubernetes.io/name": "prometheus"})),
        target=None,
        ports=(Port.named("metrics"),),
        reason="Prometheus collects metrics",
        from_profile=True,
        field="profile",
    )


async def test_what_stands_under_with_decides(bench: Bench) -> None:
    (rule,) = await bench.rules(
        request("m", "prometheus-scrape", port=9090, namespace="observability", labels={})
    )
    assert rule.source == NamespacePeer("observability")
    assert rule.ports == (Port.number(9090),)


async def test_workloads_of_one_namespace_may_reach_each_other(bench: Bench) -> None:
    (rule,) = await bench.rules(request("inside", "same-namespace"))
    assert (rule.source, rule.target, rule.ports) == (WorkloadPeer(), WorkloadPeer(), ())
    (rule,) = await bench.rules(request("inside", "same-namespace", ports=[8080]))
    assert rule.ports == (Port.number(8080),)


async def test_a_template_of_a_config_map_sees_the_namespace(bench: Bench) -> None:
    bench.add("ours", shared='to: {namespace: "{{ namespace.labels.team }}-shared"}')
    (rule,) = await bench.rules(request("shared", "shared"))
    assert rule.target == NamespacePeer("shop-shared")


async def test_several_allowances_are_rendered_each_by_itself(bench: Bench) -> None:
    bench.add("ours", broken="to: [", endless=ENDLESS)
    requests = [request(name, name) for name in ("broken", "endless", "missing")]
    rendered = await bench.renderer.render([*requests, METRICS], SHOP)
    failed = {name for name, outcome in rendered.items() if isinstance(outcome, TemplateFailure)}
    assert failed == {"broken", "endless", "missing"}
    assert isinstance(rendered["metrics"], tuple)


async def test_a_template_that_is_nowhere_is_told_with_those_that_are(bench: Bench) -> None:
    bench.add("ours", shared="to: {entity: DNS}")
    message = (await bench.failure(request("m", "prometheus"))).message
    assert "there are prometheus-scrape, same-namespace, shared" in message
    assert "bailiwick.dev/templates=true" in message


async def test_a_config_map_does_not_replace_a_template_of_the_package(bench: Bench) -> None:
    bench.add("ours", prometheus_scrape="to: {cidr: 0.0.0.0/0}")
    message = (await bench.failure(METRICS)).message
    assert (
        "several of this name, in Bailiwick itself and ConfigMap bailiwick-system/ours" in message
    )


async def test_two_config_maps_with_one_name_are_told_in_any_order(bench: Bench) -> None:
    for name in ("b", "a"):
        bench.add(name, shared="to: {entity: DNS}")
    message = (await bench.failure(request("shared", "shared"))).message
    assert "in ConfigMap bailiwick-system/a and ConfigMap bailiwick-system/b" in message


async def test_config_maps_that_cannot_be_read_freeze_what_needs_them(bench: Bench) -> None:
    bench.unreadable["configmaps"] = "forbidden"
    failure = await bench.failure(request("shared", "shared"))
    assert failure == TemplateFailure("forbidden", unreadable="configmaps")
    assert await bench.rules(METRICS)


async def test_what_it_gives_is_checked_like_a_rule(bench: Bench) -> None:
    bench.add("ours", wide='to: {cidr: "{{ with.to }}"}')
    message = (await bench.failure(request("wide", "wide", to="203.0.113.1/24"))).message
    assert message.startswith('to.cidr: "203.0.113.1/24": write a range')


async def test_a_template_is_rendered_once_for_a_namespace(bench: Bench) -> None:
    bench.add("ours", broken="to: {entity: DNS, ")
    for _ in range(3):
        await bench.renderer.render([METRICS, request("b", "broken")], SHOP)
    assert len(bench.asked) == 2


@pytest.mark.parametrize(
    "changed, namespace",
    [
        (replace(METRICS, values={"port": 9090}), SHOP),
        (replace(METRICS, values={"port": True}), SHOP),
        (replace(METRICS, field="another profile"), SHOP),
        (METRICS, Namespace("shop", "1", {"team": "web"})),
        (METRICS, Namespace("cart", "2", {"team": "shop"})),
    ],
    ids=["values", "type of a value", "place", "labels", "name"],
)
async def test_it_is_rendered_anew_when_something_changed(
    bench: Bench, changed: TemplateRequest, namespace: Namespace
) -> None:
    await bench.outcome(replace(METRICS, values={"port": 1}))
    await bench.outcome(changed, namespace)
    assert len(bench.asked) == 2


async def test_it_is_rendered_anew_when_the_template_changed(bench: Bench) -> None:
    bench.add("ours", shared="to: {namespace: a}")
    shared = request("shared", "shared")
    assert (await bench.rules(shared))[0].target == NamespacePeer("a")
    bench.add("ours", shared="to: {namespace: b}")
    assert (await bench.rules(shared))[0].target == NamespacePeer("b")


async def test_nothing_is_kept_of_a_namespace_that_is_forgotten(bench: Bench) -> None:
    await bench.rules(METRICS)
    bench.renderer.forget("shop")
    await bench.rules(METRICS)
    assert len(bench.asked) == 2


async def test_a_template_that_breaks_a_limit_is_not_tried_for_each_namespace(
    bench: Bench,
) -> None:
    bench.add("ours", endless=ENDLESS)
    endless = request("endless", "endless")
    assert "more than 1 s of CPU" in (await bench.failure(endless)).message
    other = Namespace("cart", "2")
    message = (await bench.failure(endless, other)).message
    assert message.startswith("for namespace shop it needs more than 1 s of CPU")
    assert len(bench.asked) == 1
    assert bench.later == [("cart", HELD_SECONDS)]
    bench.now += HELD_SECONDS
    assert "for namespace" not in (await bench.failure(endless, other)).message
    assert len(bench.asked) == 2


async def test_other_values_of_a_template_that_breaks_a_limit_are_tried(bench: Bench) -> None:
    bench.add("ours", power='to: {namespace: "n{{ 10 ** with.n }}"}')
    await bench.failure(request("power", "power", n=10**10))
    (rule,) = await bench.rules(request("power", "power", n=2))
    assert rule.target == NamespacePeer("n100")


async def test_a_process_that_is_killed_is_not_noticed(bench: Bench) -> None:
    await bench.rules(METRICS)
    assert bench.renderer.process.pid is not None
    os.kill(bench.renderer.process.pid, signal.SIGKILL)
    assert await bench.rules(METRICS, Namespace("cart", "2"))


async def test_a_process_that_does_not_work_freezes_what_needs_it_for_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("sys.executable", "/bin/false")
        failure = await bench.failure(METRICS)
        assert failure.unreadable == "templates"
        assert "the process that renders them ended" in failure.message
    assert await bench.failure(METRICS, Namespace("cart", "2")) == failure
    assert bench.later == [("shop", RETRY_SECONDS), ("cart", RETRY_SECONDS)]
    bench.now += RETRY_SECONDS
    assert await bench.rules(METRICS)
