"""What a registry says of tags: what they lead to, which there are, what an image is built on."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from bailiwick.policy.images.references import is_digest
from bailiwick.policy.images.versions import newer_version
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from bailiwick.scanners.service.registry_client import (
    INDEXES,
    MANIFESTS,
    RegistryClient,
    decoded,
    next_page,
    session,
)
from bailiwick.scanners.tags import Tag, TagsAnswer, TagsRequest

if TYPE_CHECKING:
    from bailiwick.scanners.service.settings import Settings
    from bailiwick.scanners.service.targets import Target

_BASE_NAME = "org.opencontainers.image.base.name"
_BASE_DIGEST = "org.opencontainers.image.base.digest"
_PAGE_BYTES = 1024 * 1024
_PAGES = 20
_CONFIGURATION_BYTES = 4 * 1024 * 1024
_WITHIN = re.compile(r"/v2/[A-Za-z0-9._/-]+/tags/list\?\S*")


class RegistryReader:
    """Answers questions on tags, each within bounds of time and size."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def answer(self, request: TagsRequest, target: Target) -> TagsAnswer:
        """Ask the registry of `target`, which was checked; raises ScanError."""
        async with session(self._settings) as http:
            talk = _Talk(http, self._settings, target, request.registry.authorization)
            with_versions = await talk.tags() if request.versions else ()
            tags = [await talk.tag(name, request.platform) for name in request.tags]
            name, digest = await talk.base(request.digest)
        return TagsAnswer(
            tuple(
                msgspec.structs.replace(tag, newer=newer_version(tag.name, with_versions))
                for tag in tags
            ),
            name,
            digest,
        )


class _Talk(RegistryClient):
    """The requests for one question on tags."""

    async def tag(self, name: str, platform: str) -> Tag:
        """Look up what a tag leads to."""
        path = f"{self.path}/manifests/{name}"
        accept = {"Accept": ", ".join(MANIFESTS)}
        head = await self.ask("HEAD", path, accept)
        if head.status == HTTPStatus.NOT_FOUND:
            return Tag(name)
        self.must_be_good(head, f"the tag {name}")
        digest = head.headers.get("Docker-Content-Digest", "")
        kind = head.headers.get("Content-Type", "").partition(";")[0].strip()
        if is_digest(digest) and kind not in INDEXES:
            return Tag(name, digest, digest)
        body = await self.manifest(digest if is_digest(digest) else name)
        digest = digest if is_digest(digest) else "sha256:" + hashlib.sha256(body).hexdigest()
        return Tag(name, digest, _of_platform(body, platform) or digest)

    async def base(self, digest: str) -> tuple[str, str]:
        """Read what an image says it was built on: a name and a digest, each empty if not told.

        Its manifest says so by annotations, or its configuration by labels. One that is gone from
        the registry while it still runs says nothing.
        """
        try:
            manifest = decoded(await self.manifest(digest))
            told = _object(manifest.get("annotations"))
            if _BASE_NAME not in told:
                told = await self._labels(_object(manifest.get("config")).get("digest"))
        except ScanError as error:
            if error.reason != failures.NOT_FOUND:
                raise
            return "", ""
        name, base = told.get(_BASE_NAME), told.get(_BASE_DIGEST)
        return (
            name[:512] if isinstance(name, str) else "",
            base if isinstance(base, str) and is_digest(base) else "",
        )

    async def _labels(self, configuration: object) -> dict[str, Any]:
        """Read the labels of an image's configuration, which is named by digest."""
        if not isinstance(configuration, str) or not is_digest(configuration):
            return {}
        answer = await self.blob(configuration, _CONFIGURATION_BYTES)
        self.must_be_good(answer, f"the configuration {configuration}")
        if "sha256:" + hashlib.sha256(answer.body).hexdigest() != configuration:
            raise self.error(failures.CORRUPT, "answered with another configuration than asked for")
        return _object(_object(decoded(answer.body).get("config")).get("Labels"))

    async def tags(self) -> list[str]:
        """List the repository's tags, up to a limit."""
        found: list[str] = []
        path = f"{self.path}/tags/list?n=1000"
        for _ in range(_PAGES):
            answer = await self.ask("GET", path, {}, _PAGE_BYTES)
            self.must_be_good(answer, "the list of tags")
            names = decoded(answer.body).get("tags")
            found += [n for n in names if isinstance(n, str)] if isinstance(names, list) else []
            following = next_page(answer)
            # Only a further page of a list of this registry: never another address.
            if not _WITHIN.fullmatch(following):
                break
            path = following
        return found


def _object(value: object) -> dict[str, Any]:
    """Return a JSON object; what is none is an empty one."""
    return value if isinstance(value, dict) else {}


def _of_platform(index: bytes, platform: str) -> str:
    """Return the digest of the platform's manifest in an index, empty where there is none."""
    listed = decoded(index).get("manifests")
    system, _, architecture = (platform or "linux/amd64").partition("/")
    for each in listed if isinstance(listed, list) else ():
        told = each.get("platform") if isinstance(each, dict) else None
        if isinstance(told, dict) and told.get("os") == system:
            digest = each.get("digest")
            if told.get("architecture") == architecture and isinstance(digest, str):
                return digest if is_digest(digest) else ""
    return ""
