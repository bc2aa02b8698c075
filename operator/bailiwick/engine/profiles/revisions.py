"""The generations of profiles that namespaces still use, kept in ConfigMaps of the operator.

See docs/decisions/0002: a namespace that waits for its turn in a rollout is held to the
generation it was at, after a restart too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bailiwick.kube.resources import CONFIG_MAPS

if TYPE_CHECKING:
    from bailiwick.kube.client import Client

Spec = Mapping[str, Any]

LABEL = "bailiwick.dev/profile-revisions"
KEPT_AT_MOST = 10


class Revisions:
    """Specs of profiles by generation, in memory and in one ConfigMap for each profile.

    `loaded` says whether it is known what an earlier process kept; `on_loaded` is told once it is.
    """

    def __init__(self, client: Client, namespace: str, on_loaded: Callable[[], None]) -> None:
        self.loaded = False
        self._client = client
        self._namespace = namespace
        self._on_loaded = on_loaded
        self._specs: dict[str, dict[int, Spec]] = {}

    async def _load(self) -> None:
        """Read what an earlier process kept; entries that cannot be read are left out."""
        listing = await self._client.list(
            CONFIG_MAPS, self._namespace, label_selector=f"{LABEL}=true"
        )
        for item in listing.items:
            data = item.get("data") or {}
            profile = data.get("profile", "")
            self._specs[profile] = {
                int(key.removeprefix("generation-")): json.loads(text)
                for key, text in data.items()
                if key.startswith("generation-")
            }
        self.loaded = True
        self._on_loaded()

    def get(self, profile: str, generation: int) -> Spec | None:
        """Return the spec of a profile at a generation, where it is known."""
        return self._specs.get(profile, {}).get(generation)

    async def keep(self, profile: str, generation: int, spec: Spec, in_use: Iterable[int]) -> None:
        """Keep a new generation beside those in use; writes only when that changes something."""
        if not self.loaded:
            await self._load()
        known = self._specs.get(profile, {})
        wanted = {g: s for g, s in known.items() if g in set(in_use)} | {generation: spec}
        newest = sorted(wanted, reverse=True)[:KEPT_AT_MOST]
        wanted = {g: wanted[g] for g in newest}
        if wanted == known:
            return
        data = {
            f"generation-{g}": json.dumps(s, sort_keys=True, separators=(",", ":"))
            for g, s in sorted(wanted.items())
        }
        await self._client.apply(
            CONFIG_MAPS,
            {
                "metadata": {
                    "name": config_map_name(profile),
                    "namespace": self._namespace,
                    "labels": {
                        "app.kubernetes.io/managed-by": "bailiwick",
                        LABEL: "true",
                    },
                },
                "data": {"profile": profile, **data},
            },
        )
        self._specs[profile] = wanted

    async def forget(self, profile: str) -> None:
        """Drop everything of a profile that is gone and that no namespace uses."""
        if self._specs.pop(profile, None) is None:
            return
        await self._client.delete(CONFIG_MAPS, config_map_name(profile), self._namespace)


def config_map_name(profile: str) -> str:
    """Return the name of the ConfigMap of a profile; profile names are DNS names as well."""
    return f"profile-revisions.{profile}"
