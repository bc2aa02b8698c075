"""From manifests to others that are nearly like them, byte by byte and field by field."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final

import yaml

Path = tuple[str | int, ...]

SIZE_LIMIT: Final = 1 << 16

_TOKENS: Final = (
    b"---\n", b"\n--- # a\n", b"...\n", b"&a ", b"*a", b"<<: *a\n", b"? ", b": ", b"- ", b"!!str ",
    b"!!binary ", b"!!set ", b"!", b"|\n", b">-\n", b"%YAML 1.1\n", b"{", b"}", b"[", b"]", b'"',
    b"'", b"#", b"\t", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\\ud800",
    b"\\", b"0x", b"0o17", b"1e999", b".nan", b"-.inf", b"2027-03-01", b"22:22", b"yes", b"~",
    b"null", b"items:", b"kind: List\n", b'{"kind": "List", "items": [', b"endPort: 1", b"70000",
    b"-1", b"10.0.0.1/8", b"::/0", b"except:", b"matchExpressions:", b"operator: Gt", b"http/UDP",
)  # fmt: skip
_ODD: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 70000, 10**30, 1.5, "", "x", "a/b", "*", "10.0.0.1/8", "10.0.0.0/8", "::/0",
    "80-70", "http/UDP", "Infinity", "2027-13-45", "\u00e9" * 300, "\U0001f512", "\x85", [], {},
    "</script><b>", '";alert(1)', "a\nb",
    [None], [[]], [{}], {"": ""}, ["a"], {"a": "b"}, {"matchLabels": {"a": 1}}, {"a": {"a": {}}},
    {"matchExpressions": [{"key": "a", "operator": "In", "values": []}]}, {"cidr": "10.0.0.0/33"},
)  # fmt: skip


def mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    """Return one of the texts, changed in a few places."""
    text = random.choice(corpus)
    if random.random() < 0.5:
        text = _with_other_fields(random, text) or text
    if random.random() < 0.5:
        for _ in range(random.choice((1, 1, 2, 4, 8))):
            text = random.choice(_CHANGES)(random, text, corpus)
    return text[:SIZE_LIMIT]


def _with_other_fields(random: Random, text: bytes) -> bytes:
    """Put something odd into some fields, and write it as YAML, as a List, or as JSON."""
    try:
        objects = [each for each in yaml.safe_load_all(text) if isinstance(each, dict)]
        for _ in range(random.randint(1, 4)):
            *above, last = random.choice(list(_paths(objects)))
            within = _at(objects, above)
            if random.random() < 0.2:
                del within[last]
            elif random.random() < 0.3:
                within[last] = copy.deepcopy(_at(objects, random.choice(list(_paths(objects)))))
            else:
                within[last] = copy.deepcopy(random.choice(_ODD))
        return _written(random, objects)
    except (yaml.YAMLError, ValueError, TypeError, IndexError, RecursionError, OverflowError):
        return b""


def _written(random: Random, objects: list[Any]) -> bytes:
    match random.randrange(4):
        case 0:
            return json.dumps({"kind": "List", "items": objects}, default=str).encode()
        case 1:
            return "\n".join(json.dumps(each, default=str) for each in objects).encode()
        case 2:
            return yaml.safe_dump({"kind": "List", "items": objects}).encode()
    flow = random.choice((None, True, False))
    return yaml.safe_dump_all(objects, default_flow_style=flow).encode()


def _paths(value: Any, at: Path = ()) -> Iterator[Path]:
    if at:
        yield at
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from _paths(value[key], (*at, key))


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def _another_byte(random: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    place = random.randrange(len(text) + 1)
    return text[:place] + bytes([random.randrange(256)]) + text[place + 1 :]


def _a_token(random: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    place = random.randrange(len(text) + 1)
    return text[:place] + random.choice(_TOKENS) + text[place + random.choice((0, 0, 1, 4)) :]


def _less(random: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _span(random, text)
    return text[:begin] + text[end:]


def _cut_short(random: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    return text[: random.randrange(len(text) + 1)]


def _repeated(random: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _span(random, text)
    return text[:end] + text[begin:end] * random.choice((1, 2, 50)) + text[end:]


def _spliced(random: Random, text: bytes, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus)
    begin, end = _span(random, other)
    place = random.randrange(len(text) + 1)
    return text[:place] + other[begin:end] + text[place:]


def _other_lines(random: Random, text: bytes, _: Sequence[bytes]) -> bytes:
    """Swap two lines, or indent one otherwise."""
    lines = text.split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    if random.random() < 0.5:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines[one] = b" " * random.randrange(9) + lines[one].lstrip()
    return b"\n".join(lines)


def _span(random: Random, text: bytes) -> tuple[int, int]:
    begin = random.randrange(len(text) + 1)
    return begin, min(len(text), begin + random.choice((1, 4, 20, 200)))


_CHANGES: Final = (
    _another_byte,
    _a_token,
    _a_token,
    _less,
    _cut_short,
    _repeated,
    _spliced,
    _other_lines,
)
