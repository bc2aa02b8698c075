"""YAML and JSON are read as kubectl reads them; the same cases are put to the real kubectl too."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bailiwick.offline.documents import Document, documents
from bailiwick.offline.parts import InvalidDocument
from bailiwick.offline.scalars import InvalidScalar, plain
from tests.unit.offline import kubectl_cases as cases


def read(text: str | bytes) -> list[Document]:
    raw = text.encode() if isinstance(text, str) else text
    return list(documents(io.BytesIO(raw), "app.yaml"))


def refusal(text: str | bytes) -> InvalidDocument | None:
    try:
        read(text)
    except InvalidDocument as error:
        return error
    return None


def bodies(text: str | bytes) -> list[dict[str, Any]]:
    return [document.body for document in read(text)]


def beyond_head(body: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in body.items() if k not in ("apiVersion", "kind", "metadata")}


@pytest.mark.parametrize("text, value", cases.SCALARS.items())
def test_a_scalar_is_what_kubectl_makes_of_it(text: str, value: Any) -> None:
    (body,) = bodies(f"{cases.HEAD}a: {text}\n")
    assert body["a"] == value
    assert type(body["a"]) is type(value)


@pytest.mark.parametrize("text", cases.INVALID_SCALARS)
def test_a_scalar_that_kubectl_refuses_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(f"{cases.HEAD}a: {text}\n")
    assert caught.value.line == 4


@pytest.mark.parametrize("name", cases.DOCUMENTS)
def test_documents_are_what_kubectl_makes_of_them(name: str) -> None:
    text, expected = cases.DOCUMENTS[name]
    found = bodies(text)
    assert [beyond_head(body) for body in found] == expected
    assert all(body["kind"] == "X" and body["metadata"] == {"name": "x"} for body in found)


@pytest.mark.parametrize("name", cases.INVALID_DOCUMENTS)
def test_what_cannot_be_read_is_named_by_its_line(name: str) -> None:
    text, line = cases.INVALID_DOCUMENTS[name]
    with pytest.raises(InvalidDocument) as caught:
        read(text)
    assert caught.value.line == line


def test_aliases_that_make_a_billion_of_what_is_written_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="repeats too much"):
        read(cases.bomb())


def test_aliases_within_reason_are_followed() -> None:
    (body,) = bodies(cases.bomb(3))
    assert body["l2"] == [[["x"] * 10] * 10] * 10


@pytest.mark.parametrize("text", ["a: " + "[" * 100_000, '{"a": ' + "[" * 100_000])
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument, match="nested"):
        read(text)


def test_text_that_is_not_utf_8_is_named_by_its_line() -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(cases.HEAD.encode() + b"a: caf\xe9 \n")
    assert caught.value.line == 4


def test_a_list_of_lists_is_opened() -> None:
    inner = {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "x"}}]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner, inner]}
    for text in (json.dumps(outer), yaml.safe_dump(outer)):
        assert [(d.kind, d.body["metadata"]) for d in read(text)] == [("Pod", {"name": "x"})] * 2


def test_what_is_no_object_has_an_empty_body() -> None:
    assert bodies("- a\n---\nhello\n---\n12\n") == [{}, {}, {}]


def test_keys_that_stand_twice_are_told_with_their_line() -> None:
    (document,) = read(cases.HEAD + "a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert [(str(place), key) for place, key in document.repeated] == [("app.yaml:7", "b")]


MANIFEST = """\
# one
apiVersion: v1
kind: X
spec:
  rules:
  - name: first
    to: {cidr: 10.0.0.0/8}
  - name: second
    to:
      cidr: x
---
kind: List
items:
- kind: X
  spec:
    a: 1
- {kind: X,
   spec: {
     a: 2}}
"""


@pytest.mark.parametrize(
    "number, field, line",
    [
        (0, "", 2),
        (0, "spec.rules", 5),
        (0, "spec.rules[0].to.cidr", 7),
        (0, "spec.rules[1]", 8),
        (0, "spec.rules[second].to.cidr", 10),
        (0, "spec.rules[third].to", 5),
        (0, "spec.missing", 4),
        (1, "spec.a", 16),
        (2, "", 17),
        (2, "spec.a", 19),
    ],
)
def test_a_field_is_found_by_its_path(number: int, field: str, line: int) -> None:
    assert read(MANIFEST)[number].place_of(field).line == line


def test_a_field_of_json_is_found_by_its_path() -> None:
    item = {"kind": "X", "spec": {"rules": [{"to": 1}, {"to": 2}]}}
    text = json.dumps(
        {"kind": "List", "items": [item, {"kind": "List", "items": [item]}]}, indent=1
    )
    lines = [number for number, line in enumerate(text.splitlines(), 1) if '"to": 2' in line]
    assert [d.place_of("spec.rules[1].to").line for d in read(text)] == lines


class Trickle(io.RawIOBase):
    """Gives one byte at a time, as a slow pipe may."""

    def __init__(self, raw: bytes) -> None:
        self._rest = raw

    def read(self, size: int = -1, /) -> bytes:  # noqa: ARG002  # one byte, whatever is asked
        taken, self._rest = self._rest[:1], self._rest[1:]
        return taken


@pytest.mark.parametrize("name", cases.DOCUMENTS)
def test_how_a_stream_is_cut_into_blocks_does_not_matter(name: str) -> None:
    text, expected = cases.DOCUMENTS[name]
    found = documents(Trickle(text.encode()), "-")
    assert [beyond_head(document.body) for document in found] == expected


class Counted(io.BytesIO):
    """Counts what was read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


@pytest.mark.parametrize("form", ["yaml", "json", "documents"])
def test_of_a_list_of_any_length_only_one_item_is_held(form: str) -> None:
    items = [{"kind": "Pod", "metadata": {"name": f"pod-{n}"}} for n in range(20_000)]
    of_list = {"kind": "List", "items": items}
    texts = {
        "yaml": "kind: List\nitems:\n" + "".join(f"- {json.dumps(item)}\n" for item in items),
        "json": json.dumps(of_list),
        "documents": "".join(f"---\n{json.dumps(item)}\n" for item in items),
    }
    stream = Counted(texts[form].encode())
    found = documents(stream, "-")
    assert next(found).body == items[0]
    assert stream.taken < len(texts[form]) / 2
    assert sum(1 for _ in found) == len(items) - 1


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(TEXT, VALUES, max_size=4), max_size=3))
@settings(max_examples=100)
def test_what_was_written_as_json_is_read_back(values: list[dict[str, Any]]) -> None:
    written = [{**value, "kind": "X"} for value in values if "items" not in value]
    for text in ("".join(map(json.dumps, written)), json.dumps({"kind": "List", "items": written})):
        assert bodies(text) == written


@given(st.text(max_size=30))
@settings(max_examples=200)
def test_any_plain_text_is_a_scalar_or_refused(text: str) -> None:
    try:
        value = plain(text)
    except InvalidScalar:
        return
    assert value is None or isinstance(value, bool | int | float | str)


@given(st.binary(max_size=200) | st.text(alphabet="{}[]:,-&*<?|>!%@`'\"# \nab01\t~", max_size=80))
@settings(max_examples=300)
def test_anything_is_read_or_refused_with_a_line(raw: bytes | str) -> None:
    refused = refusal(raw)
    assert refused is None or (refused.line >= 1 and refused.message)
