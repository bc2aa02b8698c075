"""The process that renders: a line of JSON in, a line of JSON out, until its input ends.

`{"template": …, "name": …, "labels": {…}, "with": {…}}` is answered by `{"value": …}`, or by
`{"error": …}` with words for a person. It ends with the process that started it, whose end of
the pipe is its input.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any, BinaryIO, Final

from bailiwick.rendering.confinement import confine, limited_time
from bailiwick.rendering.sandbox import TemplateError, render

READY: Final = b"ready\n"
VALUE_LIMIT: Final = 64 * 1024
"""Bytes of the JSON of what a template gives."""

_WORDS_LIMIT: Final = 500
# Jinja2 imports them when it first needs them, which is too late once nothing can be opened.
_LATE: Final = ("encodings.unicode_escape", "html", "jinja2.debug", "pprint", "textwrap")


def main() -> None:
    """Answer requests, and stop after one that took all memory: what is left is not trusted."""
    for module in _LATE:
        import_module(module)
    confine()
    answers = sys.stdout.buffer
    _say(answers, READY)
    for line in sys.stdin.buffer:
        try:
            answer = _answer(json.loads(line))
        except MemoryError:
            _say(answers, b'{"error": "it needs too much memory", "spent": true}\n')
            return
        _say(answers, answer + b"\n")


def _answer(request: dict[str, Any]) -> bytes:
    try:
        with limited_time():
            value = render(request["template"], request["name"], request["labels"], request["with"])
            return _encoded(value)
    except TemplateError as error:
        return _failure(str(error))
    except RecursionError:
        return _failure("it calls itself without an end, or is nested too deeply")


def _encoded(value: Any) -> bytes:
    try:
        text = json.dumps({"value": value}, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return _failure("it gives a number or a character that JSON does not have")
    if len(text) > VALUE_LIMIT:
        return _failure(f"it gives more than {VALUE_LIMIT // 1024} KiB")
    return text


def _failure(words: str) -> bytes:
    line = " ".join(words.encode(errors="replace").decode().split())
    if len(line) > _WORDS_LIMIT:
        line = f"{line[: _WORDS_LIMIT - 1]}…"
    return json.dumps({"error": line}).encode()


def _say(answers: BinaryIO, line: bytes) -> None:
    answers.write(line)
    answers.flush()


if __name__ == "__main__":
    main()
