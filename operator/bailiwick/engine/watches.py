"""The bulk kinds: one list-and-watch each, kept in the world and told to those they concern."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from bailiwick.kube import projections
from bailiwick.kube.interning import Interner
from bailiwick.kube.reflector import Reflector
from bailiwick.kube.sync import State
from bailiwick.policy.facts import NetworkPolicy
from bailiwick.rendering.library import TEMPLATE_LABEL

if TYPE_CHECKING:
    from bailiwick.engine.changes import Changes
    from bailiwick.engine.world import World
    from bailiwick.kube.client import Client
    from bailiwick.kube.projections import Kind

T = TypeVar("T")
Listener = Callable[[T | None, T | None], None]

# Kubernetes serves ServiceCIDRs from 1.33 on; before that there are none to read.
_OPTIONAL = frozenset({"servicecidrs"})


class Watches:
    """The reflectors of all bulk kinds."""

    def __init__(
        self,
        client: Client,
        world: World,
        changes: Changes,
        operator_namespace: str,
        on_state: Callable[[], None],
    ) -> None:
        self._world = world
        self._changes = changes
        self._interner = interner = Interner()

        def reflect(
            kind: Kind[T], keep: Listener[T], tell: Listener[T], **options: Any
        ) -> Reflector[T]:
            def on_change(old: T | None, new: T | None) -> None:
                keep(old, new)
                tell(old, new)

            return Reflector(
                client, kind, on_change, on_state=on_state, interner=interner, **options
            )

        self.all: tuple[Reflector[Any], ...] = (
            reflect(projections.PODS, world.keep_pod, changes.pod),
            reflect(projections.SERVICES, world.keep_service, changes.service),
            reflect(projections.ENDPOINT_SLICES, world.keep_slice, changes.endpoint_slice),
            reflect(projections.NODES, world.keep_node, changes.node),
            reflect(projections.SERVICE_CIDRS, world.keep_service_cidr, changes.service_cidr),
            Reflector(
                client,
                projections.NETWORK_POLICIES,
                self._policy,
                on_state=on_state,
                interner=interner,
            ),
            reflect(
                projections.CONFIG_MAPS,
                world.keep_template,
                changes.template,
                namespace=operator_namespace,
                label_selector=f"{TEMPLATE_LABEL}=true",
            ),
        )

    def project_policy(self, body: Mapping[str, Any]) -> NetworkPolicy:
        """Project what a write is answered with, sharing what the watch knows already."""
        return projections.NETWORK_POLICIES.from_json(body, self._interner)

    def _policy(self, old: NetworkPolicy | None, new: NetworkPolicy | None) -> None:
        """Take in a policy, unless a write of ours was answered, or will be, with as much."""
        policies = self._world.policies
        if new is not None:
            known = policies.get(new.namespace, new.name)
            if policies.told(new):
                self._changes.network_policy(known, new)
        elif old is not None and policies.forget(old):
            self._changes.network_policy(old, None)

    def start(self) -> None:
        """Begin to list and watch."""
        for each in self.all:
            each.start()

    async def tried(self) -> None:
        """Wait until the API server answered the first list of every kind, whatever it said."""
        await asyncio.gather(*(each.sync.tried.wait() for each in self.all))

    async def resync(self) -> int:
        """List every kind anew; returns how many changes no watch had told of."""
        missed = [await each.resync() for each in self.all]
        return sum(number or 0 for number in missed)

    def problems(self) -> Mapping[str, str]:
        """Return the kinds that cannot be read, each with the server's words."""
        return {
            each.name: each.sync.message
            for each in self.all
            if each.sync.state is State.UNREADABLE
            and not (each.name in _OPTIONAL and each.sync.reason == "NotFound")
        }

    def sizes(self) -> Iterable[tuple[str, float]]:
        """Return how many objects are held of each kind, for metrics."""
        return [(each.name, float(len(each.store))) for each in self.all]

    def ages(self) -> Iterable[tuple[str, float]]:
        """Return the seconds since each kind's last full list, for metrics."""
        return [(each.name, age) for each in self.all if (age := each.age()) is not None]

    def dead(self) -> str | None:
        """Name the kinds whose task ended, which only a restart mends."""
        gone = [each.name for each in self.all if not each.alive]
        return f"the watches of {', '.join(gone)} ended" if gone else None

    def disconnected(self) -> str | None:
        """Name the readable kinds that are not being watched now."""
        lost = [
            each.name
            for each in self.all
            if not each.connected and each.sync.state is not State.UNREADABLE
        ]
        return f"not watching {', '.join(lost)}" if lost else None

    async def stop(self) -> None:
        """End every watch."""
        await asyncio.gather(*(each.stop() for each in self.all))
