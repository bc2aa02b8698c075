"""The scanner's HTTP side: the adapter API v1.2 for whoever has the token, and two probes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from importlib import metadata as installed
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from bailiwick.policy.images.references import is_tag
from bailiwick.scanners import tags, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures, targets
from bailiwick.scanners.service.cache import Cache
from bailiwick.scanners.service.database import Database
from bailiwick.scanners.service.jobs import Jobs
from bailiwick.scanners.service.pipeline import Pipeline, Reports
from bailiwick.scanners.service.registry import RegistryReader
from bailiwick.scanners.tokens import TokenFile

if TYPE_CHECKING:
    from bailiwick.scanners.service.settings import Settings

_BODY_BYTES = 64 * 1024
_WAIT_MOST_SECONDS = 15.0
_TAGS_SECONDS = 25.0
_ASKING = 8
_REFRESH_AFTER = "1"
_REPORTS = (wire.REPORT, wire.OLDER_REPORT)
_GIVEN = (*_REPORTS, wire.FACTS, wire.SBOM_REPORT)
_TAKEN = (wire.OCI_MANIFEST, wire.DOCKER_MANIFEST, wire.OCI_INDEX)


class Service:
    """The handlers; one for each process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token = TokenFile(settings.token_file)
        version = installed.version("bailiwick-operator")
        self._scanner = wire.ScannerIdentity("Bailiwick scanner", "bailiwick.dev", version)
        self._registries = RegistryReader(settings)
        self._asking = asyncio.Semaphore(_ASKING)
        self._database: Database
        self._jobs: Jobs
        self._pipeline: Pipeline

    def application(self) -> web.Application:
        """Make the application, whose life is that of the workers and of the database."""
        app = web.Application(middlewares=[self._guard], client_max_size=_BODY_BYTES)
        app.add_routes(
            [
                web.get("/api/v1/metadata", self._metadata),
                web.post("/api/v1/scan", self._submit),
                web.get("/api/v1/scan/{id}/report", self._report),
                web.post("/api/v1/tags", self._tags),
                web.get("/probe/healthy", self._healthy),
                web.get("/probe/ready", self._ready),
            ]
        )
        app.cleanup_ctx.append(self._life)
        app.on_shutdown.append(self._end_scans)
        return app

    async def _life(self, _app: web.Application) -> AsyncIterator[None]:
        work = Path(tempfile.mkdtemp(prefix="bailiwick-scanner-", dir=self._settings.work))
        self._database = Database(self._settings, work)
        cache = Cache(work / "cache", self._settings.cache_bytes)
        self._pipeline = Pipeline(self._settings, self._database, cache, self._scanner, work)
        self._jobs = Jobs(
            self._pipeline.scan,
            parallel=self._settings.parallel,
            queue=self._settings.queue,
            results=self._settings.results,
            results_seconds=self._settings.results_seconds,
        )
        self._jobs.start()
        updates = None
        if self._settings.archive is not None:
            follow = self._database.follow_archive(self._settings.archive)
            updates = asyncio.create_task(follow, name="database-imports")
        elif self._settings.update_every > 0:
            updates = asyncio.create_task(self._database.keep_current(), name="database-updates")
        try:
            yield
        finally:
            if updates is not None:
                updates.cancel()
                with suppress(asyncio.CancelledError):
                    await updates
            shutil.rmtree(work, ignore_errors=True)

    async def _end_scans(self, _app: web.Application) -> None:
        # Before connections are closed, so that whoever waits for a report is answered.
        await self._jobs.stop()

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Ask for the token, and turn failures into the API's error bodies."""
        if request.path.startswith("/api/") and not self._token.admits(
            request.headers.get("Authorization", "")
        ):
            return _error(
                401, wire.ErrorDetail(message="The token is missing or not the right one.")
            )
        try:
            return await handler(request)
        except ScanError as error:
            return _scan_error(error, 503 if error.scanner_fault else 422)
        except web.HTTPException as error:
            return _error(error.status, wire.ErrorDetail(message=error.reason))

    async def _metadata(self, _request: web.Request) -> web.Response:
        status = await self._database.status()
        properties = {
            "harbor.scanner-adapter/scanner-type": "os-package-vulnerability",
            "harbor.scanner-adapter/registry-authorization-type": "Basic",
            tags.PROPERTY: "1.0",
        }
        if status.valid and status.built is not None:
            properties[wire.DATABASE_UPDATED_AT] = status.built.isoformat()
        metadata = wire.Metadata(
            self._scanner,
            (
                wire.Capability(
                    type=wire.VULNERABILITY,
                    consumes_mime_types=_TAKEN,
                    produces_mime_types=(*_REPORTS, wire.FACTS),
                ),
                wire.Capability(
                    type=wire.SBOM,
                    consumes_mime_types=_TAKEN,
                    produces_mime_types=(wire.SBOM_REPORT,),
                    additional_attributes=wire.SbomAttributes(wire.SBOM_FORMATS),
                ),
            ),
            properties,
        )
        return _json(msgspec.json.encode(metadata), wire.METADATA)

    async def _submit(self, request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read(), type=wire.ScanRequest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _error(400, wire.ErrorDetail(message=f"This is not a scan request: {error}"))
        targets.read_target(wanted, self._settings)
        broken = await self._database.problem()
        if broken and wanted.wants(wire.VULNERABILITY):
            raise broken
        job = self._jobs.submit(wanted)
        return _json(msgspec.json.encode(wire.ScanResponse(job.id)), wire.SCAN_RESPONSE, 202)

    async def _tags(self, request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read(), type=tags.TagsRequest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _error(400, wire.ErrorDetail(message=f"This is not a question of tags: {error}"))
        if len(wanted.tags) > tags.TAG_LIMIT or not all(map(is_tag, wanted.tags)):
            message = f"Ask for {tags.TAG_LIMIT} tags at most, each by its name."
            return _error(400, wire.ErrorDetail(message=message))
        artifact = wire.Artifact(wanted.repository, wanted.digest)
        target = targets.read_target(wire.ScanRequest(wanted.registry, artifact), self._settings)
        async with self._asking:
            try:
                async with asyncio.timeout(_TAGS_SECONDS):
                    answer = await self._registries.answer(wanted, target)
            except TimeoutError:
                message = f"The registry {target.image.registry} did not answer in time."
                raise ScanError(failures.REGISTRY_UNREACHABLE, message) from None
        return _json(msgspec.json.encode(answer), tags.TAGS)

    async def _report(self, request: web.Request) -> web.Response:
        job = self._jobs.get(request.match_info["id"])
        if job is None:
            message = "No scan of this id is known (any more)."
            return _error(404, wire.ErrorDetail(message=message))
        wanted = _wanted(request.headers.get("Accept", "*/*"))
        if wanted is None:
            message = f"Reports are given as {', '.join(_GIVEN)}."
            return _error(406, wire.ErrorDetail(message=message))
        with suppress(TimeoutError):
            async with asyncio.timeout(_wait_seconds(request.headers.get("Prefer", ""))):
                await job.ended.wait()
        if job.result is None:
            return web.Response(
                status=302, headers={"Refresh-After": _REFRESH_AFTER, "Location": request.path}
            )
        if isinstance(job.result, ScanError):
            return _scan_error(job.result, 500)
        if wanted == wire.SBOM_REPORT:
            return await self._sbom(job.result, job.request.artifact, request)
        body = job.result.facts if wanted == wire.FACTS else job.result.vulnerabilities
        if not body:
            message = "This scan was not asked for vulnerabilities."
            return _error(404, wire.ErrorDetail(message=message))
        return _json(body, wanted)

    async def _sbom(
        self, reports: Reports, artifact: wire.Artifact, request: web.Request
    ) -> web.Response:
        media_type = request.query.get("sbom_media_type", wire.SPDX)
        if media_type not in wire.SBOM_FORMATS:
            message = f"SBOMs are given as {' and '.join(wire.SBOM_FORMATS)}."
            return _error(400, wire.ErrorDetail(message=message))
        body = await asyncio.to_thread(self._pipeline.sbom, reports, artifact, media_type)
        if body is None:
            message = "The SBOM of this scan is no longer kept: scan the image again."
            return _error(404, wire.ErrorDetail(message=message))
        return _json(body, wire.SBOM_REPORT)

    async def _healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n", status=200 if self._jobs.alive else 500)

    async def _ready(self, _request: web.Request) -> web.Response:
        broken = await self._database.problem()
        if broken:
            return web.Response(text=f"{broken.message}\n", status=503)
        return web.Response(text="ok\n")


def _wanted(accept: str) -> str | None:
    """Choose among the report types that a caller accepts."""
    accepted = [part.strip() for part in accept.split(",")]
    for mime_type in _GIVEN:
        if any(wire.same_type(each, mime_type) for each in accepted):
            return mime_type
    anything = any(each.startswith(("*/*", "application/*")) for each in accepted)
    return wire.REPORT if anything or not accept else None


def _wait_seconds(prefer: str) -> float:
    """Read `wait` of RFC 7240: how long a caller would rather wait than ask again."""
    for part in prefer.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "wait" and value.isascii() and value.isdecimal():
            return min(float(value), _WAIT_MOST_SECONDS)
    return 0.0


def _json(body: bytes, mime_type: str, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": mime_type})


def _scan_error(error: ScanError, status: int) -> web.Response:
    detail = wire.ErrorDetail(
        message=error.message,
        reason=error.reason,
        permanent=error.permanent,
        scanner_fault=error.scanner_fault,
    )
    response = _error(status, detail)
    if error.retry_after is not None:
        response.headers["Retry-After"] = f"{error.retry_after:.0f}"
    return response


def _error(status: int, detail: wire.ErrorDetail) -> web.Response:
    return _json(msgspec.json.encode(wire.ErrorBody(detail)), wire.ERROR, status)
