"""The status of a VulnerabilityException, which this version does not evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bailiwick.api.meta import ConditionType, Reason
from bailiwick.reports.fields import JSON, condition

NOT_YET = (
    "This version of Bailiwick does not evaluate exceptions: this one excepts nothing, and every "
    "finding that it names still counts."
)


def exception_status(*, generation: int, previous: Mapping[str, Any], now: datetime) -> JSON:
    """Say that the exception has no effect, so that nobody relies on it."""
    return {
        "observedGeneration": generation,
        "message": NOT_YET,
        "conditions": [
            condition(
                ConditionType.READY,
                "False",
                Reason.NOT_YET_EVALUATED,
                NOT_YET,
                generation=generation,
                previous=previous,
                now=now,
            )
        ],
    }
