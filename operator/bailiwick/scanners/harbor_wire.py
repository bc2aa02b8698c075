"""Harbor's REST API as it is on the wire, as far as scans need it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from bailiwick.policy.images.references import is_digest
from bailiwick.scanners import wire
from bailiwick.scanners.answers import printable

_RUNNING = frozenset({"pending", "running", "scheduled", "queued"})


class Registration(msgspec.Struct, frozen=True):
    """A scanner that Harbor knows of."""

    uuid: str
    name: str = ""
    is_default: bool = False
    disabled: bool = False


class Summary(msgspec.Struct, frozen=True):
    """How many vulnerabilities a scan found."""

    total: int = 0


class Overview(msgspec.Struct, frozen=True):
    """How far the scan of an artifact is, or how the last one ended."""

    scan_status: str = ""
    report_id: str = ""
    start_time: str | None = None
    end_time: str | None = None
    complete_percent: int | None = None
    summary: Summary | None = None

    @property
    def total(self) -> int:
        """How many vulnerabilities it counts; 0 also where it does not tell."""
        return self.summary.total if self.summary else 0

    @property
    def running(self) -> bool:
        """Say whether it will still change by itself."""
        return self.scan_status.lower() in _RUNNING

    @property
    def succeeded(self) -> bool:
        """Say whether there is a report."""
        return self.scan_status.lower() == "success"

    @property
    def ended(self) -> datetime | None:
        """When it ended; None where it has not, or does not tell."""
        return wire.instant(self.end_time)

    @property
    def began(self) -> datetime | None:
        """When it began; None where Harbor does not tell."""
        return wire.instant(self.start_time)

    @property
    def words(self) -> str:
        """The status for people."""
        done = f", {self.complete_percent} % done" if self.complete_percent else ""
        return printable(self.scan_status)[:50] + done


class Platform(msgspec.Struct, frozen=True):
    """What a child of an index runs on."""

    architecture: str = ""
    os: str = ""


class Child(msgspec.Struct, frozen=True):
    """One image of an index."""

    child_digest: str = ""
    platform: Platform | None = None


class Artifact(msgspec.Struct, frozen=True):
    """An artifact of a repository; an index has `references`."""

    digest: str
    references: tuple[Child, ...] | None = None
    scan_overview: dict[str, Overview] | None = None

    def overview(self) -> Overview | None:
        """Return the overview of its newest scan, None where it was never scanned."""
        found = self.scan_overview or {}
        for wanted in (wire.REPORT, wire.OLDER_REPORT):
            for mime_type, overview in found.items():
                if wire.same_type(mime_type, wanted):
                    return overview
        return None

    def child(self, architecture: str) -> str | None:
        """Return the digest of the image of a platform; the only one where none is asked for."""
        children = [
            each
            for each in self.references or ()
            if is_digest(each.child_digest)
            and (each.platform is None or each.platform.os in ("", "linux"))
            # Attestations are children of no platform.
            and (each.platform is None or each.platform.architecture != "unknown")
        ]
        if architecture:
            children = [
                each
                for each in children
                if each.platform and each.platform.architecture == architecture
            ]
        return children[0].child_digest if len(children) == 1 else None


class _Error(msgspec.Struct, frozen=True):
    message: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Error, ...] = ()


def error_words(body: bytes) -> str:
    """Return what an error's body says, which may be anything."""
    try:
        found = msgspec.json.decode(body, type=_Errors).errors
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return printable(" ".join(each.message for each in found))
