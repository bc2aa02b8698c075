"""The picture as one page that asks nobody for anything: style, program and data are inside.

Names come from manifests that others write. They are data to the page, never markup, and its
policy lets nothing run or be fetched but what was put in here.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from importlib.resources import files
from string import Template
from typing import Final

from bailiwick.offline.picture.data import Tell, as_data
from bailiwick.offline.picture.layout import layout
from bailiwick.offline.picture.model import Picture

_STYLES: Final = ("theme", "picture", "panel", "page")
_PARTS: Final = ("model", "drawing", "words", "panel", "view", "controls", "main")


def as_page(picture: Picture, tell: Tell) -> str:
    """Return the page; equal pictures give equal text."""
    style = "".join(_asset(f"{part}.css") for part in _STYLES)
    program = (
        '"use strict";\n(() => {\n' + "".join(_asset(f"{part}.js") for part in _PARTS) + "})();\n"
    )
    policy = (
        f"default-src 'none'; script-src {_hash(program)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return Template(_asset("page.html")).substitute(
        policy=policy,
        style=style,
        program=program,
        data=_as_script(as_data(picture, layout(picture), tell)),
    )


def _asset(name: str) -> str:
    return (files("bailiwick.offline.picture") / "assets" / name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return a source of a Content Security Policy: the text itself, by its hash."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _as_script(data: object) -> str:
    """Write data so that no text in it can end the element that holds it."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
