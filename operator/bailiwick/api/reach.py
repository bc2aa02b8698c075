"""NetworkReach: who can reach whom in a namespace, for those who may read nothing beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bailiwick.api.types import ApiModel, Count, Line

REACH_DATA_LIMIT = 200_000


class NetworkReachSpec(ApiModel):
    """What the operator found at its last look. `bailiwick reach -n` reads it."""

    edges: Count
    """Edges in data."""
    edges_omitted: Count = 0
    """How many more there are."""
    encoding: Literal["gzip+base64"] = "gzip+base64"
    """How data is written."""
    data: Annotated[str, Field(max_length=REACH_DATA_LIMIT)]
    """A list in JSON of edges: from, to, ports, state, and the names of the rules that open it."""
    digest: Line
    """A digest of all edges, which is a label of the object too."""
