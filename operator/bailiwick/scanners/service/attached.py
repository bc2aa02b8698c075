"""Finding what is attested of an image in its registry: by the two ways in which tools attach it.

The referrers of OCI 1.1, through the API or, where a registry has none, the tag that stands for
it; and the tag that cosign puts beside an image. What is found there is bounded in number, size
and time, and none of it is believed before its signature fits a key.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from bailiwick.policy.images.attestations import Attestations, Ignoring
from bailiwick.policy.images.references import is_digest
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from bailiwick.scanners.service.envelope import KeyProblem, read_keys
from bailiwick.scanners.service.registry_client import (
    INDEXES,
    MANIFESTS,
    RegistryClient,
    decoded,
    next_page,
    session,
)
from bailiwick.scanners.service.statements import Sorting, is_openvex

if TYPE_CHECKING:
    from bailiwick.scanners.service.settings import Settings
    from bailiwick.scanners.service.targets import Target
    from bailiwick.scanners.wire import ScanRequest

_SECONDS: Final = 60.0
_NUMBER: Final = 100
_BYTES: Final = 2 * 1024 * 1024
_INDEX_BYTES: Final = 4 * 1024 * 1024
_PAGES: Final = 10
_INDEXES_OF_IMAGE: Final = 20
# Parts of the media types of attestations, by themselves and as artifacts.
_KINDS: Final = ("in-toto", "dsse", "sigstore.bundle", "cosign.artifact.att", "vex")
# What tools say of the predicate beside an attestation, so that others need not be fetched.
_PREDICATE_TYPES: Final = (
    "predicateType",
    "dev.sigstore.bundle.predicateType",
    "in-toto.io/predicate-type",
)
_WITHIN: Final = re.compile(r"/v2/[A-Za-z0-9._/-]+/referrers/\S*")

_Descriptor = Mapping[str, Any]


async def attestations(
    request: ScanRequest, target: Target, manifest: str, settings: Settings
) -> Attestations | None:
    """Find what is attested of an image that was scanned; None where no key is trusted.

    `manifest` is the digest of the platform's manifest. What goes wrong is told in the result: it
    is no reason to have no scan.
    """
    if not settings.vex_keys:
        return None
    try:
        keys = await asyncio.to_thread(read_keys, settings.vex_keys)
    except KeyProblem as error:
        return Attestations(problem=f"The scanner's keys cannot be used: {error}.")
    indexes = [digest for digest in request.artifact.indexes if is_digest(digest)]
    digests = frozenset({request.artifact.digest, manifest, *indexes[:_INDEXES_OF_IMAGE]} - {""})
    sorting = Sorting(target.image.name, digests, keys)
    problem = ""
    try:
        async with asyncio.timeout(_SECONDS), session(settings) as http:
            authorization = request.registry.authorization
            search = _Search(RegistryClient(http, settings, target, authorization), sorting)
            for digest in sorted(digests):
                await search.of(digest)
            problem = search.problem
    except TimeoutError:
        problem = f"{target.image.registry} did not give all of them within {_SECONDS:.0f} seconds."
    except ScanError as error:
        problem = error.message
    return sorting.result(problem)


@dataclass(slots=True)
class _Search:
    """The search for what is attached to the digests of one image; `problem` if not all is read."""

    client: RegistryClient
    sorting: Sorting
    problem: str = ""
    _read: set[str] = field(default_factory=set)

    async def of(self, digest: str) -> None:
        """Take everything that is attached to a digest; raises ScanError."""
        for descriptor in await self._referrers(digest):
            if _may_be_vex(descriptor, "artifactType"):
                await self._artifact(str(descriptor.get("digest", "")))
        tag = f"{digest.replace(':', '-')}.att"
        manifest = await self._tagged(tag)
        if manifest is not None:
            await self._layers(manifest)

    async def _referrers(self, digest: str) -> list[_Descriptor]:
        path = f"{self.client.path}/referrers/{digest}"
        found: list[_Descriptor] = []
        for _ in range(_PAGES):
            answer = await self.client.ask("GET", path, {"Accept": INDEXES[0]}, _INDEX_BYTES)
            if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
                listed = await self._tagged(digest.replace(":", "-"))
                return found + list(_listed(listed or {}, "manifests"))
            self.client.must_be_good(answer, "what refers to the image")
            found += _listed(decoded(answer.body), "manifests")
            path = next_page(answer)
            if not _WITHIN.fullmatch(path):
                return found
        self.problem = "More refers to the image than is read: remove old ones from the registry."
        return found

    async def _tagged(self, tag: str) -> dict[str, Any] | None:
        path = f"{self.client.path}/manifests/{tag}"
        accept = {"Accept": ", ".join(MANIFESTS)}
        answer = await self.client.ask("GET", path, accept, _INDEX_BYTES)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        self.client.must_be_good(answer, f"the tag {tag}")
        return decoded(answer.body)

    async def _artifact(self, digest: str) -> None:
        """Take the attestations of an artifact that refers to the image."""
        if not is_digest(digest):
            self.sorting.ignore(Ignoring.UNREADABLE)
            return
        if digest in self._read:
            return
        self._read.add(digest)
        if len(self._read) > _NUMBER:
            self._too_many()
            return
        try:
            manifest = decoded(await self.client.manifest(digest))
        except ScanError as error:
            self._ignore(error)
            return
        await self._layers(manifest)

    async def _layers(self, manifest: _Descriptor) -> None:
        for layer in _listed(manifest, "layers"):
            digest, size = str(layer.get("digest", "")), layer.get("size")
            if digest in self._read or not _may_be_vex(layer, "mediaType"):
                continue
            self._read.add(digest)
            if len(self._read) > _NUMBER:
                self._too_many()
            elif not is_digest(digest):
                self.sorting.ignore(Ignoring.UNREADABLE)
            elif not isinstance(size, int) or size > _BYTES:
                self.sorting.ignore(Ignoring.TOO_LARGE)
            else:
                await self._take(digest)

    async def _take(self, digest: str) -> None:
        try:
            answer = await self.client.blob(digest, _BYTES)
            self.client.must_be_good(answer, f"the blob {digest}")
        except ScanError as error:
            self._ignore(error)
            return
        algorithm, _, expected = digest.partition(":")
        if hashlib.new(algorithm, answer.body).hexdigest() != expected:
            self.sorting.ignore(Ignoring.UNREADABLE)
            return
        await asyncio.to_thread(self.sorting.take, answer.body)

    def _too_many(self) -> None:
        self.sorting.ignore(Ignoring.TOO_MANY)
        self.problem = (
            f"More than {_NUMBER} are attached to the image: remove old ones from the registry."
        )

    def _ignore(self, error: ScanError) -> None:
        """Count what cannot be had by itself; raises what concerns everything in the registry."""
        if error.reason == errors.ANSWER_TOO_LARGE:
            self.sorting.ignore(Ignoring.TOO_LARGE)
        elif error.reason in (failures.NOT_FOUND, failures.CORRUPT):
            self.sorting.ignore(Ignoring.UNREADABLE)
        else:
            raise error


def _listed(body: _Descriptor, name: str) -> Iterator[_Descriptor]:
    found = body.get(name)
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            yield each


def _may_be_vex(descriptor: _Descriptor, field_name: str) -> bool:
    """Say whether something is worth fetching, by what is written beside it."""
    annotations = descriptor.get("annotations")
    for name in _PREDICATE_TYPES:
        told = annotations.get(name) if isinstance(annotations, dict) else None
        if isinstance(told, str):
            return is_openvex(told)
    kind = descriptor.get(field_name)
    return not isinstance(kind, str) or not kind or any(part in kind for part in _KINDS)
