"""RescanRequest: have images scanned again, once, without a change of anything that Git holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from bailiwick.api.types import (
    AS_SET,
    ATOMIC_LIST,
    ApiModel,
    Count,
    Duration,
    Message,
    Moment,
    Rule,
    Status,
    Text,
    rules,
)

RESCAN_IMAGE_LIMIT = 100
RESCAN_FAILED_LIMIT = 20


class RescanRequestSpec(ApiModel):
    """Which images to scan again. It is read once: for another rescan make another request."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule("self == oldSelf", "a request is read once: make another RescanRequest"),
        )
    )

    images: Annotated[
        tuple[Text, ...], Field(max_length=RESCAN_IMAGE_LIMIT, json_schema_extra=AS_SET)
    ] = ()
    """Images that run in this namespace, by reference or digest; all where it is left out."""
    reason: Text | None = None
    """Why, for the status of the intent."""
    ttl_after_finished: Duration = "1h"
    """How long the request stays after it finished."""


class FailedRescan(ApiModel):
    """An image that could not be scanned."""

    image: Text
    """The image, as the request or a workload names it."""
    reason: Annotated[str, Field(max_length=128)]
    """Why, in one word."""
    message: Message
    """Why, and what to do."""


class RescanRequestStatus(Status):
    """How far the rescan is. Condition Complete ends it; Failed is there where some failed."""

    requested: Moment | None = None
    """Since when results count: those older than this are scanned again."""
    completed: Moment | None = None
    """When the last image was done; absent until then."""
    total: Count | None = None
    """Images to scan."""
    done: Count | None = None
    """Images that were scanned, or failed for good."""
    failed: Annotated[
        tuple[FailedRescan, ...],
        Field(max_length=RESCAN_FAILED_LIMIT, json_schema_extra=ATOMIC_LIST),
    ] = ()
    """Images that could not be scanned."""
    failed_omitted: Count = 0
    """How many more could not be scanned."""
