"""From the models to structural OpenAPI v3 schemas and CustomResourceDefinitions.

A structural schema knows no references, no null and no type outside of its own field (see the
API documentation, "Specifying a structural schema"), so pydantic's schema is rewritten to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from bailiwick.api.kinds import Kind
from bailiwick.api.meta import CATEGORY, GROUP, VERSION
from bailiwick.api.types import JSON, ApiModel, rules

_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "anyOf",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
)


def custom_resource_definition(kind: Kind) -> JSON:
    """Return the CustomResourceDefinition of a kind, as JSON."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": GROUP,
            "scope": kind.scope,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.to_json() for column in kind.columns],
                    "schema": {"openAPIV3Schema": object_schema(kind)},
                }
            ],
        },
    }


@cache
def object_schema(kind: Kind) -> JSON:
    """Return the schema of whole objects of a kind. Do not change it: it is shared."""
    status = _schema_of(kind.status, with_defaults=False)
    # kstatus takes an object without a status for one that is done.
    status["default"] = {"observedGeneration": -1}
    return {
        "description": kind.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}"},
            "kind": {"type": "string", "description": kind.kind},
            "metadata": {
                "type": "object",
                # A rule can only point at what is named here.
                **({"properties": {"name": {"type": "string"}}} if kind.rules else {}),
            },
            "spec": _spec(kind.spec),
            "status": status,
        },
        **(rules(*kind.rules) if kind.rules else {}),
    }


def _spec(model: type[ApiModel]) -> JSON:
    schema = _schema_of(model, with_defaults=True)
    if "required" not in schema:
        schema["default"] = {}
    return schema


def _schema_of(model: type[ApiModel], *, with_defaults: bool) -> JSON:
    raw = model.model_json_schema(by_alias=True)
    return _structural(raw, raw.get("$defs", {}), with_defaults)


def _structural(raw: Mapping[str, Any], definitions: Mapping[str, Any], defaults: bool) -> JSON:
    raw = _resolved(raw, definitions)
    result: JSON = {key: raw[key] for key in _KEPT if key in raw}
    if "description" in result:
        result["description"] = " ".join(result["description"].split())
    if "const" in raw:
        result["enum"] = [raw["const"]]
    if "properties" in raw:
        result["properties"] = {
            name: _structural(field, definitions, defaults)
            for name, field in raw["properties"].items()
        }
    if isinstance(raw.get("additionalProperties"), Mapping):
        result["additionalProperties"] = _structural(
            raw["additionalProperties"], definitions, defaults=False
        )
    if "items" in raw:
        # Defaults inside of lists show as drift in GitOps tools, which compare them whole.
        result["items"] = _structural(raw["items"], definitions, defaults=False)
    result |= {key: value for key, value in raw.items() if key.startswith("x-kubernetes-")}
    if defaults and "default" in raw:
        _add_default(result, raw["default"])
    return result


def _resolved(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> JSON:
    """Put what a schema refers to in its place; what stands beside the reference wins."""
    result = dict(raw)
    while True:
        if "$ref" in result:
            inner = definitions[result.pop("$ref").rpartition("/")[2]]
        elif "anyOf" in result and "x-kubernetes-int-or-string" not in result:
            (inner,) = (option for option in result.pop("anyOf") if option != {"type": "null"})
        else:
            return result
        result = {**inner, **result}


def _add_default(schema: JSON, default: object) -> None:
    """Write a default that says something, or that keeps an object from becoming null."""
    if isinstance(default, Mapping):
        fields = schema.get("properties", {}).values()
        # Where the last part of an object goes, server-side apply leaves a null in its place,
        # which is refused unless there is a default. One that is applied whole stays as it is.
        if "x-kubernetes-map-type" not in schema or any("default" in field for field in fields):
            schema["default"] = {}
    elif default not in (None, "", [], ()):
        schema["default"] = list(default) if isinstance(default, tuple) else default
