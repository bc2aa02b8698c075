"""YAML and what kubectl makes of it: held against our reader, and against the real kubectl."""

from __future__ import annotations

from typing import Any, Final

HEAD: Final = "apiVersion: v1\nkind: X\nmetadata: {name: x}\n"
"""The beginning of an object that a case goes on with."""

SCALARS: Final[dict[str, Any]] = {
    # Dates and base 60 stay text.
    "2027-03-01": "2027-03-01",
    "2027-03-01T10:00:00Z": "2027-03-01T10:00:00Z",
    "22:22": "22:22",
    "1:2:3": "1:2:3",
    # Booleans are those of YAML 1.1, one letter too.
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "FALSE"), False),
    "yEs": "yEs",
    "tRUE": "tRUE",
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    "nUll": "nUll",
    # A zero in front makes an octal number, where that can be.
    "010": 8,
    "0o14": 12,
    "-017": -15,
    "08": 8,
    "0_7": 7,
    "010.5": 10.5,
    "0x1F": 31,
    "-0b11": -3,
    "0b2": "0b2",
    "0x": "0x",
    "1_000": 1000,
    "+12": 12,
    "0x1p4": "0x1p4",
    # What has no fraction comes out of JSON as a whole number.
    "1e3": 1000,
    "1.0": 1,
    "-0.0": 0,
    "1.50": 1.5,
    ".5": 0.5,
    "._5": "._5",
    ".1_5": 0.15,
    "1.": 1,
    "1e400": "1e400",
    "1e21": 1e21,
    "123456789012345678901234567890": 123456789012345678901234567890.0,
    "0.1e-400": 0,
    "100m": "100m",
    "1.5Gi": "1.5Gi",
    "...x": "...x",
    "'12'": "12",
    '"yes"': "yes",
    # Tags.
    "!!str 12": "12",
    "!!int '12'": 12,
    "!!float 1": 1,
    "!!bool 'on'": True,
    "!!binary aGk=": "hi",
    "!custom 12": "12",
    "! 12": "12",
}
"""Scalars as they are written, and what each is in JSON."""

INVALID_SCALARS: Final = (".nan", ".inf", "-.Inf", "!!int x", "!!bool maybe", "!!binary ***")

DOCUMENTS: Final[dict[str, tuple[str, list[dict[str, Any]]]]] = {
    "a key that stands twice counts as it stands last": (HEAD + "a: 1\na: 2\n", [{"a": 2}]),
    "keys are text": (
        HEAD + "1: a\n0x10: b\n1.5: c\nyes: d\n",
        [{"1": "a", "16": "b", "1.5": "c", "true": "d"}],
    ),
    "a merge has the last word over what stands before it": (
        HEAD + "a: &a {k: 1}\nb: {k: 2, <<: *a}\nc: {<<: *a, k: 2}\n",
        [{"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 2}}],
    ),
    "of several that are merged the first has the last word": (
        HEAD + "m: {<<: [{k: 1}, {k: 2, z: 3}]}\n",
        [{"m": {"k": 1, "z": 3}}],
    ),
    "a merge in quotation marks is none": (HEAD + 'm: {"<<": 1}\n', [{"m": {"<<": 1}}]),
    "an anchor may be set anew": (HEAD + "a: &a 1\nb: &a 2\nc: *a\n", [{"a": 1, "b": 2, "c": 2}]),
    "a colon without a space is part of the text": (
        HEAD + "a: {b:1}\nc: [d:e]\n",
        [{"a": {"b:1": None}, "c": ["d:e"]}],
    ),
    "lines of a text are joined": (HEAD + "a: one\n  two\n\n  three\n", [{"a": "one two\nthree"}]),
    "blocks keep or lose their ends": (
        HEAD + "a: >-\n  one\n  two\nb: |+\n  x\n\nc: |2\n   y\n",
        [{"a": "one two", "b": "x\n\n", "c": " y\n"}],
    ),
    "lines may end as on Windows": (
        (HEAD + "a: x\n---\n" + HEAD + "b: |\n  y\n").replace("\n", "\r\n"),
        [{"a": "x"}, {"b": "y\n"}],
    ),
    "comments may follow a separator": (
        f"--- # one\n{HEAD}a: 1\n---   # two\n{HEAD}",
        [{"a": 1}, {}],
    ),
    "documents of nothing are none": ("---\n# nothing\n---\n" + HEAD + "---\n", [{}]),
    "what comes after the end of a document is not read": (HEAD + "...\n}}}\n", [{}]),
    "a mark of the byte order is passed over": ("\ufeff" + HEAD, [{}]),
    "a flow is YAML": ("{apiVersion: v1, kind: X, metadata: {name: x}, a: 010}", [{"a": 8}]),
    "JSON": (
        '{"apiVersion":"v1","kind":"X","metadata":{"name":"x"},"a":1e3,"b":"\\ud800","b2":1,"b2":2}',
        [{"a": 1000, "b": "\ufffd", "b2": 2}],
    ),
    "JSON objects one after the other": (
        '{"apiVersion":"v1","kind":"X","metadata":{"name":"x"}}'
        '{"apiVersion":"v1","kind":"X","metadata":{"name":"x"},"a":1}',
        [{}, {"a": 1}],
    ),
    "YAML after JSON": (
        '{"apiVersion":"v1","kind":"X","metadata":{"name":"x"}}\n---\n' + HEAD + "a: 1\n",
        [{}, {"a": 1}],
    ),
    "a trailing comma makes YAML of JSON": (
        '{"apiVersion":"v1","kind":"X","metadata":{"name":"x"},}',
        [{}],
    ),
    "the items of a List": (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: X, metadata: {name: x}, a: 1}\n"
        "- {apiVersion: v1, kind: X, metadata: {name: x}, a: 2}\n",
        [{"a": 1}, {"a": 2}],
    ),
    "items without a kind have that of their List, wherever it stands": (
        "apiVersion: v1\nitems:\n- metadata: {name: x}\n  a: 1\nkind: XList\n",
        [{"a": 1}],
    ),
    "the same in JSON": (
        '{"items":[{"metadata":{"name":"x"},"a":1}],"kind":"XList","apiVersion":"v1"}',
        [{"a": 1}],
    ),
    "an anchor on the items of a List": (
        "apiVersion: v1\nkind: List\nitems: &i\n- {apiVersion: v1, kind: X, metadata: {name: x}}\n",
        [{}],
    ),
}
"""What each text comes to: the fields of its objects besides those of HEAD."""

INVALID_DOCUMENTS: Final[dict[str, tuple[str, int]]] = {
    "a sequence that is not closed": (HEAD + "---\na: [\n", 6),
    "an indentation by a tab": (HEAD + "a:\n\tb: 1\n", 5),
    "an anchor that is not there": (HEAD + "a: *b\n", 4),
    "a sequence that contains itself": (HEAD + "a: &a [1, *a]\n", 4),
    "a mapping that contains itself": (HEAD + "a: &a\n  b: *a\n", 5),
    "a merge of what is no mapping": (HEAD + "a: {<<: 5}\n", 4),
    "a key that is nothing": (HEAD + "~: 1\n", 4),
    "a key that is a list": (HEAD + "? [a]\n: 1\n", 4),
    "a document that begins on the line of its separator": (HEAD + "--- {a: 1}\n", 4),
    "a control character": (HEAD + "a: \x07\n", 4),
}
"""What nobody can read, and the line that it is told of."""


def bomb(levels: int = 9) -> str:
    """Return a document in which aliases make a billion of what is written."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels)]
    return HEAD + "\n".join(lines) + "\n"
