"""Whom a change in the cluster concerns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

TEMPLATES = "templates"
"""The part of the cluster that is the ConfigMaps of templates."""


class Dependents:
    """Which namespaces looked at which part of the cluster, to tell a change to them alone."""

    def __init__(self) -> None:
        self._of_namespace: dict[str, frozenset[str]] = {}
        self._of_key: dict[str, set[str]] = defaultdict(set)

    def record(self, namespace: str, keys: frozenset[str]) -> None:
        """Remember what a namespace's policies were computed from."""
        before = self._of_namespace.get(namespace, frozenset())
        if before == keys:
            return
        for key in before - keys:
            self._of_key[key].discard(namespace)
            if not self._of_key[key]:
                del self._of_key[key]
        for key in keys - before:
            self._of_key[key].add(namespace)
        if keys:
            self._of_namespace[namespace] = keys
        else:
            self._of_namespace.pop(namespace, None)

    def on(self, key: str) -> frozenset[str]:
        """Return the namespaces that depend on a key."""
        return frozenset(self._of_key.get(key, ()))

    def keys(self) -> Mapping[str, set[str]]:
        """Return everything that is looked at, for tests and metrics."""
        return self._of_key
