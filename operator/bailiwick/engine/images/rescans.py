"""Rescans that somebody asked for: how far they are, told on the requests, and their end."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bailiwick.api.durations import parse_duration
from bailiwick.api.rescan import RESCAN_FAILED_LIMIT
from bailiwick.engine.images.inventory import as_rescan
from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.errors import NotFound
from bailiwick.kube.resources import RESCAN_REQUESTS
from bailiwick.policy.assessment.input import Rescan
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.images.requests import is_named
from bailiwick.reports.rescans import RescannedImage, rescan_status, waiting_status

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.images.inventory import Inventory
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client
    from bailiwick.policy.effective import ImageTerms
    from bailiwick.policy.images.inventory import RunningImage
    from bailiwick.policy.images.requests import Rescan as Wish

logger = logging.getLogger(__name__)

_DEFAULT_TTL = "1h"
_NEVER_TRIED = datetime.max.replace(tzinfo=UTC)
"""When an image failed that no scan is tried of, whenever it is asked for."""


@dataclass(slots=True)
class Rescans:
    """The RescanRequests of all namespaces."""

    client: Client
    requests: DeclaredStore
    inventory: Inventory
    images: Images
    served: Served

    async def advance(
        self, intent: DeclaredObject, terms: ImageTerms, now: datetime
    ) -> tuple[Rescan | None, timedelta | None]:
        """Tell each request of a namespace how far it is, and remove those that had their time.

        Returns the newest rescan, for the intent's status, and how long until time alone
        removes a request.
        """
        waits = []
        # Before a request is removed: its end is told on the intent, and stays there.
        newest = self._newest(intent, terms, now)
        for request in self._requests(intent.namespace):
            wait = await self._advance(request, now)
            if wait is not None:
                waits.append(wait)
        return newest, min(waits, default=None)

    async def wait(self, namespace: str, why: str, now: datetime) -> None:
        """Tell each request of a namespace why nothing is done about it as things are."""
        for request in self._requests(namespace):
            if instant(request.status.get("completed")) is None:
                await self._write(
                    request,
                    waiting_status(
                        generation=request.generation,
                        requested=request.created,
                        why=why,
                        previous=request.status,
                        now=now,
                    ),
                )

    def _requests(self, namespace: str) -> list[DeclaredObject]:
        return sorted(self.requests.objects.within(namespace), key=lambda r: (r.created, r.name))

    async def _advance(self, request: DeclaredObject, now: datetime) -> timedelta | None:
        finished = instant(request.status.get("completed"))
        if finished is None:
            status = self._progress(request, now)
            await self._write(request, status)
            finished = instant(status.get("completed"))
            if finished is None:
                return None
            logger.info("%s: rescan %s is complete", request.namespace, request.name)
        left = finished + _time_to_live(request.spec) - now
        if left > timedelta():
            return left
        await self.client.delete(RESCAN_REQUESTS, request.name, request.namespace, uid=request.uid)
        return None

    def _progress(self, request: DeclaredObject, now: datetime) -> dict[str, Any]:
        running = self.inventory.running(request.namespace)
        rescan = as_rescan(request)
        return rescan_status(
            generation=request.generation,
            requested=request.created,
            images=[self._image(image) for image in running if rescan.covers(image)],
            unknown=[n for n in rescan.images if not any(is_named(i, n) for i in running)],
            previous=request.status,
            now=now,
        )

    async def _write(self, request: DeclaredObject, status: Mapping[str, Any]) -> None:
        known = self.served.known(RESCAN_REQUESTS, status)
        if known == request.status:
            return
        metadata = {"name": request.name, "namespace": request.namespace, "uid": request.uid}
        try:
            answer = await self.client.apply_status(
                RESCAN_REQUESTS, {"metadata": metadata, "status": known}
            )
        except NotFound:
            # Whoever asked does not want to know any more.
            return
        self.requests.learn(DeclaredObject.from_json(RESCAN_REQUESTS.kind, answer))

    def _newest(self, intent: DeclaredObject, terms: ImageTerms, now: datetime) -> Rescan | None:
        """Return the newest rescan; one that is complete stays as it was then."""
        wish = self.inventory.last_wish(intent, terms, now)
        told = _told(intent)
        done = told if told is not None and told.completed is not None else None
        # A status has whole seconds.
        if wish is None or (done and done.requested >= wish.requested.replace(microsecond=0)):
            return done
        covered = [
            self._image(image)
            for image in self.inventory.running(intent.namespace)
            if wish.covers(image)
        ]
        return _progress(wish, covered, now)

    def _image(self, image: RunningImage) -> RescannedImage:
        name = image.declared[0] if image.declared else str(image.reference)
        if image.digest is None or image.reference is None:
            problem = image.problem
            return RescannedImage(
                name,
                failed_at=_NEVER_TRIED,
                reason=problem.reason if problem else "",
                words=problem.message if problem else "",
            )
        known = self.images.known(image.digest, image.reference.name)
        failure = known.failure
        if failure is None:
            return RescannedImage(name, known.report.scanned_at if known.report else None)
        failed_at: datetime | None = failure.at
        if self.images.refused(image.digest):
            failed_at = _NEVER_TRIED
        elif failure.scanner_fault:
            # Not about this image: it is scanned when the scanner is well again.
            failed_at = None
        return RescannedImage(
            name,
            known.report.scanned_at if known.report else None,
            failed_at,
            failure.reason,
            failure.message,
        )


def _progress(wish: Wish, covered: Sequence[RescannedImage], now: datetime) -> Rescan:
    """Say how far a rescan is, for the intent's status."""
    requested = wish.requested.replace(microsecond=0)
    failed = sorted(
        (i.name, i.words or "The scan failed.") for i in covered if i.gave_up(requested)
    )
    done = len(failed) + sum(each.succeeded(requested) for each in covered)
    return Rescan(
        wish.requested,
        now if done == len(covered) else None,
        wish.reason,
        len(covered),
        done,
        tuple(failed[:RESCAN_FAILED_LIMIT]),
        len(failed),
    )


def _told(intent: DeclaredObject) -> Rescan | None:
    """Read the rescan that the intent's status tells of."""
    rescan = intent.status.get("rescan") or {}
    requested = instant(rescan.get("requested"))
    if requested is None:
        return None
    failed = tuple((str(e["image"]), str(e["message"])) for e in rescan.get("failed") or ())
    return Rescan(
        requested,
        instant(rescan.get("completed")),
        str(rescan.get("reason") or ""),
        rescan.get("total"),
        rescan.get("done"),
        failed,
        len(failed) + int(rescan.get("failedOmitted") or 0),
    )


def _time_to_live(spec: Mapping[str, Any]) -> timedelta:
    return parse_duration(spec.get("ttlAfterFinished") or _DEFAULT_TTL)
