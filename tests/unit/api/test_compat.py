"""What the API server serves of a kind, compared with what this version of the operator knows."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bailiwick.api.compat import Compatibility, compare
from bailiwick.api.kinds import KINDS, SECURITY_INTENT, Kind
from bailiwick.api.schema import custom_resource_definition

Json = dict[str, Any]


def served() -> Json:
    """Our own definition of an intent, to be made an older one."""
    return copy.deepcopy(custom_resource_definition(SECURITY_INTENT))


def schema_of(definition: Json) -> Json:
    schema: Json = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def status_of(definition: Json) -> Json:
    fields: Json = schema_of(definition)["properties"]["status"]["properties"]
    return fields


def compared(definition: Json | None) -> Compatibility:
    return compare(SECURITY_INTENT, definition)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.kind))
def test_our_own_definition_knows_everything(kind: Kind) -> None:
    found = compare(kind, custom_resource_definition(kind))
    assert found.missing == ()
    assert found.message() == ""


def test_a_field_that_is_not_served_is_missing_by_its_path() -> None:
    older = served()
    del status_of(older)["stages"]
    del status_of(older)["controls"]["items"]["properties"]["evidence"]
    del schema_of(older)["properties"]["spec"]["properties"]["images"]
    found = compared(older)
    assert found.missing == ("spec.images", "status.stages", "status.controls[].evidence")


def test_a_word_that_is_not_served_is_missing_too() -> None:
    older = served()
    results = status_of(older)["controls"]["items"]["properties"]["result"]
    results["enum"].remove("skip")
    assert compared(older).missing == ("status.controls[].result=skip",)


def test_what_the_server_knows_beyond_ours_is_no_trouble() -> None:
    newer = served()
    status_of(newer)["waivers"] = {"type": "integer"}
    status_of(newer)["controls"]["items"]["properties"]["result"]["enum"].append("unknown")
    assert compared(newer).missing == ()
    assert compared(newer).prune({"status": {"failing": 1}}) == {"status": {"failing": 1}}


def test_a_part_that_takes_anything_lacks_nothing() -> None:
    loose = served()
    status_of(loose)["network"] = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    assert compared(loose).missing == ()
    status = {"network": {"policies": 3, "new": True}}
    assert compared(loose).prune({"status": status}) == {"status": status}


@pytest.mark.parametrize("change", ["none", "another version", "not served"])
def test_a_kind_that_is_not_served_lacks_everything(change: str) -> None:
    definition: Json | None = served()
    assert definition is not None
    (version,) = definition["spec"]["versions"]
    if change == "another version":
        version["name"] = "v1alpha2"
    elif change == "not served":
        version["served"] = False
    else:
        definition = None
    found = compared(definition)
    assert found.missing == ("spec", "status")
    assert found.prune({"kind": "SecurityIntent", "status": {"failing": 1}}) == {
        "kind": "SecurityIntent"
    }


def test_what_is_written_has_nothing_that_the_server_does_not_know() -> None:
    older = served()
    del status_of(older)["stages"]
    del status_of(older)["network"]["properties"]["findings"]
    del status_of(older)["controls"]["items"]["properties"]["evidence"]
    status_of(older)["profile"]["properties"]["chosenBy"]["enum"].remove("BuiltIn")
    known = compared(older).prune(
        {
            "metadata": {"name": "default"},
            "status": {
                "failing": 0,
                "stages": {"build": {"pass": 1}},
                "network": {"policies": 2, "findings": []},
                "controls": [{"id": "image-age", "evidence": "a scan", "result": "pass"}],
                "profile": {"name": "built-in", "chosenBy": "BuiltIn"},
            },
        }
    )
    assert known == {
        "metadata": {"name": "default"},
        "status": {
            "failing": 0,
            "network": {"policies": 2},
            "controls": [{"id": "image-age", "result": "pass"}],
            "profile": {"name": "built-in"},
        },
    }


def test_the_message_says_what_is_left_out_and_what_to_do() -> None:
    older = served()
    for name in ("stages", "controls", "network", "images", "exceptions", "rescan", "history"):
        del status_of(older)[name]
    said = compared(older).message()
    assert said.startswith("The cluster's definition of securityintents is older than the operator")
    assert "status.stages, status.controls, status.network" in said
    assert " and 2 more; they are left out" in said
    assert said.endswith("Apply the crds of the operator's version")
