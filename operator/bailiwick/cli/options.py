"""Types of options that several commands have."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import click

from bailiwick.api.durations import InvalidDuration, parse_duration
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


class DurationType(click.ParamType[timedelta]):
    """A duration as our kinds write them: 60s, 90m, 24h, 15d."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read the duration."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except InvalidDuration as error:
            self.fail(str(error), param, ctx)


DURATION = DurationType()
PODS = PodsType()
RANGE = RangeType()
