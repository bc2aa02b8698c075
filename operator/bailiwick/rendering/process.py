"""The process that renders, as the operator sees it: started when it is needed, and again."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from bailiwick.rendering.confinement import CPU_SECONDS
from bailiwick.rendering.sandbox import TemplateError
from bailiwick.rendering.worker import READY, VALUE_LIMIT

logger = logging.getLogger(__name__)

REQUEST_LIMIT: Final = 128 * 1024
"""Bytes of a request: a template, the values for it, and the labels of a namespace."""

_START_SECONDS: Final = 30.0
# Far more than the CPU that a template may use: only a machine out of breath needs so long.
_ANSWER_SECONDS: Final = 15.0
# From the end of its output to the end of the process.
_LAST_SECONDS: Final = 5.0
# Where an interpreter needs them, it does not start without.
_KEPT: Final = ("LD_LIBRARY_PATH", "PYTHONHOME")


class LimitExceeded(TemplateError):
    """A template that needs more than it may have, and would need it again."""


class RendererFailed(Exception):
    """Nothing is known of the template; the message says what the process did instead."""


def encode(
    template: str, name: str, labels: Mapping[str, str], values: Mapping[str, object]
) -> bytes:
    """Make a request of a template for a namespace; equal input gives equal bytes.

    Raises TemplateError where that is too much.
    """
    request = {"template": template, "name": name, "labels": dict(labels), "with": dict(values)}
    try:
        line = json.dumps(request, sort_keys=True).encode()
    except RecursionError:
        raise TemplateError("what stands under with is nested too deeply") from None
    if len(line) > REQUEST_LIMIT:
        raise TemplateError(
            f"the template and what stands under with are more than {REQUEST_LIMIT // 1024} KiB"
        )
    return line + b"\n"


class RenderingProcess:
    """A process that renders one template at a time, and ends with the operator.

    It has neither the environment nor the open files of the operator; `confinement` holds it.
    Whoever uses it waits for an answer before asking again.
    """

    def __init__(self) -> None:
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None while there is none."""
        return self._process.pid if self._process else None

    async def render(self, request: bytes) -> Any:
        """Return the JSON values that a template gives; `encode` makes the request.

        Raises TemplateError, LimitExceeded or RendererFailed.
        """
        try:
            return await self._ask(request)
        except RendererFailed as error:
            # Something else may have ended it, such as a node that is short of memory.
            logger.warning("the process that renders templates %s; another is started", error)
            return await self._ask(request)

    async def stop(self) -> None:
        """End the process."""
        await self._end()

    async def _ask(self, request: bytes) -> Any:
        try:
            if self._process is None:
                async with asyncio.timeout(_START_SECONDS):
                    await self._start()
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await self._exchange(request)
        except asyncio.CancelledError:
            # Its answer must not be taken for that to the next request.
            await self._end()
            raise
        except TimeoutError:
            await self._end()
            raise RendererFailed("gave no answer in time") from None
        except (EOFError, ConnectionError):
            code = await self._end(_LAST_SECONDS)
            if code == -signal.SIGPROF:
                raise LimitExceeded(f"it needs more than {CPU_SECONDS:g} s of CPU") from None
            raise RendererFailed(f"ended with code {code}") from None
        except (OSError, ValueError) as error:
            await self._end()
            raise RendererFailed(f"cannot be started, or understood: {error}") from error
        if answer.get("spent"):
            await self._end()
            raise LimitExceeded(answer["error"])
        if "error" in answer:
            raise TemplateError(answer["error"])
        return answer["value"]

    async def _start(self) -> None:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-S", "-s", "-m", "bailiwick.rendering.worker"),
            stdin=PIPE,
            stdout=PIPE,
            env=environment
            | {
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "PYTHONHASHSEED": "0",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            cwd="/",
            # A Ctrl-C in a terminal is for the operator, which then ends this process.
            start_new_session=True,
            limit=VALUE_LIMIT * 2,
        )
        if await self._line() != READY:
            raise EOFError("it did not start")

    async def _exchange(self, request: bytes) -> dict[str, Any]:
        assert self._process is not None  # it was started
        assert self._process.stdin is not None  # it is a pipe
        self._process.stdin.write(request)
        await self._process.stdin.drain()
        answer: dict[str, Any] = json.loads(await self._line())
        return answer

    async def _line(self) -> bytes:
        assert self._process is not None  # it was started
        assert self._process.stdout is not None  # it is a pipe
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError("it gave no answer")
        return line

    async def _end(self, patience: float = 0.0) -> int | None:
        """End the process, unless it ends by itself within `patience` seconds.

        Returns its exit code, less the number of the signal that ended it; None where none runs.
        """
        process, self._process = self._process, None
        if process is None:
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await process.wait()
        if process.returncode is None:
            # It also asks for the exit code, which asyncio then does not get any more.
            with suppress(ProcessLookupError):
                process.kill()
        # What it wrote is read to the end, or the pipe would never be closed.
        await process.communicate()
        return process.returncode
