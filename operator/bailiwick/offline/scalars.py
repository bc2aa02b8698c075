"""Scalars as kubectl reads them: by the rules of Go's `yaml.v2`, then through JSON.

They are those of YAML 1.1, less its base 60 and its dates, which stay text
(https://pkg.go.dev/sigs.k8s.io/yaml). Whole numbers come out of JSON as such: `1e3` is 1000.
"""

from __future__ import annotations

import base64
import re
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE"), True),
    **dict.fromkeys(("on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE"), False),
    **dict.fromkeys(("off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_A_NUMBER: Final = re.compile(r"\.(?:nan|NaN|NAN)|[-+]?\.(?:inf|Inf|INF)")
_INTEGER: Final = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)", re.ASCII
)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_FRACTION: Final = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?", re.ASCII)
_BASES: Final = {"0x": 16, "0o": 8, "0b": 2}
# The sign, the prefix, and the 64 digits of the largest number that is written in binary.
_LONGEST_INTEGER: Final = 67
_INT64: Final = range(-(1 << 63), 1 << 63)
_UINT64: Final = range(1 << 64)

_PREFIX: Final = "tag:yaml.org,2002:"


class InvalidScalar(ValueError):
    """A scalar that kubectl refuses; the message says why."""


def plain(text: str) -> Scalar:
    """Return what an unquoted scalar without a tag stands for."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in "+-.0123456789" else text


def tagged(tag: str, text: str) -> Scalar:
    """Return what a scalar with a tag stands for; a tag that YAML does not define makes text."""
    kind = tag.removeprefix(_PREFIX)
    if kind == tag or kind in ("str", "timestamp"):
        return text
    if kind == "binary":
        try:
            return base64.b64decode(text, validate=True).decode("utf-8", "replace")
        except ValueError as error:
            raise InvalidScalar("what is tagged !!binary is not base64") from error
    value = plain(text)
    fits = {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }
    if not fits.get(kind, True):
        raise InvalidScalar(f"{text} is tagged !!{kind} and is none")
    return value if kind in fits else text


def json_number(text: str) -> int | float:
    """Return a number of JSON. Raises InvalidScalar for one that is beyond all measure."""
    value = _number(text)
    if not isinstance(value, int | float):
        raise InvalidScalar(f"{text[:20]} is a number beyond all measure")
    return value


def key_of(value: object) -> str:
    """Return a key of a mapping as JSON has it: text. Raises InvalidScalar where there is none."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return f"{value:.9g}"
    raise InvalidScalar("a key must be text: write it in quotation marks")


def _number(text: str) -> Scalar:
    if _NOT_A_NUMBER.fullmatch(text):
        raise InvalidScalar(f"{text} is no number that JSON has: write a number, or text in quotes")
    if text[0] == ".":
        return _real(text.replace("_", ""), text) if _FRACTION.fullmatch(text) else text
    body = text.replace("_", "")
    if len(body) <= _LONGEST_INTEGER and _INTEGER.fullmatch(body):
        value = _integer(body)
        if value in _INT64:
            return value
        if value in _UINT64 and body[0] != "+":
            return float(value)
    return _real(body, text) if _FLOAT.fullmatch(body) else text


def _integer(body: str) -> int:
    digits = body.lstrip("+-")
    base = _BASES.get(digits[:2].lower())
    if base is not None:
        value = int(digits[2:], base)
    else:
        value = int(digits, 8 if digits[0] == "0" else 10)
    return -value if body[0] == "-" else value


def _real(body: str, text: str) -> Scalar:
    value = float(body)
    if value in (float("inf"), float("-inf")):
        return text
    # Go writes such a number without exponent or fraction, and reads it back as an integer.
    return int(value) if value.is_integer() and int(value) in _INT64 else value
