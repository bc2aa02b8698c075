"""The API server's audit log, read as a list of writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Write:
    """One request that could change something, as the API server has seen it."""

    at: datetime  # UTC, when the request came
    user: str
    user_agent: str
    verb: str  # create, update, patch, delete, deletecollection
    group: str
    resource: str  # with its subresource: securityintents/status
    namespace: str
    name: str
    code: int  # HTTP status of the answer

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.at:%H:%M:%S.%f} {self.user} {self.verb} {self.resource} {where} {self.code}"


def read_writes(log: Path, since: datetime, user: str | None = None) -> list[Write]:
    """The writes that came at or after an instant, of one user or of all, in order of arrival."""
    writes = [
        write
        for write in _writes(log)
        if write.at >= since and (user is None or write.user == user)
    ]
    return sorted(writes, key=lambda write: write.at)


def _writes(log: Path) -> Iterator[Write]:
    with log.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):  # the last line may be half written
                event = json.loads(line)
                if event.get("objectRef") and event["stage"] != "ResponseStarted":
                    yield _write(event)


def _write(event: dict[str, Any]) -> Write:
    target = event["objectRef"]
    resource = target.get("resource", "")
    if target.get("subresource"):
        resource = f"{resource}/{target['subresource']}"
    return Write(
        at=datetime.fromisoformat(event["requestReceivedTimestamp"]),
        user=event["user"]["username"],
        user_agent=event.get("userAgent", ""),
        verb=event["verb"],
        group=target.get("apiGroup", ""),
        resource=resource,
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
    )
