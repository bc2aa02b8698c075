"""What images hold, by digest and platform, so that an image is pulled once and not for each scan.

A digest names the same content wherever it lies, so that nobody asks who pulled it. Layers are
not kept: what syft made of them is all that is ever asked for again.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

_LEVEL = 1


class Cache:
    """Compressed files below a directory, the longest unused of which give way to new ones.

    Every method reads or writes files, and may be called from any thread.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self._root = root
        self._limit = limit
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        root.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def key(digest: str, platform: str) -> str:
        """Return what an image is kept by: an index holds another one for each platform."""
        return hashlib.sha256(f"{digest}\0{platform}".encode()).hexdigest()

    @property
    def size(self) -> int:
        """The bytes that are kept."""
        return sum(self._sizes.values())

    def put(self, key: str, files: Mapping[str, Path]) -> bool:
        """Keep copies of files under names; says no where they alone exceed the limit."""
        fresh = self._root / f"{key}.new-{threading.get_ident()}"
        fresh.mkdir()
        try:
            for name, file in files.items():
                with file.open("rb") as source, gzip.open(fresh / name, "wb", _LEVEL) as target:
                    shutil.copyfileobj(source, target)
            size = sum(each.stat().st_size for each in fresh.iterdir())
            if size > self._limit:
                return False
            with self._lock:
                self._drop(key)
                while self._sizes and self.size + size > self._limit:
                    self._drop(next(iter(self._sizes)))
                fresh.rename(self._root / key)
                self._sizes[key] = size
            return True
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def take(self, key: str, name: str, target: Path) -> bool:
        """Write a kept file where it is asked for; says no where there is none."""
        self._use(key)
        try:
            with gzip.open(self._root / key / name) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        except (OSError, EOFError):
            # It may give way to another one at any moment.
            target.unlink(missing_ok=True)
            return False
        return True

    def read(self, key: str, name: str) -> bytes | None:
        """Return a kept file, None where there is none."""
        self._use(key)
        try:
            with gzip.open(self._root / key / name) as source:
                return source.read()
        except (OSError, EOFError):
            return None

    def _use(self, key: str) -> None:
        with self._lock:
            if key in self._sizes:
                self._sizes[key] = self._sizes.pop(key)

    def _drop(self, key: str) -> None:
        if self._sizes.pop(key, None) is not None:
            shutil.rmtree(self._root / key, ignore_errors=True)
