"""Label selectors, with the meaning of `metav1.LabelSelector`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bailiwick.policy.facts import Labels

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One entry of `matchExpressions`; `values` is sorted, and empty for the two Exists forms."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """Say whether the labels meet this requirement."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None


@dataclass(frozen=True, slots=True, order=True)
class Selector:
    """A selector in canonical form: equal selectors are equal values. Empty selects everything."""

    match_labels: tuple[tuple[str, str], ...] = ()
    match_expressions: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, labels: Mapping[str, str], expressions: Iterable[Requirement] = ()) -> Selector:
        """Make the canonical selector of these labels and requirements."""
        return cls(tuple(sorted(labels.items())), tuple(sorted(set(expressions))))

    @classmethod
    def from_json(cls, selector: Mapping[str, Any] | None) -> Selector:
        """Read the API's JSON form; None and `{}` select everything."""
        selector = selector or {}
        expressions = (
            Requirement(e["key"], e["operator"], tuple(sorted(set(e.get("values") or ()))))
            for e in selector.get("matchExpressions") or ()
        )
        return cls.of(selector.get("matchLabels") or {}, expressions)

    def to_json(self) -> dict[str, Any]:
        """Write the API's JSON form; `{}` for the selector of everything."""
        result: dict[str, Any] = {}
        if self.match_labels:
            result["matchLabels"] = dict(self.match_labels)
        if self.match_expressions:
            result["matchExpressions"] = [
                {"key": e.key, "operator": e.operator}
                | ({"values": list(e.values)} if e.values else {})
                for e in self.match_expressions
            ]
        return result

    def matches(self, labels: Labels) -> bool:
        """Say whether the labels are selected."""
        return all(labels.get(key) == value for key, value in self.match_labels) and all(
            e.matches(labels) for e in self.match_expressions
        )

    def __bool__(self) -> bool:
        """False for the selector of everything."""
        return bool(self.match_labels or self.match_expressions)


EVERYTHING = Selector()
