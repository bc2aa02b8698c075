"""docs/reference/api.md: every kind and field in words, from the same schemas as the CRDs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bailiwick.api.kinds import KINDS, Kind
from bailiwick.api.meta import API_VERSION, OLDEST_KUBERNETES
from bailiwick.api.schema import object_schema

Schema = Mapping[str, Any]

_RULES = "x-kubernetes-validations"

_PREFACE = """\
# The API: `{version}`

Generated from `operator/bailiwick/api` by `make crds`. `kubectl explain` tells the same.

The oldest supported Kubernetes is **{oldest}**:

- The API server itself refuses wrong ports, addresses and dates, by CEL rules. They use the
  `cidr` and `format` functions (1.31 and 1.32), and rules on 10,000 ports are within its limits
  only since 1.34 takes the length of a port into account. An older one refuses the definitions.
- The range of Service addresses is read from ServiceCIDR objects (1.33). They are not needed: a
  setting can name the ranges.

A duration is a whole number and one of the units `s`, `m`, `h`, `d`: `60s`, `90m`, `24h` or
`15d`. An instant is written with its time zone: `2026-11-23T10:00:00Z`. A label selector has
`matchLabels` and `matchExpressions`, as everywhere in Kubernetes; {{}} selects everything.
"""


def reference() -> str:
    """Return the Markdown text."""
    return "\n".join([*_head(), *(line for kind in KINDS for line in _kind(kind))]).rstrip() + "\n"


def _head() -> Iterator[str]:
    yield _PREFACE.format(version=API_VERSION, oldest=".".join(map(str, OLDEST_KUBERNETES)))
    yield "| kind | short name | scope | what it is |"
    yield "|---|---|---|---|"
    for kind in KINDS:
        link = f"[{kind.kind}](#{kind.kind.lower()})"
        yield f"| {link} | `{kind.short}` | {kind.scope} | {kind.description} |"
    yield ""


def _kind(kind: Kind) -> Iterator[str]:
    schema = object_schema(kind)
    yield f"## {kind.kind}"
    yield ""
    yield kind.description
    yield ""
    for rule in kind.rules:
        yield f"- {_sentence(rule.message)}"
        yield ""
    for part in ("spec", "status"):
        yield f"### {kind.kind} {part}"
        yield ""
        yield "| field | type | what it says |"
        yield "|---|---|---|"
        yield from _rows(schema["properties"][part], "")
        yield ""


def _rows(schema: Schema, path: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        required = name in schema.get("required", ())
        yield f"| `{here}` | {_type(field)} | {_words(field, required)} |"
        yield from _rows(*_inside(field, here))


def _inside(field: Schema, path: str) -> tuple[Schema, str]:
    if "items" in field:
        return field["items"], f"{path}[]"
    if "additionalProperties" in field:
        return field["additionalProperties"], f"{path}.*"
    if _is_selector(field):
        return {}, path
    return field, path


def _is_selector(field: Schema) -> bool:
    return set(field.get("properties", {})) == {"matchLabels", "matchExpressions"}


def _type(field: Schema) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "items" in field:
        return f"list of {_type(field['items'])}, at most {field['maxItems']}"
    if "additionalProperties" in field:
        return f"map to {_type(field['additionalProperties'])}, at most {field['maxProperties']}"
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if field.get("format") == "date-time":
        return "instant"
    if _is_selector(field):
        return "label selector"
    return str(field.get("type", "anything"))


def _words(field: Schema, required: bool) -> str:
    parts = [field.get("description", "")]
    if required:
        parts.append("**Required.**")
    if "default" in field and field["default"] != {}:
        parts.append(f"Default: `{json.dumps(field['default'])}`.")
    entries = field.get("items") or field.get("additionalProperties") or {}
    for rule in (*field.get(_RULES, ()), *entries.get(_RULES, ())):
        parts.append(f"*{_sentence(rule['message'])}*")
    return " ".join(part for part in parts if part).replace("|", "\\|")


def _sentence(message: str) -> str:
    return f"{message[0].upper()}{message[1:]}."
