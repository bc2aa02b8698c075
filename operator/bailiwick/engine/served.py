"""What the API server knows of our kinds: one field that it does not know fails a whole status."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bailiwick.api.compat import Compatibility, compare
from bailiwick.api.kinds import KINDS
from bailiwick.kube.errors import Forbidden, NotFound
from bailiwick.kube.resources import CUSTOM_RESOURCE_DEFINITIONS, Resource

if TYPE_CHECKING:
    from bailiwick.kube.client import Client

logger = logging.getLogger(__name__)

_PART = "status."


@dataclass(slots=True)
class Served:
    """The served definitions of our kinds, compared with ours."""

    client: Client
    problems: dict[str, str] = field(default_factory=dict)
    _kinds: dict[str, Compatibility] = field(default_factory=dict)

    async def read(self) -> bool:
        """Read the definitions; returns whether anything changed since the last reading.

        Where that is forbidden they count as ours, and `problems` says so. Raises ApiError where
        the API server cannot be reached or has trouble of its own.
        """
        before = {name: each.missing for name, each in self._kinds.items()}
        known, self.problems = self.problems, {}
        for kind in KINDS:
            try:
                found = await self.client.get(CUSTOM_RESOURCE_DEFINITIONS, kind.crd_name)
            except NotFound:
                found = None
            except Forbidden as error:
                self.problems = {CUSTOM_RESOURCE_DEFINITIONS.plural: error.message}
                if self.problems != known:
                    logger.warning("the definitions of our kinds cannot be read: %s", error)
                return self.problems != known
            self._kinds[kind.plural] = compare(kind, found)
        after = {name: each.missing for name, each in self._kinds.items()}
        for name, missing in after.items():
            if missing and before.get(name) != missing:
                logger.warning("%s", self._kinds[name].message())
        return before != after or self.problems != known

    def missing(self, resource: Resource) -> tuple[str, ...]:
        """Return paths in the status of a kind that the server does not know."""
        found = self._kinds.get(resource.plural)
        paths = found.missing if found is not None else ()
        return tuple(path.removeprefix(_PART) for path in paths if path.startswith(_PART))

    def known(self, resource: Resource, status: Mapping[str, Any]) -> dict[str, Any]:
        """Return a status without what the server does not know."""
        found = self._kinds.get(resource.plural)
        if found is None:
            return dict(status)
        return dict(found.prune({"status": status}).get("status") or {})
