"""The token that callers of ours show, from a file that a Secret is mounted as."""

from __future__ import annotations

import hmac
from pathlib import Path


class TokenFile:
    """A token, read again when its file changes; compared in constant time.

    `bare` takes the token without the word Bearer as well, for callers whose header is one text.
    """

    def __init__(self, path: Path, *, bare: bool = False) -> None:
        self._path = path
        self._bare = bare
        self._known: tuple[int, bytes] | None = None

    def admits(self, header: str) -> bool:
        """Say whether an Authorization header shows the token."""
        scheme, _, shown = header.strip().partition(" ")
        if self._bare and not shown:
            scheme, shown = "bearer", scheme
        expected = self._read()
        # An empty file must not admit an empty token.
        right = hmac.compare_digest(shown.strip().encode(errors="replace"), expected)
        return bool(expected) and right and scheme.lower() == "bearer"

    def _read(self) -> bytes:
        try:
            changed = self._path.stat().st_mtime_ns
            if self._known is None or self._known[0] != changed:
                self._known = (changed, self._path.read_bytes().strip())
        except OSError:
            return b""
        return self._known[1]
