"""Who can reach whom in a namespace as one small object, and back."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from bailiwick.api.reach import REACH_DATA_LIMIT
from bailiwick.policy.findings.effective import EdgeRow
from bailiwick.reports.fields import JSON

_MOST_BYTES = 50_000_000
_SAMPLE = 2_000


class Damaged(ValueError):
    """An object that is not what the operator wrote."""


def reach_spec(rows: Sequence[EdgeRow], limit: int = REACH_DATA_LIMIT) -> JSON:
    """Return the spec of a NetworkReach; as many edges are left out as make it small enough."""
    shown = len(rows)
    if shown > _SAMPLE:
        # Far more than can fit takes seconds to compress, again and again.
        shown = min(shown, 2 * limit * _SAMPLE // len(_encoded(rows[:_SAMPLE])))
    data = _encoded(rows[:shown])
    while len(data) > limit:
        shown = shown * min(limit, len(data) - 1) * 9 // (len(data) * 10)
        data = _encoded(rows[:shown])
    return {
        "edges": shown,
        "edgesOmitted": len(rows) - shown,
        "encoding": "gzip+base64",
        "data": data,
        "digest": hashlib.sha256(f"{data} {len(rows)}".encode()).hexdigest()[:16],
    }


def read_spec(spec: Mapping[str, Any]) -> list[EdgeRow]:
    """Return the edges of a NetworkReach; raises Damaged."""
    try:
        packed = base64.b64decode(spec["data"], validate=True)
        unpacking = zlib.decompressobj(wbits=31)
        text = unpacking.decompress(packed, _MOST_BYTES)
        if not unpacking.eof:
            raise ValueError("it does not end, or becomes too large")
        return [
            EdgeRow(source, target, ports, state, tuple(by))
            for source, target, ports, state, by in json.loads(text)
        ]
    except (KeyError, TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise Damaged(f"it cannot be read: {error}") from error


def _encoded(rows: Sequence[EdgeRow]) -> str:
    plain = [[r.source, r.target, r.ports, r.state, list(r.by)] for r in rows]
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()
