"""The real kubectl says what YAML means: the cases of the unit tests, put to it.

It is ours, of one version: an older one on the machine may read some of them otherwise.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.controlplane import binaries
from tests.unit.offline import kubectl_cases as cases


def run(text: str) -> subprocess.CompletedProcess[bytes]:
    """Have kubectl read objects and print them as JSON; nothing is sent anywhere."""
    return subprocess.run(
        [
            str(binaries.program("kubectl")),
            *("annotate", "--local", "--kubeconfig=/dev/null", "-f", "-", "-o", "json", "read=by"),
        ],
        input=text.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )


def read(text: str) -> list[dict[str, Any]]:
    done = run(text)
    assert done.returncode == 0, done.stderr.decode()
    decoder, printed = json.JSONDecoder(), done.stdout.decode().strip()
    found: list[dict[str, Any]] = []
    while printed:
        value, end = decoder.raw_decode(printed)
        found += value["items"] if value["kind"].endswith("List") else [value]
        printed = printed[end:].strip()
    return found


def beyond_head(body: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in body.items() if k not in ("apiVersion", "kind", "metadata")}


def test_scalars() -> None:
    lines = [f"k{n}: {text}\n" for n, text in enumerate(cases.SCALARS)]
    (body,) = read(cases.HEAD + "".join(lines))
    assert [body[f"k{n}"] for n in range(len(lines))] == list(cases.SCALARS.values())


@pytest.mark.parametrize("text", cases.INVALID_SCALARS)
def test_scalars_that_are_refused(text: str) -> None:
    assert run(f"{cases.HEAD}a: {text}\n").returncode != 0


@pytest.mark.parametrize("name", cases.DOCUMENTS)
def test_documents(name: str) -> None:
    text, expected = cases.DOCUMENTS[name]
    assert [beyond_head(body) for body in read(text)] == expected


@pytest.mark.parametrize("name", cases.INVALID_DOCUMENTS)
def test_documents_that_are_refused(name: str) -> None:
    assert run(cases.INVALID_DOCUMENTS[name][0]).returncode != 0


def test_aliases_that_make_a_billion_of_what_is_written() -> None:
    assert b"excessive aliasing" in run(cases.bomb()).stderr
    assert read(cases.bomb(3))
