"""Objects of manifests held to the shape that the API server asks for, in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol, TypeVar

import msgspec

from bailiwick.kube.interning import Interner
from bailiwick.kube.projections import Kind
from bailiwick.policy.ports import LAST_PORT, PROTOCOLS
from bailiwick.policy.reach import addresses

F = TypeVar("F")

_LOCATED: Final = re.compile(r"(?P<problem>.*?)(?: - at `(?:key in )?\$\.?(?P<path>.*)`)?", re.S)
_EXPECTED: Final = re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<found>[^`]*)`")
_WORDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


class _Port(Protocol):
    @property
    def number(self) -> int | None: ...
    @property
    def protocol(self) -> str: ...


class InvalidObject(ValueError):
    """An object that the API server would refuse: at which field, and what to write instead.

    `further` are other fields of it that it would refuse, with the words for each.
    """

    def __init__(self, field: str, message: str, further: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.further = tuple(further)


def projected(kind: Kind[F], body: Mapping[str, Any], interner: Interner, within: str = "") -> F:
    """Project an object to facts; `within` is where `body` stands in the whole of it.

    Raises InvalidObject.
    """
    check_labels(body, within)
    try:
        return kind.from_json(body, interner)
    except msgspec.ValidationError as error:
        raise _in_words(error, within) from error


def check_labels(body: Mapping[str, Any], within: str = "") -> None:
    """Raise InvalidObject where a label is not text, which is the commonest of mistakes."""
    metadata = body.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    for key, value in (labels if isinstance(labels, Mapping) else {}).items():
        if not isinstance(value, str):
            raise InvalidObject(
                _joined(within, f"metadata.labels[{key}]"),
                "a label is text: put it in quotation marks",
            )


def check_ports(ports: Iterable[_Port], where: str) -> None:
    """Raise InvalidObject for a number or a protocol that no port has."""
    for port in ports:
        if port.protocol not in PROTOCOLS:
            known = ", ".join(PROTOCOLS)
            raise InvalidObject(where, f'"{port.protocol}" is no protocol of ports: write {known}')
        if port.number is not None and not 1 <= port.number <= LAST_PORT:
            raise InvalidObject(where, f"{port.number} is no port: they go from 1 to {LAST_PORT}")


def check_ranges(ranges: Iterable[str], where: str) -> None:
    """Raise InvalidObject for what is no range of addresses."""
    for each in ranges:
        try:
            addresses.of_block(each)
        except addresses.InvalidBlock as error:
            raise InvalidObject(where, str(error)) from error


def check_addresses(found: Iterable[str], where: str) -> None:
    """Raise InvalidObject for what is no address."""
    for each in found:
        try:
            addresses.of_address(each)
        except addresses.InvalidBlock as error:
            raise InvalidObject(where, str(error)) from error


def mapping(body: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return the mapping at a path of an object, empty where it is left out.

    Raises InvalidObject where there is something else.
    """
    found = body
    walked = ""
    for step in path.split("."):
        walked = _joined(walked, step)
        value = found.get(step)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise InvalidObject(walked, "write a mapping")
        found = value
    return found


def _in_words(error: msgspec.ValidationError, within: str) -> InvalidObject:
    located = _LOCATED.fullmatch(str(error))
    problem = located["problem"] if located else str(error)
    path = (located["path"] or "") if located else ""
    expected = _EXPECTED.search(problem)
    if expected:
        wanted, found = (
            " or ".join(_WORDS.get(one, one) for one in expected[name].split(" | "))
            for name in ("wanted", "found")
        )
        problem = f"write {wanted}, not {found}"
    return InvalidObject(_joined(within, path), problem)


def _joined(within: str, path: str) -> str:
    return f"{within}.{path}" if within and path else within or path
