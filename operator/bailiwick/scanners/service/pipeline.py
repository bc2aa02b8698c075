"""One scan: syft reads the image, grype matches what it found, and both become reports."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures, hygiene, matches, programs, targets
from bailiwick.scanners.service.attached import attestations
from bailiwick.scanners.service.cache import Cache

if TYPE_CHECKING:
    from bailiwick.policy.images.attestations import Attestations
    from bailiwick.scanners.service.database import Database
    from bailiwick.scanners.service.settings import Settings

T = TypeVar("T")

# File listings come from the selection of all files; these catalogers would read them as well.
_NOT_NEEDED = "-file-executable-cataloger,-file-digest-cataloger,-file-content-cataloger"


_SYFT = "syft.json"
_FORMATS = {wire.SPDX: "spdx.json", wire.CYCLONEDX: "cyclonedx.json"}


@dataclass(frozen=True, slots=True)
class Reports:
    """What a scan gave: the bodies of the adapter API's report and of our facts.

    They are empty where only an SBOM was asked for. `key` is what the SBOMs are kept by.
    """

    vulnerabilities: bytes
    facts: bytes
    key: str
    generated_at: datetime


class Pipeline:
    """Scans images one at a time or side by side; holds no state but database and cache."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        cache: Cache,
        scanner: wire.ScannerIdentity,
        work: Path,
    ) -> None:
        self._settings = settings
        self._database = database
        self._cache = cache
        self._scanner = scanner
        self._work = work

    async def scan(self, request: wire.ScanRequest) -> Reports:
        """Scan one image within the limits; raises ScanError."""
        target = targets.read_target(request, self._settings)
        # syft leaves what it unpacked when it is ended early.
        home = Path(tempfile.mkdtemp(prefix="scan-", dir=self._work))
        begun = datetime.now(UTC)
        key = Cache.key(request.artifact.digest, target.platform)
        try:
            async with asyncio.timeout(self._settings.scan_seconds):
                sbom = await self._contents(target, home, key)
                if not request.wants(wire.VULNERABILITY):
                    return Reports(b"", b"", key, begun)
                found = await self._match(target, home)
                manifest = sbom.source.metadata.manifest_digest
                attested = await attestations(request, target, manifest, self._settings)
                return await asyncio.to_thread(
                    self._reports, request, sbom, found, attested, key, begun
                )
        except (TimeoutError, programs.OutOfTime):
            raise ScanError(
                errors.TIMED_OUT,
                f"The scan of {target.image} took longer than {self._settings.scan_seconds:.0f} "
                "seconds and was ended: the registry stalls, or the image is very large.",
            ) from None
        except programs.OutOfRoom:
            raise failures.out_of_room(target.image, self._settings.scan_bytes) from None
        except programs.ProgramMissing as error:
            raise ScanError(
                errors.FAILED,
                f"The scanner cannot run {error}. Its installation is incomplete.",
                scanner_fault=True,
            ) from error
        finally:
            await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)

    def sbom(self, reports: Reports, artifact: wire.Artifact, media_type: str) -> bytes | None:
        """Return the report of an SBOM in a format; None where it is kept no longer."""
        document = self._cache.read(reports.key, _FORMATS[media_type])
        if document is None:
            return None
        return msgspec.json.encode(
            wire.SbomReport(
                generated_at=reports.generated_at.isoformat(),
                artifact=artifact,
                scanner=self._scanner,
                media_type=media_type,
                sbom=msgspec.Raw(document),
            )
        )

    async def _contents(self, target: targets.Target, home: Path, key: str) -> hygiene.Sbom:
        """Read what is in an image, from its registry where that is not known yet."""
        listing = home / _SYFT
        if await asyncio.to_thread(self._cache.take, key, _SYFT, listing):
            return await asyncio.to_thread(self._load, listing, hygiene.Sbom, "syft")
        await targets.check_addresses(target, self._settings)
        sbom = await self._read_image(target, home)
        files = {name: home / name for name in (_SYFT, *_FORMATS.values())}
        await asyncio.to_thread(self._cache.put, key, files)
        return sbom

    async def _read_image(self, target: targets.Target, home: Path) -> hygiene.Sbom:
        output = home / _SYFT
        command = [self._settings.syft, "scan", target.source, "-o", f"syft-json={output}"]
        command += ["-o", f"spdx-json={home / _FORMATS[wire.SPDX]}"]
        command += ["-o", f"cyclonedx-json={home / _FORMATS[wire.CYCLONEDX]}"]
        command += ["--select-catalogers", _NOT_NEEDED]
        if target.platform:
            command += ["--platform", target.platform]
        extra = {
            "SYFT_FILE_METADATA_SELECTION": "all",
            "SYFT_GOLANG_CAPTURE_SYMBOLS": "all",
            "SYFT_CHECK_FOR_APP_UPDATE": "false",
            "SYFT_PARALLELISM": "2",
            **dict(target.credentials),
        }
        if target.plain_http:
            extra["SYFT_REGISTRY_INSECURE_USE_HTTP"] = "true"
        if self._settings.ca_certificate:
            extra["SYFT_REGISTRY_CA_CERT"] = str(self._settings.ca_certificate)
        done = await self._run(command, programs.environment(home, **extra), home)
        if done.code != 0:
            raise failures.of_syft(done.code, done.stderr, target.image)
        return await asyncio.to_thread(self._load, output, hygiene.Sbom, "syft")

    async def _match(self, target: targets.Target, home: Path) -> matches.Matches:
        output = home / "grype.json"
        source = f"sbom:{home / _SYFT}"
        command = [self._settings.grype, source, "-o", "json", "--file", str(output)]
        with self._database.reading() as directory:
            env = self._database.environment(home, directory)
            done = await self._run(command, env, home)
        broken = failures.of_grype(done.stderr)
        if broken:
            raise broken
        if done.code != 0:
            raise failures.grype_failed(done.stderr, target.image)
        return await asyncio.to_thread(self._load, output, matches.Matches, "grype")

    async def _run(self, command: list[str], env: dict[str, str], home: Path) -> programs.Completed:
        settings = self._settings
        bounds = programs.Bounds(
            settings.scan_seconds, settings.file_bytes, settings.scan_memory, settings.scan_bytes
        )
        return await programs.run(command, env=env, cwd=home, bounds=bounds)

    def _load(self, path: Path, kind: type[T], program: str) -> T:
        try:
            size = path.stat().st_size
            if size > self._settings.output_bytes:
                limit = self._settings.output_bytes // (1024 * 1024)
                raise ScanError(
                    failures.TOO_LARGE,
                    f"The image holds so much that {program}'s list of it is larger than {limit} "
                    "MiB. Make the image smaller, or raise the scanner's limit.",
                    permanent=True,
                )
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ScanError(
                errors.FAILED,
                f"{program} wrote something that the scanner does not understand ({error}). Use "
                "the version that Bailiwick names.",
                scanner_fault=True,
            ) from error

    def _reports(
        self,
        request: wire.ScanRequest,
        sbom: hygiene.Sbom,
        found: matches.Matches,
        attested: Attestations | None,
        key: str,
        begun: datetime,
    ) -> Reports:
        database = found.database()
        facts = wire.Facts(
            digest=request.artifact.digest,
            manifest_digest=sbom.source.metadata.manifest_digest or None,
            database_built=database.built,
            hygiene=hygiene.facts(sbom, end_of_life=self._database.ended(found)),
            attestations=attested,
        )
        report = matches.report(
            found, artifact=request.artifact, scanner=self._scanner, generated_at=begun
        )
        return Reports(msgspec.json.encode(report), msgspec.json.encode(facts), key, begun)
