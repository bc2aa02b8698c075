"""Which addresses the scanner connects to: decided where a name is resolved, used as decided."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bailiwick.policy.images.registries import Refusal, refused_address

if TYPE_CHECKING:
    from bailiwick.scanners.service.settings import Settings


def never_contacted(address: str, settings: Settings) -> Refusal | None:
    """Say why an IP address is never contacted; None where it may be."""
    found = ip_address(address.partition("%")[0])
    refused = refused_address(found, allow_loopback=settings.allow_loopback)
    if refused:
        return refused
    inner = getattr(found, "ipv4_mapped", None) or found
    if any(inner in network for network in settings.refused_networks):
        return Refusal(
            "RegistryRefused", f"{address} is in a range that --refuse-cidr keeps the scanner from."
        )
    return None


class AddressRefused(OSError):
    """A name led to an address that is never contacted."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class CheckedResolver(AbstractResolver):
    """Resolves names to addresses that may be contacted, and to no others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name; raises AddressRefused if any of its addresses must not be contacted."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            refused = never_contacted(each["host"], self._settings)
            if refused:
                raise AddressRefused(refused)
        return found

    async def close(self) -> None:
        """Let go of the resolver behind it."""
        await self._resolver.close()
