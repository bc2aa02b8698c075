"""The definitions that are made of the types keep the rules of the API for structural schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bailiwick.api.kinds import KINDS, SECURITY_INTENT, Kind
from bailiwick.api.schema import custom_resource_definition, object_schema

Schema = Mapping[str, Any]

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.kind))


def parts(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Go through a schema and everything inside it, each with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from parts(inner, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(schema.get(key), Mapping):
            yield from parts(schema[key], f"{path}{mark}")


def declared(kind: Kind) -> list[tuple[str, Schema]]:
    """The parts of spec and status of a kind."""
    properties = object_schema(kind)["properties"]
    return [each for name in ("spec", "status") for each in parts(properties[name], name)]


@every_kind
def test_every_field_has_a_type_and_words(kind: Kind) -> None:
    for path, schema in declared(kind):
        assert "type" in schema or "x-kubernetes-int-or-string" in schema, path
        assert schema.get("description") or path.endswith(("[]", ".*")), path


@every_kind
def test_nothing_is_left_that_a_structural_schema_does_not_know(kind: Kind) -> None:
    for path, schema in declared(kind):
        assert not {"$ref", "$defs", "title", "allOf", "oneOf"} & schema.keys(), path
        assert schema.get("type") != "null", path


@every_kind
def test_every_list_map_and_text_is_bounded(kind: Kind) -> None:
    for path, schema in declared(kind):
        if schema.get("type") == "array":
            assert "maxItems" in schema, path
            assert "x-kubernetes-list-type" in schema, path
        if "additionalProperties" in schema:
            assert "maxProperties" in schema, path
        if schema.get("type") == "string" and schema.get("format") != "date-time":
            assert "maxLength" in schema or "enum" in schema, path


@every_kind
def test_every_bounded_list_of_a_status_has_a_count_of_what_it_leaves_out(kind: Kind) -> None:
    complete = {
        "conditions",
        "controls",
        "refs",
        "shells",
        "packageManagers",
        "debugTools",
        "ignored",
    }
    for path, schema in parts(object_schema(kind)["properties"]["status"], "status"):
        names = schema.get("properties", {})
        for name, field in names.items():
            if field.get("type") == "array" and name not in complete | {"buildTools", "setuid"}:
                assert f"{name}Omitted" in names, f"{path}.{name}"


@every_kind
def test_a_message_of_a_rule_says_what_to_write_in_one_line(kind: Kind) -> None:
    for path, schema in [*declared(kind), ("", object_schema(kind))]:
        for rule in schema.get("x-kubernetes-validations", ()):
            message = rule["message"]
            assert "\n" not in message, path
            assert len(message) <= 200, f"{path}: {message}"
            assert not message.endswith("."), f"{path}: {message}"


@every_kind
def test_no_default_stands_inside_of_a_list_or_a_status(kind: Kind) -> None:
    """GitOps tools compare lists whole, and a default of a status would be nobody's finding."""
    for path, schema in declared(kind):
        if "default" in schema:
            assert "[]" not in path, path
            assert not path.startswith("status."), path


@every_kind
def test_a_definition_has_what_people_call_it_by(kind: Kind) -> None:
    definition = custom_resource_definition(kind)
    names = definition["spec"]["names"]
    assert definition["metadata"]["name"] == f"{names['plural']}.bailiwick.dev"
    assert names["categories"] == ["bailiwick"]
    assert names["shortNames"] == [kind.short]
    (version,) = definition["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}


@every_kind
def test_columns_stand_on_scalars_and_a_date_is_never_one_to_come(kind: Kind) -> None:
    fields = dict(declared(kind))
    for column in kind.columns:
        path = column.json_path.removeprefix(".")
        if path.startswith("metadata.") or "[?(" in path:
            continue
        assert fields[path].get("type") in ("string", "integer", "boolean"), column.name
        if column.type == "date":
            assert not path.endswith(("nextDue", "expiresAt", "nextScanAt")), column.name


def test_the_columns_of_an_intent_are_those_of_the_design() -> None:
    shown = [column.name for column in SECURITY_INTENT.columns if not column.wide]
    wide = [column.name for column in SECURITY_INTENT.columns if column.wide]
    assert shown == [
        "Profile",
        "Enforcement",
        "Ready",
        "Compliant",
        "Fail",
        "Overdue",
        "Next due",
        "Age",
    ]
    assert wide == ["Reason", "Evaluated"]
