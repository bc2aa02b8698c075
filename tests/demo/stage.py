"""Where the demo plays: a Kubernetes of its own, or a cluster that the user named."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from tests.controlplane import binaries
from tests.controlplane.cluster import OPERATOR, ControlPlane
from tests.controlplane.identity import Identity
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.operator_process import OperatorProcess
from tests.demo import application, images, named
from tests.demo.application import Application
from tests.demo.errors import DemoError
from tests.demo.screen import Screen
from tests.images.database import ADVISORIES, GLIBC
from tests.images.registry import Registry, running_registry
from tests.images.scanner import Scanner, running_scanner

T = TypeVar("T")

CRDS: Final = Path(__file__).parents[2] / "crds"
_INTERVAL: Final = 0.5  # seconds; each kubectl takes a tenth of one from what we wait for
_PATIENCE: Final = 180.0  # seconds; a machine busy with other things is slow
KNOWN_AT_FIRST: Final = tuple(each for each in ADVISORIES if each != GLIBC)
# What runs on a cluster of the user's in place of the shop, whose images nobody else has.
PAUSE: Final = (
    "registry.k8s.io/pause:3.10"
    "@sha256:ee6521f290b2168b6e0935a181d4cff9be1ac3f505666ef0e3c98fae8199917a"
)


class Cluster(Protocol):
    """A cluster with the three people that the demo needs."""

    @property
    def directory(self) -> Path: ...

    @property
    def admin(self) -> Identity: ...

    @property
    def auditor(self) -> Identity: ...

    def operator(self) -> Identity: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the story needs; `is_own` where nobody else uses the cluster.

    `rebuild` pushes an image with one package mended, and returns its name.
    """

    screen: Screen
    cluster: Cluster
    application: Application
    scanner: Scanner
    is_own: bool
    operator: OperatorProcess | None = None
    rebuild: Callable[[], str] | None = None

    @property
    def admin(self) -> Kubectl:
        """Kubectl of who may do everything."""
        return Kubectl(self.cluster.admin)

    @property
    def home(self) -> str:
        """The operator's namespace."""
        return OPERATOR[0] if self.is_own else named.HOME

    def namespace(self, name: str) -> str:
        """What a namespace of the examples is called here."""
        return name if self.is_own else named.PREFIX + name

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Call `look` until it returns something, and return that; `what` is what is waited for.

        Raises:
            DemoError: It took too long, or the operator ended meanwhile.
        """
        deadline = time.monotonic() + _PATIENCE
        while (found := look()) is None:
            if self.operator is not None and not self.operator.is_running:
                raise DemoError(f"Waited for {what}, and the operator ended. Its log says why:")
            if time.monotonic() > deadline:
                raise DemoError(
                    f"Waited {_PATIENCE:.0f} seconds for {what}. If this machine is busy with "
                    "other things, try again after them; if not, the operator's log may say why:"
                )
            time.sleep(_INTERVAL)
        return found


def chosen(screen: Screen, env: Mapping[str, str]) -> AbstractContextManager[Stage]:
    """The cluster that the user named on make's command line, or one of our own."""
    kubeconfig, context = env.get("BAILIWICK_KUBECONFIG", ""), env.get("BAILIWICK_CONTEXT", "")
    if context and not kubeconfig:
        raise DemoError(
            "CONTEXT alone names no cluster: write make demo KUBECONFIG=path CONTEXT=name"
        )
    return theirs(screen, kubeconfig, context) if kubeconfig else own(screen)


