"""Instants as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def micro_time(instant: datetime) -> str:
    """Write a `metav1.MicroTime`: RFC 3339 in UTC, with exactly six digits of a second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)
