"""Rescans that somebody asked for: how far they are, told on the requests, and their end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bailiwick.api.durations import parse_duration
from bailiwick.engine.inventory import as_rescan
from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.resources import RESCAN_REQUESTS
from bailiwick.policy.assessment.input import Rescan
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.images.requests import is_named
from bailiwick.reports.rescans import RescannedImage, rescan_status

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.images import Images
    from bailiwick.engine.inventory import Inventory
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client
    from bailiwick.policy.effective import ImageTerms
    from bailiwick.policy.images.inventory import RunningImage

logger = logging.getLogger(__name__)

_DEFAULT_TTL = "1h"


@dataclass(slots=True)
class Rescans:
    """The RescanRequests of all namespaces."""

    client: Client
    requests: DeclaredStore
    inventory: Inventory
    images: Images
    served: Served

    async def advance(
        self, namespace: str, terms: ImageTerms, now: datetime
    ) -> tuple[Rescan | None, timedelta | None]:
        """Tell each request of a namespace how far it is, and remove those that had their time.

        Returns the newest rescan, for the intent's status, and how long until time alone
        removes a request.
        """
        waits = []
        for request in sorted(self.requests.objects.within(namespace), key=lambda r: r.created):
            wait = await self._advance(request, now)
            if wait is not None:
                waits.append(wait)
        return self._newest(namespace, terms, now), min(waits, default=None)

    async def _advance(self, request: DeclaredObject, now: datetime) -> timedelta | None:
        finished = instant(request.status.get("completed"))
        if finished is None:
            status = await self._tell(request, now)
            finished = instant(status.get("completed"))
            if finished is None:
                return None
            logger.info("%s: rescan %s is complete", request.namespace, request.name)
        left = finished + _time_to_live(request.spec) - now
        if left > timedelta():
            return left
        await self.client.delete(RESCAN_REQUESTS, request.name, request.namespace, uid=request.uid)
        return None

    async def _tell(self, request: DeclaredObject, now: datetime) -> Mapping[str, Any]:
        running = self.inventory.running(request.namespace)
        rescan = as_rescan(request)
        status = rescan_status(
            generation=request.generation,
            requested=request.created,
            images=[self._image(image) for image in running if rescan.covers(image)],
            unknown=[n for n in rescan.images if not any(is_named(i, n) for i in running)],
            previous=request.status,
            now=now,
        )
        if self.served.known(RESCAN_REQUESTS, status) != request.status:
            answer = await self.client.apply_status(
                RESCAN_REQUESTS,
                {
                    "metadata": {
                        "name": request.name,
                        "namespace": request.namespace,
                        "uid": request.uid,
                    },
                    "status": self.served.known(RESCAN_REQUESTS, status),
                },
            )
            self.requests.learn(DeclaredObject.from_json(RESCAN_REQUESTS.kind, answer))
        return status

    def _newest(self, namespace: str, terms: ImageTerms, now: datetime) -> Rescan | None:
        wish = self.inventory.last_wish(namespace, terms, now)
        if wish is None:
            return None
        covered = [
            self._image(image) for image in self.inventory.running(namespace) if wish.covers(image)
        ]
        ended = all(i.succeeded(wish.requested) or i.gave_up(wish.requested) for i in covered)
        ends = [at for image in covered if (at := image.scanned_at or image.failed_at)]
        completed = max(ends, default=wish.requested) if ended else None
        return Rescan(wish.requested, completed, wish.reason)

    def _image(self, image: RunningImage) -> RescannedImage:
        name = image.declared[0] if image.declared else str(image.reference)
        if image.digest is None or image.reference is None:
            problem = image.problem
            return RescannedImage(
                name,
                failed_at=datetime.max.replace(tzinfo=UTC),
                reason=problem.reason if problem else "",
                words=problem.message if problem else "",
            )
        known = self.images.known(image.digest, image.reference.name)
        return RescannedImage(
            name,
            known.report.scanned_at if known.report else None,
            known.failure.at if known.failure else None,
            known.failure.reason if known.failure else "",
            known.failure.message if known.failure else "",
        )


def _time_to_live(spec: Mapping[str, Any]) -> timedelta:
    return parse_duration(spec.get("ttlAfterFinished") or _DEFAULT_TTL)