@contextmanager
def own(screen: Screen) -> Iterator[Stage]:
    """Start Kubernetes, a registry with the shop's images, and the scanner."""
    binaries.ensure_all()  # says itself how it goes; nothing where everything is cached
    screen.heading("A Kubernetes on this machine")
    with ExitStack() as stack:
        with screen.working(f"Starting Kubernetes {binaries.KUBERNETES_VERSION}") as progress:
            cluster, (registry, digests), scanner = _together(
                stack,
                lambda: ControlPlane.start(crds=[CRDS]),
                _filled_registry,
                lambda: running_scanner(advisories=KNOWN_AT_FIRST),
            )
            progress.done = (
                f"Kubernetes {binaries.KUBERNETES_VERSION}, a registry with {len(digests)} images, "
                "and bailiwick scanner"
            )
        screen.say(
            "Real: etcd, the API server, the controller manager, the scheduler, the registry, the "
            "images, and the scanner with syft, grype and a small database of true advisories. "
            "Played: the nodes, by kwok, which says that pods run. There is no network."
        )
        yield Stage(
            screen,
            cluster,
            _of_registry(registry, digests),
            scanner,
            is_own=True,
            rebuild=lambda: images.push_rebuilt(registry),
        )


@contextmanager
def theirs(screen: Screen, kubeconfig: str, context: str) -> Iterator[Stage]:
    """Use a cluster of the user's, after a look at it and saying what will be done."""
    binaries.ensure_all([binaries.SYFT, binaries.GRYPE])
    with ExitStack() as stack:
        cluster = stack.enter_context(named.NamedCluster(kubeconfig, context))
        screen.heading(f"The cluster of context {cluster.context}, at {cluster.server}")
        with screen.working(
            "Looking whether anything is in the way", "Nothing here is in the demo's way"
        ):
            cluster.look()
        screen.say(
            "The demo makes there, and removes at its end: the CustomResourceDefinitions of "
            f"bailiwick.dev, ClusterRoles and ValidatingAdmissionPolicies named bailiwick-…, and "
            f"namespaces named {named.PREFIX}…, "
            f"whose pods run nothing but {PAUSE.partition('@')[0]}. It isolates no other "
            "namespace. Operator and scanner run on this machine. Ctrl-C ends it at any time and "
            "cleans up as well."
        )
        screen.leave_time("Waiting for 5 s: Ctrl-C now leaves the cluster as it is", 5)
        with screen.working("Starting bailiwick scanner", "bailiwick scanner, on this machine"):
            scanner = stack.enter_context(running_scanner(advisories=KNOWN_AT_FIRST))
        registry = f"{PAUSE.partition('/')[0]}/*"
        made = application.read(lambda _: PAUSE, registry=registry, prefix=named.PREFIX)
        yield Stage(screen, cluster, made, scanner, is_own=False)


@contextmanager
def _filled_registry() -> Iterator[tuple[Registry, dict[str, str]]]:
    with running_registry() as registry:
        yield registry, images.push_all(registry, application.tags())


def _of_registry(registry: Registry, digests: dict[str, str]) -> Application:
    """The examples with the images of our registry.

    The old application names its image by tag, and what is broken names a registry that the
    profile does not list: for these the played kubelet is told which digest to report.
    """

    def image(reference: str) -> str:
        name = reference.replace(application.REGISTRY, registry.host)
        return name if is_loose(reference) else f"{name}@{digests[_repository(reference)]}"

    def reported(reference: str) -> str:
        name = reference.replace(application.REGISTRY, registry.host).rpartition(":")[0]
        return f"{name}@{digests[_repository(reference)]}" if is_loose(reference) else ""

    def is_loose(reference: str) -> bool:
        return "/legacy/" in reference or not reference.startswith(application.REGISTRY)

    return application.read(image, registry=f"{registry.host}/*", reported=reported)


def _repository(reference: str) -> str:
    return reference.partition("/")[2].rpartition(":")[0]


def _together(stack: ExitStack, *starts: Callable[[], AbstractContextManager[Any]]) -> list[Any]:
    """Start several things at the same time; what was started is stopped with the stack."""

    def enter(start: Callable[[], AbstractContextManager[Any]]) -> tuple[Any, Any]:
        manager = start()
        return manager, manager.__enter__()

    pool = ThreadPoolExecutor(len(starts))
    futures = [pool.submit(enter, start) for start in starts]
    try:
        wait(futures)
    finally:
        pool.shutdown()  # waits again: what is interrupted is stopped when it has started
        for future in futures:
            if future.exception() is None:
                stack.push(future.result()[0])
    return [future.result()[1] for future in futures]
