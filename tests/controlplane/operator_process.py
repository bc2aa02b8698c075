"""The operator as a process of its own, under its service account and installed roles."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from prometheus_client.parser import text_string_to_metric_families

from tests.controlplane.cluster import OPERATOR, ControlPlane
from tests.controlplane.identity import Identity
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.processes import Ports, Process

MANIFESTS: Final = Path(__file__).parents[2] / "manifests"
_READY_WITHIN: Final = 60.0  # seconds
_SETTINGS: Final = ("--log-format", "text", "--health-host", "127.0.0.1")


class Cluster(Protocol):
    """Where an operator can run: a control plane of ours, or another cluster."""

    @property
    def directory(self) -> Path: ...

    def operator(self) -> Identity: ...


class OperatorFailed(AssertionError):
    """The operator ended, or did not get ready; the message has the end of its log."""


def install(cluster: ControlPlane, manifests: Path = MANIFESTS) -> None:
    """Apply the base of `manifests`: namespace, service account, roles and the rest."""
    Kubectl(cluster.admin)("apply", "--server-side", "-k", str(manifests / "base"))


class OperatorProcess:
    """`bailiwick run` with some arguments; a context manager that stops it.

    `kubeconfig` is another way to the API server, such as through a proxy. `source` is the
    source root of another version, which is run in place of this one.
    """

    def __init__(
        self,
        cluster: Cluster,
        *arguments: str,
        kubeconfig: Path | None = None,
        source: Path | None = None,
    ) -> None:
        self._ports = Ports()
        self._port = self._ports.take()
        self._kubeconfig = kubeconfig or cluster.operator().kubeconfig
        self.log: Final = cluster.directory / f"operator-{self._port}.log"
        self._arguments = arguments
        self._source = source
        self._process = self._launch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._ports.release()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_running

    def wait_ready(self, within: float = _READY_WITHIN) -> Self:
        """Wait until it says that it is ready, and return it.

        Raises:
            OperatorFailed: It ended before that, or takes longer than `within` seconds.
        """
        deadline = time.monotonic() + within
        while not (said := self.probe("readyz"))[0]:
            if not self.is_running or time.monotonic() > deadline:
                raise OperatorFailed(f"the operator is not ready: {said[1]}\n{self.tail(40)}")
            time.sleep(0.02)
        return self

    def probe(self, path: str) -> tuple[bool, str]:
        """Ask one of its probes: whether it answers with success, and what it says."""
        try:
            return True, self._fetch(path)
        except urllib.error.HTTPError as error:
            return False, error.read().decode()
        except OSError as error:
            return False, str(error)

    def metric(self, name: str, **labels: str) -> float:
        """The value of one of its metrics: the sum of the samples that have these labels."""
        families = text_string_to_metric_families(self._fetch("metrics"))
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def stop(self, grace: float = 10.0) -> float:
        """Ask it to stop; returns the seconds that it took. After `grace` it is killed."""
        started = time.monotonic()
        self._process.stop(grace=grace)
        return time.monotonic() - started

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.stop()

    def start_again(self) -> None:
        """Start it anew after it ended; the log goes on."""
        self._process = self._launch()

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return self._process.tail(lines)

    def _fetch(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def _launch(self) -> Process:
        # A kubeconfig or setting of whoever runs the tests must not reach the operator.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BAILIWICK_", "KUBE"))}
        return Process("operator", self._command(), self.log, kept | self._environment())

    def _command(self) -> Sequence[str]:
        program = str(Path(sys.executable).parent / "bailiwick")
        port = ("--health-port", str(self._port))
        return [program, "run", *_SETTINGS, *port, *self._arguments]

    def _environment(self) -> dict[str, str]:
        environment = {"KUBECONFIG": str(self._kubeconfig), "BAILIWICK_NAMESPACE": OPERATOR[0]}
        return environment | ({"PYTHONPATH": str(self._source)} if self._source else {})
