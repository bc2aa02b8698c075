"""Which entry of a pull secret is for an image's registry: that one is sent, and no other.

The form of `auths`, and how its keys match images, are those that the kubelet documents for
`imagePullSecrets`: a host with its port, `*` within a label of it, and the beginning of a path.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from bailiwick.policy.images.references import DEFAULT_REGISTRY, Reference

_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_API_VERSION = re.compile(r"^v[12](/|$)")


def authorization(auths: Mapping[str, Any], image: Reference) -> str:
    """Return the value of an Authorization header for an image's registry; empty where none is.

    `auths` are the entries of a pull secret, as their JSON has them; what is no entry is passed
    over.
    """
    found: list[tuple[int, bool, str]] = []
    for key, entry in sorted(auths.items()):
        path = _matching_path(key, image)
        header = _header(entry)
        if path is not None and header:
            found.append((len(path), "*" not in key, header))
    return max(found, key=lambda each: each[:2])[2] if found else ""


def _matching_path(key: str, image: Reference) -> str | None:
    """Return the path that a key names, where the key is for the image; None where it is not."""
    host, _, path = key.partition("://")[2].partition("/") if "://" in key else key.partition("/")
    path = _API_VERSION.sub("", path).strip("/")
    if host in _DOCKER_HUB:
        host = DEFAULT_REGISTRY
    if path and image.repository != path and not image.repository.startswith(f"{path}/"):
        return None
    wanted, given = host.lower().split("."), image.registry.split(".")
    same = len(wanted) == len(given) and all(map(_label_matches, wanted, given))
    return path if same else None


def _label_matches(pattern: str, label: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), label) is not None


def _header(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return ""
    token = entry.get("registrytoken")
    if isinstance(token, str) and token:
        return f"Bearer {token}"
    user, password = entry.get("username"), entry.get("password")
    if isinstance(user, str) and isinstance(password, str) and user:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    encoded = entry.get("auth")
    return f"Basic {encoded}" if isinstance(encoded, str) and _is_pair(encoded) else ""


def _is_pair(encoded: str) -> bool:
    try:
        return ":" in base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
