"""kubectl as one identity, and waiting for what a cluster gets to in its own time."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tests.controlplane import binaries
from tests.controlplane.identity import Identity

Json = dict[str, Any]
Documents = str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]
T = TypeVar("T")


class KubectlError(AssertionError):
    """kubectl failed; `said` is what it wrote to stderr."""

    def __init__(self, arguments: Sequence[str], who: str, said: str) -> None:
        super().__init__(f"kubectl {' '.join(arguments)} (as {who}) failed:\n{said}")
        self.said = said


class Kubectl:
    """Calls of kubectl as one identity: `admin("get", "pods", "-A")` returns what it prints."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    def __call__(self, *arguments: str, input: str | None = None, timeout: float = 60) -> str:
        """Run a kubectl command and return its stdout.

        Raises:
            KubectlError: It ended with another code than 0.
        """
        done = self._run(arguments, input, timeout)
        if done.returncode != 0:
            raise KubectlError(arguments, self.identity.name, done.stderr.strip())
        return done.stdout

    def refused(self, *arguments: str, input: str | None = None) -> str:
        """Run a command that must fail, and return what kubectl says of it."""
        done = self._run(arguments, input, 60)
        assert done.returncode != 0, f"kubectl {' '.join(arguments)} was not refused: {done.stdout}"
        return done.stderr.strip()

    def apply(self, documents: Documents, *options: str) -> str:
        """Apply YAML text, a file or directory, or objects; `"--server-side"` and so on follow."""
        if isinstance(documents, Path):
            return self("apply", "-f", str(documents), *options)
        text = documents if isinstance(documents, str) else _as_list(documents)
        return self("apply", "-f", "-", *options, input=text)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Json:
        """One object."""
        found: Json = json.loads(self("get", kind, name, "-o", "json", *_in(namespace)))
        return found

    def list(self, kind: str, namespace: str | None = None, *options: str) -> list[Json]:
        """The objects of a kind in a namespace, or in all; `"-l", "app=shop"` and so on follow."""
        where = _in(namespace) or ["--all-namespaces"]
        found: list[Json] = json.loads(self("get", kind, "-o", "json", *where, *options))["items"]
        return found

    def delete(self, kind: str, name: str, namespace: str | None = None, *options: str) -> str:
        """Delete an object without waiting until it is gone."""
        return self("delete", kind, name, "--wait=false", *_in(namespace), *options)

    def _run(
        self, arguments: Sequence[str], input: str | None, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        kubeconfig = self.identity.kubeconfig
        command = [
            str(_program()),
            f"--kubeconfig={kubeconfig}",
            # Ports come back with other clusters behind them; a shared cache would mix them up.
            f"--cache-dir={kubeconfig.parent / 'kubectl-cache'}",
            *arguments,
        ]
        return subprocess.run(
            command, input=input, capture_output=True, text=True, check=False, timeout=timeout
        )


@cache
def _program() -> Path:
    return binaries.kubectl()


def _in(namespace: str | None) -> list[str]:
    return [f"--namespace={namespace}"] if namespace else []


def _as_list(documents: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    items = [documents] if isinstance(documents, Mapping) else list(documents)
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def eventually(assertion: Callable[[], T], timeout: float = 10.0, interval: float = 0.05) -> T:
    """Call `assertion` until it no longer raises AssertionError, and return what it returns.

    After `timeout` seconds its last error is raised, with how long and how often it was tried.
    Other errors are raised at once: they are mistakes of the test. A kubectl that fails is retried.
    """
    started = time.monotonic()
    tries = 0
    while True:
        tries += 1
        try:
            return assertion()
        except AssertionError as error:
            elapsed = time.monotonic() - started
            if elapsed >= timeout:
                error.add_note(f"still so after {elapsed:.1f} s and {tries} tries")
                raise
        time.sleep(interval)
