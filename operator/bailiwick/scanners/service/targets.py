"""What a scan request names, checked: no registry that must not be contacted gets past here."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from yarl import URL

from bailiwick.policy.images.references import (
    DEFAULT_REGISTRY,
    InvalidReference,
    Reference,
    is_digest,
)
from bailiwick.policy.images.registries import host_of, refused_host
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from bailiwick.scanners.service.resolving import never_contacted

if TYPE_CHECKING:
    from bailiwick.policy.images.registries import Refusal
    from bailiwick.scanners.service.settings import Settings
    from bailiwick.scanners.wire import ScanRequest

_DOCKER_HUB = "index.docker.io"
_PORTS = {"http": 80, "https": 443}
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")


@dataclass(frozen=True, slots=True)
class Target:
    """An image to scan; `credentials` is syft's environment for its registry, and no other."""

    image: Reference
    plain_http: bool
    platform: str
    credentials: tuple[tuple[str, str], ...] = ()

    @property
    def source(self) -> str:
        """The image in syft's own words."""
        return f"registry:{self.image.name}@{self.image.digest}"


def read_target(request: ScanRequest, settings: Settings) -> Target:
    """Read and check a request; raises ScanError for what is not, or must not be, scanned."""
    try:
        url = URL(request.registry.url)
        authority = url.raw_authority  # the other one drops the brackets of IPv6 addresses
    except ValueError as error:
        raise _bad(f'"{request.registry.url[:200]}" is not an address') from error
    if url.scheme not in _PORTS or not authority or url.user or url.path.strip("/"):
        raise _bad(f'"{request.registry.url[:200]}" is not the address of a registry')
    if not is_digest(request.artifact.digest):
        raise _bad("the image is not named by digest")
    if "." not in authority and ":" not in authority and authority != "localhost":
        # Without a port, a single label is read as a repository of the default registry.
        authority = f"{authority}:{_PORTS[url.scheme]}"
    try:
        text = f"{authority}/{request.artifact.repository}@{request.artifact.digest}"
        image = Reference.parse(text)
    except InvalidReference as error:
        raise _bad(str(error)) from error
    if image.tag:
        raise _bad(f'"{request.artifact.repository}" is not the name of a repository')
    host = host_of(image.registry)
    refused = refused_host(host, allow_loopback=settings.allow_loopback)
    if refused is None:
        with suppress(ValueError):
            refused = never_contacted(host, settings)
    if refused:
        raise _refused(refused)
    plain = url.scheme == "http"
    if plain and image.registry not in settings.plain_http and not _is_loopback(image.registry):
        raise _bad(
            f"{image.registry} is not among the registries that the scanner may speak to without "
            "TLS"
        )
    return Target(
        image=image,
        plain_http=plain,
        platform=request.artifact.platform,
        credentials=_credentials(request.registry.authorization, image.registry),
    )


async def check_addresses(target: Target, settings: Settings) -> None:
    """Raise ScanError where the registry's name leads to an address that is never contacted.

    syft resolves the name again, so a name that changes in between gets past this; the scanner's
    NetworkPolicy is what holds then. Behind a proxy, names are the proxy's to resolve.
    """
    if any(os.environ.get(name) for name in _PROXIES):
        return
    host = host_of(target.image.registry)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ScanError(
            failures.REGISTRY_UNREACHABLE,
            f"The name of the registry {target.image.registry} cannot be resolved "
            f"({error.strerror}). Check it, and the cluster's DNS.",
        ) from error
    for *_, address in found:
        refused = never_contacted(str(address[0]), settings)
        if refused:
            raise _refused(refused)


def _credentials(header: str, registry: str) -> tuple[tuple[str, str], ...]:
    if not header:
        return ()
    scheme, _, value = header.partition(" ")
    value = value.strip()
    # Without an authority syft would send them to whatever registry it is led to.
    authority = _DOCKER_HUB if registry == DEFAULT_REGISTRY else registry
    where = ("SYFT_REGISTRY_AUTH_AUTHORITY", authority)
    if scheme.lower() == "bearer" and value:
        return where, ("SYFT_REGISTRY_AUTH_TOKEN", value)
    if scheme.lower() == "basic":
        try:
            user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, colon, password = "", "", ""
        # An environment cannot hold NUL.
        if colon and "\0" not in user + password:
            return (
                where,
                ("SYFT_REGISTRY_AUTH_USERNAME", user),
                ("SYFT_REGISTRY_AUTH_PASSWORD", password),
            )
    raise _bad("the registry's authorization is neither Basic nor Bearer")


def _is_loopback(registry: str) -> bool:
    # Whether loopback may be contacted at all was decided before.
    host = host_of(registry)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _bad(what: str) -> ScanError:
    return ScanError(errors.REFUSED, f"The scanner does not take this: {what}.", permanent=True)


def _refused(refusal: Refusal) -> ScanError:
    return ScanError(refusal.reason, refusal.message, permanent=True)
