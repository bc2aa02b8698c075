"""Harbor's own REST API v2.0 as a source of scans, of the images that it holds.

A scan is triggered at an artifact, whose overview says how far it is; the report is an addition
of the artifact. Names of repositories are encoded twice in paths, since Harbor's router decodes
them once. https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from bailiwick.scanners import errors, wire
from bailiwick.scanners.answers import Answer, printable, refused, seconds
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.harbor_wire import Artifact, Overview, Registration, error_words
from bailiwick.scanners.reading import read_harbor_report
from bailiwick.scanners.source import Capabilities, Limits, Order, Pending

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import ScanReport
    from bailiwick.policy.images.references import Reference
    from bailiwick.scanners.http import Api

_ROOT = "/api/v2.0"
_REPORTS = {"X-Accept-Vulnerabilities": f"{wire.REPORT}, {wire.OLDER_REPORT}"}
_TRIGGER = b'{"scan_type":"vulnerability"}'


class Harbor:
    """One Harbor. The API's base is its address, `https://harbor.example.com`."""

    def __init__(
        self, api: Api, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.api = api
        self._clock = clock
        self._metadata = wire.Metadata(wire.ScannerIdentity("Harbor"))

    @property
    def limits(self) -> Limits:
        """How long it may take, and how much it may say."""
        return self.api.limits

    async def capabilities(self) -> Capabilities:
        """Ask whether the account is known, and how old the database of Harbor's scanner is.

        Robot accounts of a project may not read the latter, which is then not known.
        """
        answer = await self.api.request("GET", f"{_ROOT}/scanners")
        if answer.status == HTTPStatus.OK:
            found = wire.decode(answer.body, tuple[Registration, ...], "Harbor's scanners")
            default = next((each for each in found if each.is_default and not each.disabled), None)
            self._metadata = await self._metadata_of(default)
        elif answer.status != HTTPStatus.FORBIDDEN:
            raise _refused(answer, "its scanners")
        who = self._metadata.scanner
        return Capabilities(who.name, who.version, self._metadata.database_built)

    async def start(self, order: Order) -> HarborScan:
        """Trigger a scan, or take up one that runs or has just ended; raises ScanError."""
        artifact = await self._artifact(order)
        place = _place(order.image, artifact.digest)
        now = self._clock()
        overview = artifact.overview()
        scan = HarborScan(self.api, order, place, artifact.digest, self._metadata, now, overview)
        ended = overview.ended if overview and overview.succeeded else None
        if ended and (order.newer_than is None or ended > order.newer_than):
            # Which database it was made with is not told: today's may be a newer one.
            scan.metadata = wire.Metadata(self._metadata.scanner)
            scan.submitted, scan.before = min(ended, now), None
            return scan
        if overview is None or not overview.running:
            scan.is_ours = await self._trigger(place, order.image)
        return scan

    async def _artifact(self, order: Order) -> Artifact:
        """Return what Harbor has of an image, of its own platform where it is an index."""
        found = await read_artifact(self.api, _place(order.image, order.image.digest), order.image)
        if not found.references:
            return found
        child = found.child(order.architecture)
        if child is None:
            wanted = f"linux/{order.architecture}" if order.architecture else "one platform only"
            raise ScanError(
                errors.NO_SUCH_PLATFORM,
                f"{order.image} is an index that has no image of {wanted} in Harbor.",
                permanent=True,
            )
        return await read_artifact(self.api, _place(order.image, child), order.image.at(child))

    async def _trigger(self, place: str, image: Reference) -> bool:
        """Trigger a scan; says whether it is ours, and not one that runs already."""
        answer = await self.api.request(
            "POST",
            f"{place}/scan",
            headers={"Content-Type": "application/json"},
            data=_TRIGGER,
        )
        if answer.status == HTTPStatus.CONFLICT:
            return False
        if answer.status not in (HTTPStatus.ACCEPTED, HTTPStatus.OK):
            raise _refused(answer, f"a scan of {image}")
        return True

    async def _metadata_of(self, scanner: Registration | None) -> wire.Metadata:
        if scanner is None:
            return wire.Metadata(wire.ScannerIdentity("Harbor"))
        path = f"{_ROOT}/scanners/{quote(scanner.uuid, safe='')}/metadata"
        answer = await self.api.request("GET", path)
        if answer.status != HTTPStatus.OK:
            return wire.Metadata(wire.ScannerIdentity(scanner.name))
        return wire.decode(answer.body, wire.Metadata, "the metadata of Harbor's scanner")


@dataclass(slots=True)
class HarborScan:
    """A scan of one artifact; `before` is the result that it replaces, and does not count.

    One that is not ours counts from when Harbor began it.
    """

    api: Api
    order: Order
    place: str
    digest: str
    metadata: wire.Metadata
    submitted: datetime
    before: Overview | None
    is_ours: bool = False
    _total: int = 0

    async def poll(self) -> Pending | None:
        """Ask how far it is."""
        image = self.order.image.at(self.digest)
        overview = (await read_artifact(self.api, self.place, image)).overview()
        if overview is None or (overview == self.before and not overview.running):
            return Pending(words="Harbor has not begun with it.")
        if overview.running:
            return Pending(words=f"Harbor says: {overview.words}.")
        if overview.succeeded:
            self._total = overview.total
            if not self.is_ours and overview.began is not None:
                self.submitted = min(self.submitted, overview.began)
            return None
        raise ScanError(
            errors.FAILED,
            f"The scan of {image} in Harbor ended as {printable(overview.scan_status)}. Its log is "
            "shown with the artifact in Harbor.",
        )

    async def result(self) -> ScanReport:
        """Read the report."""
        answer = await self.api.request(
            "GET", f"{self.place}/additions/vulnerabilities", headers=_REPORTS
        )
        if answer.status != HTTPStatus.OK:
            raise _refused(answer, "the report")
        bodies = wire.decode(answer.body, dict[str, msgspec.Raw], "reports by their type")
        report = read_harbor_report(
            _wanted(bodies),
            digest=self.order.image.digest,
            manifest=self.digest,
            submitted=self.submitted,
            metadata=self.metadata,
        )
        if self._total and not report.findings:
            raise wire.invalid(f"an empty report of a scan that found {self._total}")
        return report


async def read_artifact(api: Api, place: str, image: Reference) -> Artifact:
    """Return an artifact with its overview; raises ScanError, also where it is another one."""
    answer = await api.request("GET", f"{place}?with_scan_overview=true", headers=_REPORTS)
    if answer.status != HTTPStatus.OK:
        raise _refused(answer, str(image))
    found = wire.decode(answer.body, Artifact, "an artifact")
    if found.digest != image.digest:
        raise ScanError(
            errors.OTHER_DIGEST,
            f'Harbor answered with the artifact "{found.digest[:80]}" where {image.digest} was '
            "asked for, so it was not used.",
            scanner_fault=True,
        )
    return found


def _wanted(bodies: Mapping[str, msgspec.Raw]) -> bytes:
    for wanted in (wire.REPORT, wire.OLDER_REPORT):
        for mime_type, body in bodies.items():
            if wire.same_type(mime_type, wanted):
                return bytes(body)
    raise wire.invalid("no report of a type that Bailiwick reads, though the scan succeeded")


def _place(image: Reference, digest: str) -> str:
    project, _, repository = image.repository.partition("/")
    if not repository:
        raise ScanError(
            errors.REFUSED,
            f"{image.name} has no project in its name, so it is no image of Harbor's.",
            permanent=True,
        )
    twice = quote(quote(repository, safe=""), safe="")
    return f"{_ROOT}/projects/{quote(project, safe='')}/repositories/{twice}/artifacts/{digest}"


def _refused(answer: Answer, what: str) -> ScanError:
    """Make the error of an answer that is not what was asked for."""
    words = error_words(answer.body)
    said = f": {words}" if words else "."
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return ScanError(
                errors.UNAUTHORIZED,
                f"Harbor refused our account when asked for {what} ({answer.status}){said} Name "
                "a robot account in basicFile that may read artifacts, create scans and read "
                "scans in this project.",
                # One project may be closed to the account that others are open to.
                scanner_fault=answer.status == HTTPStatus.UNAUTHORIZED,
            )
        case HTTPStatus.NOT_FOUND:
            return ScanError(
                errors.IMAGE_NOT_FOUND,
                f"Harbor does not have {what}{said} It may have been deleted there.",
                permanent=True,
            )
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return ScanError(
                errors.BUSY,
                f"Harbor is busy ({answer.status}){said}",
                retry_after=seconds(answer.headers.get("Retry-After")),
                scanner_fault=True,
            )
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            return ScanError(
                errors.REFUSED,
                f"Harbor does not scan this ({answer.status}){said}",
                permanent=True,
            )
        case HTTPStatus.PRECONDITION_FAILED:
            return ScanError(
                errors.NOT_SUITABLE,
                f"Harbor has no scanner for this project{said}",
                scanner_fault=True,
            )
    return refused(answer, what)
