"""Two specs are the same where the API server reads them alike, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.policy.network.specs import Opening, canonical, rule_spec, same
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import EVERYTHING
from tests.unit.network.make import block, port

A = {"podSelector": {"matchLabels": {"app": "a"}}}
B = {"podSelector": {"matchLabels": {"app": "b"}}}


def egress(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"podSelector": {}, "policyTypes": ["Egress"], "egress": list(entries), **more}


@pytest.mark.parametrize(
    "one, other",
    [
        (egress(), {"podSelector": {}, "policyTypes": ["Egress"]}),
        (egress(), egress(ingress=[])),
        (egress({"to": [A, B]}), egress({"to": [B, A]})),
        (egress({"to": [A, A]}), egress({"to": [A]})),
        (egress({"to": [A]}, {"to": [B]}), egress({"to": [B]}, {"to": [A]})),
        (egress({"ports": [{"port": 80}]}), egress({"ports": [port(80)]})),
        (egress({"ports": [port(80, end=80)]}), egress({"ports": [port(80)]})),
        (egress({"to": []}), egress({})),
        (egress({"to": [block("10.0.0.0/8")]}), egress({"to": [block("10.0.0.0/8")]})),
        (
            egress({"to": [block("10.0.0.0/8", "10.2.0.0/16", "10.1.0.0/16")]}),
            egress({"to": [block("10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16")]}),
        ),
        ({"podSelector": {}}, {"podSelector": {}, "policyTypes": ["Ingress"]}),
        (
            {"podSelector": {}, "egress": [{}]},
            {"podSelector": {}, "policyTypes": ["Egress", "Ingress"], "egress": [{}]},
        ),
        (egress(podSelector={"matchLabels": {}}), egress()),
    ],
)
def test_defaults_order_and_empty_lists_make_no_difference(one: Any, other: Any) -> None:
    assert same(one, other)
    assert canonical(canonical(one)) == canonical(one)


@pytest.mark.parametrize(
    "one, other",
    [
        (egress(), egress({})),
        (egress({"to": [A]}), egress({"to": [B]})),
        (egress({"to": [A]}), egress({"to": [{**A, "namespaceSelector": {}}]})),
        (egress({"to": [A, B]}), egress({"to": [A]}, {"to": [B]})),
        (egress({"ports": [port(80)]}), egress({"ports": [port(80, "UDP")]})),
        (egress({"ports": [port(80)]}), egress({"ports": [port(80, end=90)]})),
        (egress({"ports": [port(80)]}), egress({"ports": [port("80")]})),
        (egress({"ports": [{"protocol": "TCP"}]}), egress({"ports": [port(80)]})),
        (
            egress({"to": [block("10.0.0.0/8")]}),
            egress({"to": [block("10.0.0.0/8", "10.1.0.0/16")]}),
        ),
        (egress(), egress(podSelector={"matchLabels": {"app": "a"}})),
        (egress(), {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        (egress(), egress(ingress=[{}])),
        (egress(), egress(futureField=True)),
    ],
)
def test_everything_else_does(one: Any, other: Any) -> None:
    assert not same(one, other)


def test_the_list_of_the_other_direction_is_written_out() -> None:
    # Server-side apply leaves a field that it does not name to whoever else set it.
    spec = rule_spec(Direction.EGRESS, EVERYTHING, [Opening((A,), None)])
    assert spec["ingress"] == []
    assert spec["policyTypes"] == ["Egress"]


@pytest.mark.parametrize("peers, ports", [((), None), ((A,), ())])
def test_an_empty_list_is_never_written_where_it_would_mean_everything(
    peers: tuple[Any, ...], ports: tuple[Port, ...] | None
) -> None:
    with pytest.raises(ValueError, match="an opening needs"):
        Opening(peers, ports)
