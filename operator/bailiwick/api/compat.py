"""What the API server serves of our kinds, compared with what this version of the operator knows.

A status with one field that the server does not know is refused as a whole, so an operator that
is newer than its definitions leaves such fields out and says so (`Ready`, reason `CRDOutdated`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bailiwick.api.kinds import Kind
from bailiwick.api.meta import VERSION
from bailiwick.api.schema import object_schema

Schema = Mapping[str, Any]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Compatibility:
    """How the served definition of a kind differs from ours.

    `missing` are the paths of fields (`status.network.findings[].rule`) and of values
    (`status.phase=Scanning`) that the server does not know, in order. What the server knows
    beyond ours is no trouble and is not told.
    """

    kind: Kind
    missing: tuple[str, ...]
    _served: Schema = field(repr=False)

    def prune(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return an object without the fields of spec and status that the server does not know."""
        result = dict(body)
        for part in ("spec", "status"):
            if part not in result:
                continue
            schema = self._served.get("properties", {}).get(part)
            if schema is None:
                del result[part]
            elif self.missing:
                result[part] = _pruned(result[part], schema)
        return result

    def message(self) -> str:
        """Say what is missing and what to do; empty where nothing is."""
        if not self.missing:
            return ""
        shown = ", ".join(self.missing[:_SHOWN])
        more = f" and {len(self.missing) - _SHOWN} more" if len(self.missing) > _SHOWN else ""
        return (
            f"The cluster's definition of {self.kind.plural} is older than the operator and does "
            f"not know {shown}{more}; they are left out. Apply the crds of the operator's version"
        )


def compare(kind: Kind, definition: Mapping[str, Any] | None) -> Compatibility:
    """Compare a CustomResourceDefinition, as the server has it, with ours; None: it has none."""
    served = _served_schema(definition or {})
    ours = object_schema(kind)["properties"]
    theirs = served.get("properties", {})
    missing = tuple(
        path for part in ("spec", "status") for path in _missing(ours[part], theirs.get(part), part)
    )
    return Compatibility(kind, missing, served)


def _served_schema(definition: Mapping[str, Any]) -> Schema:
    for version in definition.get("spec", {}).get("versions", ()):
        if version.get("name") == VERSION and version.get("served"):
            schema: Schema = version.get("schema", {}).get("openAPIV3Schema", {})
            return schema
    return {}


def _missing(ours: Schema, theirs: Schema | None, path: str) -> Iterator[str]:
    if theirs is None:
        yield path
        return
    if _takes_anything(theirs):
        return
    if "enum" in theirs:
        yield from (
            f"{path}={value}" for value in ours.get("enum", ()) if not _known(value, theirs)
        )
    for name, schema in ours.get("properties", {}).items():
        yield from _missing(schema, theirs.get("properties", {}).get(name), f"{path}.{name}")
    if "items" in ours:
        yield from _missing(ours["items"], theirs.get("items"), f"{path}[]")
    values = ours.get("additionalProperties")
    if isinstance(values, Mapping):
        yield from _missing(values, _values(theirs), f"{path}.*")


def _pruned(value: Any, schema: Schema) -> Any:
    """Leave out of a value what its served schema does not know."""
    if _takes_anything(schema):
        return value
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        values = _values(schema)
        return {
            name: _pruned(item, inner)
            for name, item in value.items()
            if (inner := properties.get(name, values)) is not None and _known(item, inner)
        }
    if isinstance(value, list):
        inner = schema.get("items", {})
        return [_pruned(item, inner) for item in value if _known(item, inner)]
    return value


def _values(schema: Schema) -> Schema | None:
    values = schema.get("additionalProperties")
    return values if isinstance(values, Mapping) else None


def _known(value: Any, schema: Schema) -> bool:
    return "enum" not in schema or value in schema["enum"]


def _takes_anything(schema: Schema) -> bool:
    return bool(schema.get("x-kubernetes-preserve-unknown-fields"))
