"""Exceptions as people write them, and what they are asked of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from bailiwick.policy.effective import ExceptionTerms
from bailiwick.policy.exceptions.matching import Coverage, ImageKey
from bailiwick.policy.exceptions.model import DeclaredException
from bailiwick.policy.exceptions.reading import read_exception
from bailiwick.policy.exceptions.ruling import rule
from bailiwick.policy.images.findings import Finding, Severity
from bailiwick.policy.images.inventory import RunningImage
from tests.unit.controls.make import NOW, running

DAY = timedelta(days=1)
WARNING = 14 * DAY
FREE = ExceptionTerms(approval_required=False)
DANA, NOOR = "dana", "noor"


def stamp(instant: datetime) -> str:
    return instant.isoformat()


def spec(**changes: Any) -> dict[str, Any]:
    """Write the spec of an exception that is right; None leaves a field out."""
    good = {
        "vulnerabilities": ["CVE-2026-1"],
        "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
        "reason": "the cart does not use this cipher",
        "author": DANA,
        "expiresAt": stamp(NOW + 60 * DAY),
        **changes,
    }
    return {name: value for name, value in good.items() if value is not None}


def approval(**changes: Any) -> dict[str, Any]:
    return {"approval": {"by": NOOR, "at": stamp(NOW), "generation": 1, **changes}}


def exception(
    *,
    name: str = "openssl",
    namespace: str = "shop",
    generation: int = 1,
    created: datetime = NOW,
    status: dict[str, Any] | None = None,
    **fields: Any,
) -> DeclaredException:
    return read_exception(
        namespace=namespace,
        name=name,
        generation=generation,
        created=created,
        spec=spec(**fields),
        status=status or {},
    )


def finding(
    identity: str = "CVE-2026-1",
    *,
    package: str = "openssl",
    version: str = "3.0.9-1",
    fixed: str | None = None,
    purl: str = "pkg:deb/debian/openssl@3.0.9-1?arch=amd64",
    aliases: Iterable[str] = (),
) -> Finding:
    return Finding(
        identity,
        package,
        version,
        Severity.CRITICAL,
        fixed,
        purl=purl,
        aliases=tuple(aliases),
    )


def coverage(
    *exceptions: DeclaredException,
    now: datetime = NOW,
    terms: ExceptionTerms = FREE,
    elsewhere: Iterable[ImageKey] = (),
) -> Coverage:
    """Judge exceptions by a profile that asks for no approval, unless told otherwise."""
    ruled = [(e, rule(e, terms if e.namespace else None, now, WARNING)) for e in exceptions]
    return Coverage(ruled, lambda _selector: frozenset(elsewhere))


def excepts(
    declared: DeclaredException, found: Finding, image: RunningImage | None = None, **how: Any
) -> bool:
    """Say whether an exception excepts a finding of an image."""
    excuses = coverage(declared, **how).excuses(image or running(), [found])
    return found.identity in excuses
