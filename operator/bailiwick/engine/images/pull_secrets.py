"""Credentials for a registry, read from the pull secrets of the pods that run the image.

They are read for each scan and kept nowhere. The operator has no right on Secrets but where a
namespace grants it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from bailiwick.kube.errors import ApiError, Forbidden, NotFound
from bailiwick.kube.resources import SECRETS
from bailiwick.policy.images.credentials import authorization

if TYPE_CHECKING:
    from bailiwick.kube.client import Client
    from bailiwick.policy.images.references import Reference


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to send for a registry, and in words what kept us from finding it."""

    authorization: str = ""
    problem: str = ""


async def credentials(
    client: Client, namespace: str, names: Iterable[str], image: Reference
) -> Credentials:
    """Find the entry of a namespace's pull secrets that is for an image's registry."""
    problems = []
    for name in names:
        try:
            secret = await client.get(SECRETS, name, namespace)
        except ApiError as error:
            problems.append(_words(namespace, name, error))
            continue
        header = authorization(_entries(secret), image)
        if header:
            return Credentials(header)
    return Credentials(problem=" ".join(problems))


def _entries(secret: Mapping[str, Any]) -> Mapping[str, Any]:
    data = secret.get("data") or {}
    whole = _json(data.get(".dockerconfigjson")).get("auths")
    return whole if isinstance(whole, Mapping) else _json(data.get(".dockercfg"))


def _json(encoded: object) -> Mapping[str, Any]:
    if not isinstance(encoded, str):
        return {}
    try:
        decoded = msgspec.json.decode(base64.b64decode(encoded))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return {}
    return decoded if isinstance(decoded, Mapping) else {}


def _words(namespace: str, name: str, error: ApiError) -> str:
    if isinstance(error, Forbidden):
        return (
            f"The operator may not read the pull secret {namespace}/{name}: grant it with "
            "manifests/overlays/pull-secrets."
        )
    if isinstance(error, NotFound):
        return f"There is no pull secret {namespace}/{name}."
    return f"The pull secret {namespace}/{name} cannot be read: {error.message}"
