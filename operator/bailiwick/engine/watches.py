"""The bulk kinds: one list-and-watch each, kept in the world and told to those they concern."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from bailiwick.kube import projections
from bailiwick.kube.interning import Interner
from bailiwick.kube.reflector import Reflector
from bailiwick.kube.sync import State
from bailiwick.policy.dialects import Dialect
from bailiwick.policy.facts import NetworkPolicy
from bailiwick.rendering.library import TEMPLATE_LABEL

if TYPE_CHECKING:
    from bailiwick.engine.changes import Changes
    from bailiwick.engine.world import World
    from bailiwick.kube.client import Client
    from bailiwick.kube.projections import Kind

T = TypeVar("T")
Listener = Callable[[T | None, T | None], None]


_KINDS = {
    Dialect.NETWORK_POLICY: projections.NETWORK_POLICIES,
    Dialect.CILIUM: projections.CILIUM_POLICIES,
}


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

        def policies(kind: Kind[NetworkPolicy], **options: Any) -> Reflector[NetworkPolicy]:
            def state_changed() -> None:
                if made.sync.state is State.ABSENT:
                    # Some may be known by the answers to our writes alone.
                    world.policies.drop_all(Dialect.CILIUM)
                on_state()

            made = Reflector(
                client, kind, self._policy, on_state=state_changed, interner=interner, **options
            )
            return made

        self.all: tuple[Reflector[Any], ...] = (
            reflect(projections.PODS, world.keep_pod, changes.pod),
            reflect(projections.SERVICES, world.keep_service, changes.service),
            reflect(projections.ENDPOINT_SLICES, world.keep_slice, changes.endpoint_slice),
            reflect(projections.NODES, world.keep_node, changes.node),
            # Kubernetes serves them from 1.33 on.
            reflect(
                projections.SERVICE_CIDRS,
                world.keep_service_cidr,
                changes.service_cidr,
                optional=True,
            ),
            policies(projections.NETWORK_POLICIES),
            policies(projections.CILIUM_POLICIES, optional=True),
            policies(projections.CILIUM_CLUSTERWIDE_POLICIES, optional=True),
            reflect(
                projections.CLUSTER_POLICIES,
                world.keep_cluster_policy,
                changes.cluster_policy,
                optional=True,
            ),
            *(
                reflect(kind, world.keep_admin_policy, changes.cluster_policy, optional=True)
                for kind in projections.ADMIN_POLICIES
            ),
            reflect(
                projections.CONFIG_MAPS,
                world.keep_template,
                changes.template,
                namespace=operator_namespace,
                label_selector=f"{TEMPLATE_LABEL}=true",
            ),
        )

    def project_policy(self, body: Mapping[str, Any], dialect: Dialect) -> NetworkPolicy:
        """Project what a write is answered with, sharing what the watch knows already."""
        kind = _KINDS[dialect]
        return kind.from_json(body, self._interner)

    def _policy(self, old: NetworkPolicy | None, new: NetworkPolicy | None) -> None:
        """Take in a policy, unless a write of ours was answered, or will be, with as much."""
        policies = self._world.policies
        if new is not None:
            known = policies.get(new.namespace, new.key)
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
            each.name: each.sync.message for each in self.all if each.sync.state is State.UNREADABLE
        }

    def served(self) -> Collection[str]:
        """Return the kinds that are served and known, by plural."""
        return frozenset(each.name for each in self.all if each.sync.state is State.SYNCED)

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
            if not each.connected and each.sync.state in (State.UNTRIED, State.SYNCED)
        ]
        return f"not watching {', '.join(lost)}" if lost else None

    async def stop(self) -> None:
        """End every watch."""
        await asyncio.gather(*(each.stop() for each in self.all))
