"""Small real images, built by umoci without a container engine and kept between runs."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.controlplane.binaries import cache_directory

_FORMAT = 1
_CREATED = "2026-11-01T00:00:00Z"


@dataclass(frozen=True)
class Image:
    """What is in an image: files by absolute path, symbolic links, and its configuration.

    The names of `programs` become executable files; `packages` are installed Debian packages
    as (binary package, source package, version).
    """

    files: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[tuple[str, str, str], ...] = ()
    user: str = ""
    architecture: str = "amd64"
    created: str = _CREATED
    debian: str = ""


DEBIAN_12_VULNERABLE = Image(
    debian="12",
    packages=(
        ("libssl3", "openssl", "3.0.11-1~deb12u1"),
        ("libc6", "glibc", "2.36-9+deb12u1"),
        ("tar", "tar", "1.34+dfsg-1.2"),
    ),
    programs=("/usr/bin/app", "/bin/bash"),
    links={"/bin/sh": "bash"},
    user="1000",
)
DEBIAN_12_FIXED = Image(
    debian="12",
    packages=(("libssl3", "openssl", "3.0.17-1~deb12u2"), ("libc6", "glibc", "2.36-9+deb12u13")),
    programs=("/usr/bin/app",),
    user="65532:65532",
)
DEBIAN_12_FAT = Image(
    debian="12",
    packages=(
        ("libssl3", "openssl", "3.0.17-1~deb12u2"),
        ("curl", "curl", "7.88.1-10+deb12u1"),
        ("apt", "apt", "2.6.1"),
    ),
    programs=(
        "/bin/dash",
        "/usr/bin/apt-get",
        "/usr/bin/dpkg",
        "/usr/bin/curl",
        "/usr/bin/strace",
        "/usr/bin/gcc",
    ),
    links={"/bin/sh": "dash", "/usr/bin/vi": "../../bin/dash"},
)
NODE_VULNERABLE = Image(
    files={
        "/app/node_modules/lodash/package.json": json.dumps(
            {"name": "lodash", "version": "4.17.20", "license": "MIT"}
        ),
        "/app/package.json": json.dumps({"name": "shop-frontend", "version": "1.0.0"}),
    },
    programs=("/usr/local/bin/node",),
    user="node",
)


def layout_of(image: Image) -> Path:
    """Build an image, once on this machine, and return the OCI layout with its tag `image`."""
    key = json.dumps({"format": _FORMAT, **asdict(image)}, sort_keys=True).encode()
    name = hashlib.sha256(key).hexdigest()[:24]
    home = cache_directory() / "images"
    home.mkdir(parents=True, exist_ok=True)
    done = home / name
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            work = Path(tempfile.mkdtemp(dir=home, prefix=f"{name}."))
            try:
                _build(image, work)
                (work / "layout").rename(done)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return done


def _build(image: Image, work: Path) -> None:
    root = work / "root"
    _fill(image, root)
    layout = work / "layout"
    name = f"{layout}:image"
    _umoci("init", "--layout", str(layout))
    _umoci("new", "--image", name)
    for entry in sorted(root.iterdir()):
        _umoci("insert", "--rootless", "--image", name, str(entry), f"/{entry.name}")
    settings = ["--created", image.created, "--no-history", "--os", "linux"]
    settings += ["--architecture", image.architecture]
    if image.user:
        settings += ["--config.user", image.user]
    if image.programs:
        settings += ["--config.entrypoint", image.programs[0]]
    _umoci("config", "--image", name, *settings)
    _umoci("gc", "--layout", str(layout))


def _fill(image: Image, root: Path) -> None:
    files = dict(image.files)
    if image.debian:
        files["/etc/os-release"] = (
            f'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="{image.debian}"\n'
            f'PRETTY_NAME="Debian GNU/Linux {image.debian}"\n'
        )
    if image.packages:
        files["/var/lib/dpkg/status"] = "\n".join(
            f"Package: {package}\nStatus: install ok installed\nSource: {source}\n"
            f"Architecture: {image.architecture}\nVersion: {version}\n"
            "Maintainer: Tests <tests@example.com>\nDescription: a package\n"
            for package, source, version in image.packages
        )
    for path, text in files.items():
        _write(root, path, text, 0o644)
    for path in image.programs:
        _write(root, path, f"#!/nothing\n# stands for {path}\n", 0o755)
    for path, target in image.links.items():
        link = root / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)


def _write(root: Path, path: str, text: str, mode: int) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def _umoci(*arguments: str) -> None:
    done = subprocess.run(["umoci", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"umoci {' '.join(arguments)}: {done.stderr}"
