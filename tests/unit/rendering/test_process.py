"""The process that renders: what it may not do, and how it ends."""

from __future__ import annotations

import asyncio
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bailiwick.rendering.process import (
    REQUEST_LIMIT,
    LimitExceeded,
    RendererFailed,
    RenderingProcess,
    encode,
)
from bailiwick.rendering.sandbox import TemplateError

GOOD = 'ports: ["{{ with.port }}"]'
ENDLESS = "{{ 10 ** (10 ** 10) }}"


@pytest.fixture
async def process() -> AsyncIterator[RenderingProcess]:
    made = RenderingProcess()
    yield made
    await made.stop()


async def ask(process: RenderingProcess, leaf: str, **values: Any) -> Any:
    return (await process.render(encode(f'at: "{leaf}"', "shop", {"team": "a"}, values)))["at"]


async def test_one_process_renders_one_template_after_the_other(process: RenderingProcess) -> None:
    assert await ask(process, "{{ with.port }}", port=8080) == 8080
    first = process.pid
    assert await ask(process, "{{ namespace.labels.team }}") == "a"
    assert first is not None
    assert process.pid == first


async def test_there_is_no_process_before_there_is_a_template(process: RenderingProcess) -> None:
    assert process.pid is None


async def test_a_template_that_fails_leaves_the_process_as_it_is(process: RenderingProcess) -> None:
    await ask(process, "a")
    first = process.pid
    with pytest.raises(TemplateError, match='no "port" under with'):
        await ask(process, "{{ with.port }}")
    assert process.pid == first


@pytest.mark.parametrize(
    "leaf, said",
    [
        (ENDLESS, "more than 1 s of CPU"),
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "CPU"),
        ("{{ 'x' * 10 ** 9 }}", "memory"),
        ("{{ [0] * 10 ** 8 }}", "memory"),
        ("{{ '%1000000000d' % 1 }}", "memory"),
    ],
)
async def test_a_template_that_needs_too_much_ends_its_process_only(
    process: RenderingProcess, leaf: str, said: str
) -> None:
    with pytest.raises(LimitExceeded, match=said):
        await ask(process, leaf)
    assert await ask(process, "{{ namespace.name }}") == "shop"


@pytest.mark.parametrize(
    "leaf, said",
    [
        ("{% for i in range(10 ** 9) %}x{% endfor %}", "Range too big"),
        ("{{ 'x' * 70000 }}", "more than 64 KiB"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself without an end"),
        ("{{ with.__class__.__mro__ }}", "__class__"),
        ("\\ud800", "a character that JSON does not have"),
        ("{{ with.big * 10 }}", "a number"),
    ],
)
async def test_what_a_template_gives_has_bounds(
    process: RenderingProcess, leaf: str, said: str
) -> None:
    with pytest.raises(TemplateError, match=said):
        await ask(process, leaf, big=1e308)


async def test_a_document_that_is_too_deep_is_told(process: RenderingProcess) -> None:
    with pytest.raises(TemplateError, match="nested too deeply"):
        await process.render(encode("[" * 1000, "shop", {}, {}))


async def test_a_request_has_bounds() -> None:
    with pytest.raises(TemplateError, match="more than 128 KiB"):
        encode("a" * REQUEST_LIMIT, "shop", {}, {})
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(TemplateError, match="nested too deeply"):
        encode("a", "shop", {}, deep)


async def test_every_filter_works_though_no_file_can_be_opened(process: RenderingProcess) -> None:
    assert await ask(process, "{{ '<b>a b</b>' | striptags | wordwrap(1) | pprint }}") == r"'a\nb'"
    assert await ask(process, "{{ with.at | tojson | urlencode }}", at=[1]) == "%5B1%5D"


async def test_a_process_that_something_else_ended_is_started_again(
    process: RenderingProcess,
) -> None:
    await ask(process, "a")
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert await ask(process, "{{ namespace.name }}") == "shop"
    assert process.pid != first


async def test_a_process_that_ends_again_and_again_is_told(
    process: RenderingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RendererFailed, match="ended with code 1"):
        await ask(process, "a")


async def test_a_process_that_cannot_be_started_is_told(
    process: RenderingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RendererFailed, match="cannot be started"):
        await ask(process, "a")


async def test_an_answer_that_nobody_waits_for_is_not_given_to_the_next(
    process: RenderingProcess,
) -> None:
    await ask(process, "a")
    abandoned = asyncio.create_task(ask(process, ENDLESS))
    await asyncio.sleep(0)
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    assert await ask(process, "{{ namespace.name }}") == "shop"


async def test_it_has_nothing_of_the_operators_but_its_pipes(
    process: RenderingProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/secret")
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        await ask(process, "a")
        proc = Path(f"/proc/{process.pid}")
        assert {int(file.name) for file in (proc / "fd").iterdir()} == {0, 1, 2}
    names = {line.split("=")[0] for line in (proc / "environ").read_text().split("\0") if line}
    assert names - {"LD_LIBRARY_PATH", "PYTHONHOME"} == {
        "PYTHONPATH",
        "PYTHONHASHSEED",
        "PYTHONDONTWRITEBYTECODE",
    }


async def test_it_may_start_no_process_and_write_no_file(process: RenderingProcess) -> None:
    await ask(process, "a")
    assert process.pid is not None
    for limit in (resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        assert resource.prlimit(process.pid, limit) == (0, 0)


@pytest.mark.parametrize(
    "deed",
    ["open('/etc/hosts')", "socket.socket()", "os.pipe()", "bytearray(200_000_000)"],
)
def test_once_confined_a_process_opens_nothing_and_takes_no_memory(deed: str) -> None:
    program = (
        "import os, socket\n"
        "from bailiwick.rendering.confinement import confine\n"
        "confine()\n"
        f"try:\n    {deed}\n"
        "except (OSError, MemoryError) as error:\n    print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() in ("OSError", "MemoryError")


@pytest.mark.parametrize("leaf", ["a", ENDLESS], ids=["idle", "busy"])
def test_it_ends_with_an_operator_that_is_killed(leaf: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from bailiwick.rendering.process import RenderingProcess, encode\n"
        "async def main():\n"
        "    process = RenderingProcess()\n"
        "    await process.render(encode('a: b', 'shop', {}, {}))\n"
        "    print(process.pid, flush=True)\n"
        "    await process.render(encode(sys.argv[1], 'shop', {}, {}))\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", program, f'a: "{leaf}"']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as operator:
        assert operator.stdout is not None
        ended = os.pidfd_open(int(operator.stdout.readline()))
        operator.kill()
    try:
        assert select.select([ended], [], [], 30)[0], "it outlived the operator"
    finally:
        os.close(ended)
