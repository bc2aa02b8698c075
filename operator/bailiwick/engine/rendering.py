"""The templates of allowances, rendered once for each namespace and each change."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from bailiwick.policy.network.template_rules import TemplateFailure, template_rules
from bailiwick.policy.rules import Rule, TemplateRequest
from bailiwick.rendering.library import find
from bailiwick.rendering.process import LimitExceeded, RendererFailed, RenderingProcess, encode
from bailiwick.rendering.sandbox import TemplateError

if TYPE_CHECKING:
    from bailiwick.engine.world import World
    from bailiwick.policy.facts import Namespace
    from bailiwick.policy.network.compile import Rendered

logger = logging.getLogger(__name__)

HELD_SECONDS: Final = 600.0
"""How long a template that broke a limit for one namespace is not tried for another."""
RETRY_SECONDS: Final = 30.0
"""How long after the process failed a template is not tried again."""

_Outcome: TypeAlias = tuple[Rule, ...] | TemplateFailure
_Known: TypeAlias = dict[str, tuple[bytes, _Outcome]]


class Renderer:
    """Finds and renders templates, and reads what they give as rules.

    What a namespace got is kept for as long as template, values, name and labels are the same.
    `look_again` is told a namespace, and after how many seconds to look at it again.
    """

    def __init__(
        self,
        world: World,
        look_again: Callable[[str, float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.process = RenderingProcess()
        self._world = world
        self._look_again = look_again
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: dict[str, _Known] = {}
        self._held: dict[bytes, tuple[float, TemplateFailure]] = {}

    async def render(self, requests: Iterable[TemplateRequest], namespace: Namespace) -> Rendered:
        """Return what each template gives for a namespace, by the name of its allowance."""
        before = self._known.pop(namespace.name, {})
        known: _Known = {}
        rendered: dict[str, _Outcome] = {}
        for request in requests:
            rendered[request.name] = await self._outcome(request, namespace, before, known)
        if known:
            self._known[namespace.name] = known
        return rendered

    def forget(self, namespace: str) -> None:
        """Let go of what is kept for a namespace."""
        self._known.pop(namespace, None)

    async def stop(self) -> None:
        """End the process that renders."""
        async with self._lock:
            await self.process.stop()

    async def _outcome(
        self, request: TemplateRequest, namespace: Namespace, before: _Known, known: _Known
    ) -> _Outcome:
        text = find(request.template, self._world.templates.all(), self._world.unreadable)
        if isinstance(text, TemplateFailure):
            return text
        try:
            line = encode(text, namespace.name, namespace.labels, request.values)
        except TemplateError as error:
            return TemplateFailure(str(error))
        key = _digest(request.field.encode() + line)
        last = before.get(request.name)
        if last is None or last[0] != key:
            async with self._lock:
                outcome, final = await self._attempt(request, namespace, text, line)
            if not final:
                return outcome
            last = key, outcome
        known[request.name] = last
        return last[1]

    async def _attempt(
        self, request: TemplateRequest, namespace: Namespace, text: str, line: bytes
    ) -> tuple[_Outcome, bool]:
        """Render once; says whether the outcome is final, or the namespace is looked at again."""
        # What a template does to the process may depend on the namespace, and mostly does not.
        template = _digest(encode(text, "", {}, request.values))
        held = self._held_for(template)
        if held is not None:
            seconds, failure = held
            self._look_again(namespace.name, seconds)
            return failure, False
        try:
            given = await self.process.render(line)
        except LimitExceeded as error:
            logger.warning("%s: template %s: %s", namespace.name, request.template, error)
            others = f"for namespace {namespace.name} {error}; for others it is tried later"
            self._hold(template, HELD_SECONDS, TemplateFailure(others))
            return TemplateFailure(str(error)), True
        except TemplateError as error:
            return TemplateFailure(str(error)), True
        except RendererFailed as error:
            failure = TemplateFailure(f"the process that renders them {error}", "templates")
            self._hold(template, RETRY_SECONDS, failure)
            self._look_again(namespace.name, RETRY_SECONDS)
            return failure, False
        return template_rules(namespace.name, request, given), True

    def _hold(self, template: bytes, seconds: float, failure: TemplateFailure) -> None:
        now = self._clock()
        self._held = {key: value for key, value in self._held.items() if value[0] > now}
        self._held[template] = now + seconds, failure

    def _held_for(self, template: bytes) -> tuple[float, TemplateFailure] | None:
        """Return for how many more seconds a template is not tried, and why not."""
        until, failure = self._held.get(template, (0.0, None))
        left = until - self._clock()
        return (left, failure) if failure is not None and left > 0 else None


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
