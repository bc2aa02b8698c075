"""What a model refuses, in words for the person who wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

_WORDS: Final = {
    "bool_type": "write true or false",
    "dict_type": "write a mapping",
    "extra_forbidden": "there is no such field",
    "int_type": "write a whole number",
    "missing": "this is missing",
    "model_type": "write a mapping",
    "string_type": "write a text",
    "tuple_type": "write a list",
}
_PORT: Final = re.compile(r"(.*[pP]orts\[\d+\])\.(int|str)")


def in_words(error: ValidationError, words: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what is wrong with each field, by its path: `to.ports[0]`.

    `words` are further or other words for Pydantic's types of errors.
    """
    known = {**_WORDS, **(words or {})}
    told: dict[str, str] = {}
    for each in error.errors(include_url=False):
        path = ""
        for part in each["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
        # Pydantic names the form of a port that it tried.
        port = _PORT.fullmatch(path)
        if port:
            told[port[1]] = "write a port's number, a range or a container port's name"
        else:
            message = each["msg"].removeprefix("Input ")
            told.setdefault(path, known.get(each["type"], message))
    return told
