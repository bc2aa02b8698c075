"""A picture and its layout as the data of a page: what is said more than once stands once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from bailiwick.offline.findings import Finding
from bailiwick.offline.picture.inside import Box, is_loose, shown_ports
from bailiwick.offline.picture.layout import Layout
from bailiwick.offline.picture.model import MEANINGS, Group, Line, Node, Picture, Stroke, Why
from bailiwick.offline.picture.names import group_name
from bailiwick.policy.reach.explain import Explanation
from bailiwick.policy.reach.halves import Half

K = TypeVar("K", bound=Hashable)
JSON = dict[str, Any]
Tell = Callable[[Half], Iterable[str]]
"""Says in words what decided a half of a connection."""

_STROKES: Final = tuple(MEANINGS)


def as_data(picture: Picture, layout: Layout, tell: Tell) -> JSON:
    """Return everything that a page shows; equal pictures give equal data."""
    texts, whys = _Table[str](str), _Table[Why](_Whys(tell).data)
    bends = {
        str(number): [round(part) for point in found for part in point]
        for number, line in enumerate(picture.lines)
        if (found := layout.bends.get((line.source, line.target)))
    }
    return {
        "size": [round(length) for length in layout.size],
        "roomy": layout.is_roomy,
        "strokes": [{"name": s.value, "meaning": MEANINGS[s]} for s in _STROKES],
        "severity": [_STROKES.index(stroke) for stroke in Stroke],
        "groups": [
            _group(*each)
            for each in zip(picture.groups, layout.groups, layout.headers, strict=True)
        ],
        "nodes": [_node(*each) for each in zip(picture.nodes, layout.nodes, strict=True)],
        # Source, target, stroke, ports, rules and whys, by their numbers: there may be many.
        "lines": [_line(line, texts, whys) for line in picture.lines],
        "bends": bends,
        "bundles": [
            {
                "source": bundle.source,
                "target": bundle.target,
                "stroke": _STROKES.index(bundle.stroke),
                "lines": list(bundle.lines),
                "isLoose": layout.is_roomy and is_loose(bundle),
                "isToHub": bundle.target in layout.hubs,
            }
            for bundle in picture.bundles()
        ],
        "findings": [_finding(finding) for finding in picture.findings],
        "notes": list(picture.notes),
        "texts": texts.values,
        "whys": whys.values,
    }


class _Table(Generic[K]):
    """Gives equal things one number; `values` are what is written of them."""

    def __init__(self, write: Callable[[K], Any]) -> None:
        self.values: list[Any] = []
        self._write = write
        self._known: dict[K, int] = {}
        # Some things are slow to compare, and come again and again as what they are.
        self._same: dict[int, tuple[K, int]] = {}

    def number(self, thing: K) -> int:
        same = self._same.get(id(thing))
        if same is not None:
            return same[1]
        if thing not in self._known:
            self._known[thing] = len(self.values)
            self.values.append(self._write(thing))
        self._same[id(thing)] = thing, self._known[thing]
        return self._known[thing]


@dataclass(frozen=True, slots=True)
class _Whys:
    """Writes explanations."""

    tell: Tell

    def data(self, why: Why) -> JSON:
        found: JSON = {"ports": why.ports, **self._explanation(why.explanation)}
        if why.enforced is not None:
            found["enforced"] = self._explanation(why.enforced)
        if why.add:
            found["add"] = list(why.add)
        return found

    def _explanation(self, told: Explanation) -> JSON:
        found: JSON = {"outcome": _outcome(told)}
        for name, half in (("leaving", told.egress), ("entering", told.ingress)):
            if half is not None:
                reasons = list(dict.fromkeys(self.tell(half)))
                found[name] = {"outcome": _outcome(half), "reasons": reasons}
        if told.apart:
            found["apart"] = True
        return found


def _group(group: Group, box: Box, header: float) -> JSON:
    return {
        "side": group.side.value,
        "name": group_name(group),
        "held": group.held,
        "header": round(header),
        "findings": [_finding(finding) for finding in group.findings],
        "box": _box(box),
    }


def _node(node: Node, box: Box) -> JSON:
    found: JSON = {"group": node.group, "name": node.name, "kind": node.kind, "box": _box(box)}
    if node.ports:
        found["ports"] = node.ports
        found["shownPorts"] = shown_ports(node.ports)
    if node.open_in:
        found["openIn"] = True
    if node.open_out:
        found["openOut"] = True
    return found


def _line(line: Line, texts: _Table[str], whys: _Table[Why]) -> list[Any]:
    return [
        line.source,
        line.target,
        _STROKES.index(line.stroke),
        texts.number(line.ports),
        [texts.number(rule) for rule in line.by],
        [whys.number(why) for why in line.whys],
    ]


def _finding(finding: Finding) -> JSON:
    found: JSON = {
        "severity": str(finding.severity),
        "code": finding.code,
        "message": finding.message,
        "place": str(finding.place) if finding.place.source else "",
    }
    if finding.is_for_others:
        found["mender"] = finding.mender
    if finding.suggestion:
        found["suggestion"] = finding.suggestion
    return found


def _box(box: Box) -> list[int]:
    return [round(length) for length in (box.left, box.top, box.width, box.height)]


def _outcome(told: Explanation | Half) -> str:
    return told.outcome.value.lower()
