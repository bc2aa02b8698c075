"""How evidence lies in ConfigMaps: their names, labels and fields."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bailiwick.evidence.codec import Damaged
from bailiwick.evidence.shelf import Key, Kind

Json = dict[str, Any]

LABEL = "bailiwick.dev/evidence"
LAST_SEEN = "bailiwick.dev/last-seen"
CHUNK = "chunk"


def config_map(
    name: str,
    kind: str,
    data: Mapping[str, str],
    content: bytes,
    last_seen: datetime | None = None,
) -> Json:
    """Make a ConfigMap of evidence."""
    annotations = {LAST_SEEN: last_seen.isoformat()} if last_seen else {}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "labels": {LABEL: str(kind), "app.kubernetes.io/managed-by": "bailiwick"},
            **({"annotations": annotations} if annotations else {}),
        },
        "data": dict(data),
        "binaryData": {"content": base64.b64encode(content).decode()} if content else {},
    }


def content(found: Json) -> bytes:
    """Return the bytes that a ConfigMap holds; raises Damaged."""
    encoded = (found.get("binaryData") or {}).get("content")
    if not encoded:
        raise Damaged(f"ConfigMap {found['metadata']['name']} has no content")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Damaged(str(error)) from error


def data(found: Json) -> Mapping[str, str]:
    """Return the texts that a ConfigMap holds."""
    return found.get("data") or {}


def chunks_of(index: Json) -> list[str]:
    """Return the names of the ConfigMaps that an index leads to, in order."""
    return data(index).get("chunks", "").split()


def version(found: Json) -> dict[str, str]:
    """Return the resourceVersion of a ConfigMap, under its name."""
    metadata = found["metadata"]
    return {metadata["name"]: metadata.get("resourceVersion", "")}


def digest_of(report_name: str) -> str:
    """Return the digest that the ConfigMap of a report is named by."""
    return report_name.removeprefix("evidence-").replace("-", ":", 1)


def name(key: Key) -> str:
    """Return the name of the ConfigMap of a value."""
    if key.kind is Kind.REPORT:
        return f"evidence-{key.subject.replace(':', '-')}"
    return f"evidence-seen-{hashlib.sha256(key.subject.encode()).hexdigest()[:40]}"


def label_of(metadata: Json) -> str:
    """Return what a ConfigMap is a part of, by its metadata."""
    return str((metadata.get("labels") or {}).get(LABEL, ""))


def is_older(metadata: Json, than: datetime) -> bool:
    """Say whether what a ConfigMap tells of a repository was all seen before an instant."""
    told = (metadata.get("annotations") or {}).get(LAST_SEEN)
    try:
        return told is not None and datetime.fromisoformat(told) < than
    except (ValueError, TypeError):
        return False


def chunk_name(name: str, piece: bytes) -> str:
    """Return the name of a part of a large report, which is that of its content."""
    return f"evidence-chunk-{hashlib.sha256(name.encode() + piece).hexdigest()[:56]}"
