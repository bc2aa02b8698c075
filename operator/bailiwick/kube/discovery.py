"""What kinds of APIs a server has. Everybody who is known to it may ask that.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bailiwick.kube.errors import NotFound
from bailiwick.kube.resources import Resource

if TYPE_CHECKING:
    from bailiwick.kube.client import Client


@dataclass(frozen=True, slots=True)
class _Group(Resource):
    """An API group, or a version of it, as something to read."""

    def path(self, namespace: str | None = None, name: str | None = None) -> str:  # noqa: ARG002  # it is no object
        """Return where the server describes it."""
        return f"/apis/{self.group}/{self.version}".rstrip("/")


async def serves(client: Client, group: str, version: str = "") -> bool:
    """Say whether the server has an API group, in a version or in any."""
    try:
        await client.list_page(_Group(group, version, "", ""), query={})
    except NotFound:
        return False
    return True
