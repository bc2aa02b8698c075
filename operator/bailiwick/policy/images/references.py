"""Image references and the image IDs that container runtimes report, read into one form.

The grammar is that of the distribution project's references, docker.io being the default
registry; the spellings of image IDs are those of containerd, CRI-O and cri-dockerd.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_REGISTRY = "docker.io"
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")
_HEX = re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::[0-9]{1,5})?"
)
_SEGMENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_NAME_LIMIT = 255


class InvalidReference(ValueError):
    """A reference that cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """An image reference; `tag` and `digest` are empty where there is none."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference as a pod's spec has it; raises InvalidReference."""
        rest, at, digest = text.partition("@")
        if at and not is_digest(digest):
            raise InvalidReference(f'"{text[:200]}": after the @ there must be a sha256 or sha512')
        registry, path = _split_registry(rest)
        tag = ""
        slash = path.rfind("/")
        colon = path.find(":", slash + 1)
        if colon >= 0:
            path, tag = path[:colon], path[colon + 1 :]
            if not _TAG.fullmatch(tag):
                raise InvalidReference(f'"{text[:200]}": "{tag[:200]}" is not a tag')
        if not all(_SEGMENT.fullmatch(part) for part in path.split("/")):
            raise InvalidReference(f'"{text[:200]}" is not an image reference')
        if len(registry) + 1 + len(path) > _NAME_LIMIT:
            raise InvalidReference(f'"{text[:60]}…" is longer than {_NAME_LIMIT} characters')
        if registry == DEFAULT_REGISTRY and "/" not in path:
            path = f"library/{path}"
        return cls(registry, path, tag, digest)

    @property
    def name(self) -> str:
        """Registry and repository, `registry.example.com/shop/cart`."""
        return f"{self.registry}/{self.repository}"

    def at(self, digest: str) -> Reference:
        """Return the reference of another digest in the same repository."""
        return Reference(self.registry, self.repository, "", digest)

    def __str__(self) -> str:
        """Write the canonical spelling."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return self.name + tag + digest


@dataclass(frozen=True, slots=True)
class ImageId:
    """What a runtime's image ID says: a manifest's digest, and the name it was pulled by.

    `digest` is None where the ID names no manifest; then `configuration` says whether it names
    an image's configuration, which no registry finds a manifest by.
    """

    digest: str | None = None
    reference: Reference | None = None
    configuration: bool = False


def is_digest(text: str) -> bool:
    """Say whether the text is a digest of an algorithm that the OCI image specification has."""
    return _DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Say whether the text is a tag."""
    return _TAG.fullmatch(text) is not None


def read_image_id(text: str) -> ImageId:
    """Read a container status' `imageID` in any runtime's spelling; never raises."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "", scheme
    if "@" not in rest:
        # containerd and CRI-O give the configuration where an image has no repository digest,
        # CRI-O without the algorithm; cri-dockerd gives it as docker://.
        return ImageId(configuration=is_digest(rest) or _HEX.fullmatch(rest) is not None)
    digest = rest.rpartition("@")[2]
    if scheme == "docker" or not is_digest(digest):
        return ImageId(configuration=is_digest(digest))
    try:
        return ImageId(digest, Reference.parse(rest))
    except InvalidReference:
        return ImageId(digest)


def _split_registry(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not is_host:
        return DEFAULT_REGISTRY, text
    if not _HOST.fullmatch(first):
        raise InvalidReference(f'"{first[:200]}" is not the name of a registry')
    host = first.lower()
    if host != first and not ("." in host or ":" in host or host == "localhost"):
        # Written in lower case, as registries are compared, it would be a repository's first part.
        raise InvalidReference(
            f'"{first}" is not the name of a registry: write it with a dot or a port'
        )
    return (DEFAULT_REGISTRY if host in ("index.docker.io", "registry-1.docker.io") else host), rest
