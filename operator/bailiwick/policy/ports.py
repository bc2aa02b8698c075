"""The port syntax of intents and profiles: `8443`, `9000-9100/UDP`, `grpc`, `grpc/TCP`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from bailiwick.policy.facts import Protocol

PROTOCOLS: tuple[Protocol, ...] = ("TCP", "UDP", "SCTP")
LAST_PORT = 65535
_NUMBER = re.compile("[0-9]{1,5}")
_NAME = re.compile(r"(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")


class InvalidPort(ValueError):
    """A port that cannot be read; the message says what to write instead."""


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """Ports of one protocol: the range `first` to `last`, both included, or those called `name`.

    `first` and `last` are 0 where the port has a name.
    """

    protocol: Protocol = "TCP"
    first: int = 0
    last: int = 0
    name: str = ""

    @classmethod
    def number(cls, number: int, protocol: Protocol = "TCP") -> Port:
        """Make the port of one number."""
        return cls(protocol, number, number)

    @classmethod
    def named(cls, name: str, protocol: Protocol = "TCP") -> Port:
        """Make the port of a name, which each pod resolves by its own container ports."""
        return cls(protocol, name=name)

    @classmethod
    def parse(cls, text: int | str) -> Port:
        """Read the syntax of an intent; raises InvalidPort.

        A name is one that the API accepts for container ports (RFC 6335: a letter in it).
        """
        if isinstance(text, int):
            return cls._range(text, text, "TCP")
        body, slash, protocol = text.partition("/")
        if slash and protocol not in PROTOCOLS:
            raise InvalidPort(f'"{text}": after the slash write TCP, UDP or SCTP')
        known = cast(Protocol, protocol or "TCP")
        first, dash, last = body.partition("-")
        if _NUMBER.fullmatch(first) and (not dash or _NUMBER.fullmatch(last)):
            return cls._range(int(first), int(last or first), known)
        if _NAME.fullmatch(body) and any(c.isalpha() for c in body):
            return cls.named(body, known)
        raise InvalidPort(
            f'"{text}" is not a port: write a number (8443), a range (9000-9100) or the name of '
            "a container port (grpc), with /UDP or /SCTP after it where it is not TCP"
        )

    @classmethod
    def _range(cls, first: int, last: int, protocol: Protocol) -> Port:
        if not 1 <= first <= last <= LAST_PORT:
            raise InvalidPort(
                f'"{first}-{last}": ports go from 1 to {LAST_PORT}, the lower one first'
                if first != last
                else f'"{first}": ports go from 1 to {LAST_PORT}'
            )
        return cls(protocol, first, last)

    def to_json(self) -> dict[str, Any]:
        """Write the form of `networking.k8s.io/v1` NetworkPolicyPort."""
        result: dict[str, Any] = {"protocol": self.protocol, "port": self.name or self.first}
        if self.last > self.first:
            result["endPort"] = self.last
        return result

    def __str__(self) -> str:
        """Write the syntax of an intent."""
        body = self.name or (
            str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        )
        return body if self.protocol == "TCP" else f"{body}/{self.protocol}"
