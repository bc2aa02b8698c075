"""Fields that the kinds of policies have in common, read with the path in every error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bailiwick.policy.facts import Protocol
from bailiwick.policy.ports import LAST_PORT, PROTOCOLS, InvalidPort, Port
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.model import InvalidPolicy, PodsPeer
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.selectors import Selector

JSON = Mapping[str, Any]

_WITH_VALUES = ("In", "NotIn")
_WITHOUT_VALUES = ("Exists", "DoesNotExist")
NAMESPACE_NAME = "kubernetes.io/metadata.name"


def fields(value: object, where: str) -> JSON:
    """Return an object, empty where it is absent."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidPolicy(f"{where}: write an object")
    return value


def objects(value: object, where: str) -> Sequence[JSON]:
    """Return a list of objects, empty where it is absent."""
    return [fields(each, f"{where}[{index}]") for index, each in enumerate(_list(value, where))]


def strings(value: object, where: str) -> Sequence[str]:
    """Return a list of strings, empty where it is absent."""
    given = _list(value, where)
    for index, each in enumerate(given):
        if not isinstance(each, str):
            raise InvalidPolicy(f"{where}[{index}]: write a string")
    return given


def selector(value: object, where: str) -> Selector:
    """Return a label selector; None and `{}` select everything."""
    given = fields(value, where)
    labels = fields(given.get("matchLabels"), f"{where}.matchLabels")
    if not all(isinstance(text, str) for pair in labels.items() for text in pair):
        raise InvalidPolicy(f"{where}.matchLabels: write labels as strings")
    path = f"{where}.matchExpressions"
    for index, each in enumerate(objects(given.get("matchExpressions"), path)):
        _check_requirement(each, f"{path}[{index}]")
    return Selector.from_json(given)


def _check_requirement(given: JSON, where: str) -> None:
    operator = given.get("operator")
    values = strings(given.get("values"), f"{where}.values")
    if not isinstance(given.get("key"), str):
        raise InvalidPolicy(f"{where}.key: write the key of a label")
    if operator not in (*_WITH_VALUES, *_WITHOUT_VALUES):
        known = ", ".join((*_WITH_VALUES, *_WITHOUT_VALUES))
        raise InvalidPolicy(f"{where}.operator: {operator} is not one of {known}")
    if operator in _WITH_VALUES and not values:
        raise InvalidPolicy(f"{where}.values: {operator} needs values")
    if operator in _WITHOUT_VALUES and values:
        raise InvalidPolicy(f"{where}.values: {operator} takes no values")


def namespaced(namespaces: Selector, pods: Selector) -> PodsPeer:
    """Return the peer of pods in the namespaces that a selector selects."""
    return PodsPeer("", namespaces, pods)


def protocol(value: object, where: str) -> Protocol:
    """Return a protocol, TCP where it is absent."""
    if value is None or value == "":
        return "TCP"
    if value not in PROTOCOLS:
        raise InvalidPolicy(f"{where}: {value} is not one of {', '.join(PROTOCOLS)}")
    return value


def port_range(of: Protocol, first: object, last: object, where: str) -> PortSet:
    """Return the ports from one number to another, both included."""
    for number in (first, last):
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidPolicy(f"{where}: {number} is not a port number")
        if not 1 <= number <= LAST_PORT:
            raise InvalidPolicy(f"{where}: {number} is not a port: they go from 1 to {LAST_PORT}")
    low, high = cast(int, first), cast(int, last)
    if low > high:
        raise InvalidPolicy(f"{where}: the range {low} to {high} is empty: write the lower first")
    return port_sets.of_range(of, low, high)


def port_name(value: object, where: str) -> str:
    """Return the name that containers give a port."""
    try:
        if isinstance(value, str) and Port.parse(value).name == value:
            return value
    except InvalidPort:
        pass
    raise InvalidPolicy(
        f'{where}: "{value}" is not the name of a port: write a number without quotes, or the '
        "name that a container gives its port"
    )


def block(cidr: object, excluded: object, where: str) -> Addresses:
    """Return the addresses of a CIDR less some."""
    if not isinstance(cidr, str):
        raise InvalidPolicy(f"{where}.cidr: write a range of addresses, such as 10.0.0.0/8")
    try:
        return addresses.of_block(cidr, strings(excluded, f"{where}.except"))
    except addresses.InvalidBlock as error:
        raise InvalidPolicy(f"{where}: {error}") from error


def _list(value: object, where: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidPolicy(f"{where}: write a list")
    return value
