"""The handlers of one operator, and Kopf's settings for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from bailiwick.engine.objects import DeclaredObject
from bailiwick.engine.resync import PAGE
from bailiwick.handlers.framework import kopf

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.kube.resources import Resource


class Login(Protocol):
    """Gives Kopf the session that the operator's own client uses."""

    async def __call__(self) -> kopf.AiohttpSession:
        """Return the session, with fresh credentials."""


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps nothing: the engine compares with the cluster, not with what was handled last.

    Kopf's own storages copy each object on each event and write annotations on it.
    """

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Make no copy of an object."""
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Remember nothing."""
        return None

    def store(self, **_: Any) -> None:
        """Write nothing."""


def build_registry(stores: Mapping[Resource, DeclaredStore], login: Login) -> kopf.OperatorRegistry:
    """Register one event handler for each kind that Kopf watches."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def _configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)

    @kopf.on.login(registry=registry)
    async def _login(**_: Any) -> kopf.ConnectionInfo:
        return await login()  # type: ignore[return-value]  # Kopf takes it; its hint is older

    def tell(store: DeclaredStore) -> Any:
        async def handler(event: Mapping[str, Any], **_: Any) -> None:
            if event["type"] == "DELETED":
                store.forget(DeclaredObject.from_json(store.kind, event["object"]))
            else:
                store.observe_body(event["object"])

        return handler

    for resource, store in stores.items():
        kopf.on.event(
            resource.group,
            resource.version,
            resource.plural,
            registry=registry,
            id=f"observe-{resource.plural}",
        )(tell(store))

    return registry


class Backoffs:
    """Seconds between the tries of a request, without end.

    Kopf ends the process when they are used up, and a restart mends neither an API server in
    trouble nor a right that is missing.
    """

    def __iter__(self) -> Iterator[float]:
        """Begin anew."""
        return itertools.chain((0.5, 1, 2, 4), itertools.repeat(5))


def configure(settings: kopf.OperatorSettings) -> None:
    """Set Kopf up to write nothing and to be the only one: the Lease is ours."""
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.finalizer = "bailiwick.dev/not-used"
    settings.networking.error_backoffs = Backoffs()
    settings.networking.request_timeout = 30
    settings.watching.server_timeout = 300
    # Whole lists, and the last event of every object for five seconds, are what fills memory.
    settings.watching.chunk_size = PAGE
    settings.queueing.idle_timeout = 0.1
    settings.execution.max_workers = 1
    settings.queueing.exit_timeout = 1
