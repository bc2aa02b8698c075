"""Types of options that several commands have."""

from __future__ import annotations

from ipaddress import ip_network

import click

from bailiwick.policy.selectors import Selector
from bailiwick.policy.settings import PodsOf


class PodsType(click.ParamType[PodsOf]):
    """Pods of a namespace by labels: `ingress-nginx`, or `ingress-nginx:app=a,tier=b`."""

    name = "pods"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> PodsOf:
        """Read the namespace and labels."""
        namespace, _, labels = str(value).partition(":")
        pairs = [pair.partition("=") for pair in labels.split(",") if pair]
        if not namespace or any(not separator for _, separator, _ in pairs):
            self.fail(f'"{value}": write NAMESPACE or NAMESPACE:key=value,key=value', param, ctx)
        return PodsOf(namespace, Selector.of({key: text for key, _, text in pairs}))


class RangeType(click.ParamType[str]):
    """A range of addresses: `10.0.0.0/8`."""

    name = "cidr"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Read the range."""
        try:
            return str(ip_network(str(value)))
        except ValueError:
            self.fail(f'"{value}": write a range of addresses: 10.0.0.0/8', param, ctx)


PODS = PodsType()
RANGE = RangeType()
