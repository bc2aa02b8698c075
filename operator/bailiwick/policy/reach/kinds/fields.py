"""Fields that the kinds of policies have in common, read with the path in every error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bailiwick.policy.reach.model import InvalidPolicy, PodsPeer
from bailiwick.policy.selectors import Selector

JSON = Mapping[str, Any]

_WITH_VALUES = ("In", "NotIn")
_WITHOUT_VALUES = ("Exists", "DoesNotExist")
NAMESPACE_NAME = "kubernetes.io/metadata.name"


def objects(value: object, where: str) -> Sequence[JSON]:
    """Return a list of objects, empty where it is absent."""
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidPolicy(f"{where}: write a list")
    for index, each in enumerate(value):
        if each is not None and not isinstance(each, Mapping):
            raise InvalidPolicy(f"{where}[{index}]: write an object")
    return [each or {} for each in value]


def selector(value: object, where: str) -> Selector:
    """Return a label selector; None and `{}` select everything."""
    if value is not None and not isinstance(value, Mapping):
        raise InvalidPolicy(f"{where}: write a label selector")
    given = value or {}
    for index, each in enumerate(objects(given.get("matchExpressions"), where)):
        operator, values = each.get("operator"), each.get("values")
        path = f"{where}.matchExpressions[{index}]"
        if not isinstance(each.get("key"), str):
            raise InvalidPolicy(f"{path}: write a key")
        if operator not in (*_WITH_VALUES, *_WITHOUT_VALUES):
            known = ", ".join((*_WITH_VALUES, *_WITHOUT_VALUES))
            raise InvalidPolicy(f"{path}.operator: {operator} is not one of {known}")
        if (operator in _WITH_VALUES) != bool(values):
            rule = "needs values" if operator in _WITH_VALUES else "takes no values"
            raise InvalidPolicy(f"{path}: {operator} {rule}")
    labels = given.get("matchLabels") or {}
    if not isinstance(labels, Mapping) or any(not isinstance(v, str) for v in labels.values()):
        raise InvalidPolicy(f"{where}.matchLabels: write labels as strings")
    return Selector.from_json(given)


def namespaced(namespaces: Selector, pods: Selector) -> PodsPeer:
    """Return the peer of pods in the namespaces that a selector selects."""
    return PodsPeer("", namespaces, pods)
