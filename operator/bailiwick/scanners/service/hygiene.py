"""What lies in an image besides its packages, from syft's list of all files.

The names are those of programs that a running service does not need; which of them a namespace
may have is the profile's to say. A tool that was copied in has no package, and one whose package
is there may have its program under another name: both count.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from collections.abc import Iterable, Mapping, Set
from datetime import datetime

import msgspec

from bailiwick.policy.images.findings import HygieneFacts

PATHS_LIMIT = 100


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHELLS = _names("sh bash rbash dash ash zsh ksh mksh csh tcsh fish busybox toybox pwsh nu")
PACKAGE_MANAGERS = _names(
    "apt apt-get aptitude dpkg apk rpm yum dnf microdnf tdnf zypper pacman opkg nix-env snap "
    "flatpak brew conda mamba micromamba pip pipx uv npm npx yarn pnpm gem composer"
)
DEBUG_TOOLS = _names(
    "gdb gdbserver lldb dlv strace ltrace perf bpftrace tcpdump tshark nmap nc ncat netcat socat "
    "telnet ssh scp curl wget dig nslookup iperf lsof"
)
BUILD_TOOLS = _names(
    "gcc g++ cc c++ cpp clang clang++ tcc ld gold as make gmake cmake ninja meson autoconf "
    "automake bazel go cargo rustc javac mvn gradle msbuild git svn hg"
)
_DISTRIBUTIONS = frozenset({"deb", "apk", "rpm", "alpm"})
_OTHER_NAMES = {
    "apk-tools": "apk",
    "libapt-pkg6.0": "apt",
    "openssh-client": "ssh",
    "openssh-clients": "ssh",
    "netcat-openbsd": "netcat",
    "netcat-traditional": "netcat",
    "ncat": "nc",
    "dnsutils": "dig",
    "bind9-dnsutils": "dig",
    "bind-tools": "dig",
    "golang-go": "go",
    "golang": "go",
    "rust": "rustc",
    "default-jdk": "javac",
    "maven": "mvn",
    "python3-pip": "pip",
    "busybox-static": "busybox",
}
_OF_LANGUAGES = {"python": frozenset({"pip", "uv"}), "npm": frozenset({"npm", "yarn", "pnpm"})}
_SETUID, _SETGID = 0o40000000, 0o20000000  # as Go's FileMode has them
_NOT_PROGRAMS = ("/etc/", "/usr/share/", "/usr/lib/apt/", "/usr/lib/dpkg/", "/proc/", "/sys/")
_TARGET = re.compile(r"^[a-z0-9_]+-(?:[a-z0-9_]+-)?linux-(?:gnu|musl)[a-z0-9]*-")
_VERSION = re.compile(r"-?\d+(?:\.\d+)*$")
_LINK_HOPS = 40


class Location(msgspec.Struct, frozen=True):
    """Where a file is."""

    path: str


class FileMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """What a file is. `mode` is Go's FileMode, its octal digits read as a decimal number."""

    mode: int = 0
    type: str = ""
    link_destination: str = ""


class File(msgspec.Struct, frozen=True):
    """A file of an image; the metadata is missing where syft could not read it."""

    location: Location
    metadata: FileMetadata | None = None


class Package(msgspec.Struct, frozen=True):
    """A package of an image; `type` is that of syft: deb, apk, rpm, python, npm."""

    name: str
    type: str = ""


class Source(msgspec.Struct, frozen=True, rename="camel"):
    """The image as the registry has it; `config` is its configuration in base64."""

    manifest_digest: str = ""
    config: str = ""
    architecture: str = ""


class SourceOf(msgspec.Struct, frozen=True):
    """What was scanned."""

    metadata: Source


class Distribution(msgspec.Struct, frozen=True, rename="camel"):
    """The image's os-release; empty for images without one."""

    pretty_name: str = ""
    id: str = ""
    version_id: str = msgspec.field(name="versionID", default="")


class Sbom(msgspec.Struct, frozen=True):
    """The part of syft's own JSON format that facts come from."""

    source: SourceOf
    files: tuple[File, ...] = ()
    artifacts: tuple[Package, ...] = ()
    distro: Distribution | None = None


class _Runtime(msgspec.Struct, frozen=True):
    user: str = msgspec.field(name="User", default="")


class _Configuration(msgspec.Struct, frozen=True):
    created: str | None = None
    architecture: str = ""
    config: _Runtime | None = None


def facts(sbom: Sbom, *, end_of_life: bool | None = None) -> HygieneFacts:
    """Gather the facts of an image; `end_of_life` is what the vulnerability database says."""
    configuration = _configuration(sbom.source.metadata.config)
    programs = _programs(sbom.files)
    tools = [*programs, *_packaged(sbom.artifacts, {name for _, name in programs})]
    distribution = sbom.distro or Distribution()
    name = distribution.pretty_name or f"{distribution.id} {distribution.version_id}".strip()
    return HygieneFacts(
        user=None if configuration is None else (configuration.config or _Runtime()).user,
        created=_instant(configuration.created if configuration else None),
        os=name or None,
        os_end_of_life=end_of_life,
        architecture=sbom.source.metadata.architecture
        or (configuration.architecture if configuration else "")
        or None,
        shells=_named(tools, SHELLS),
        package_managers=_named(tools, PACKAGE_MANAGERS),
        debug_tools=_named(tools, DEBUG_TOOLS),
        build_tools=_named(tools, BUILD_TOOLS),
        setuid=_setuid(sbom.files),
    )


def _packaged(packages: Iterable[Package], found: Set[str]) -> list[tuple[str, str]]:
    """List packages of tools of which no program was found, each with the tool's name."""
    tools = {}
    for each in packages:
        if each.type in _DISTRIBUTIONS:
            name = _OTHER_NAMES.get(each.name, _plain_name(each.name))
        else:
            # Languages have packages of any name: only these are the tool itself.
            name = each.name if each.name in _OF_LANGUAGES.get(each.type, ()) else ""
        if name in _ALL and name not in found:
            tools[f"package {each.name}"] = name
    return sorted(tools.items())


def _setuid(files: Iterable[File]) -> tuple[str, ...]:
    found = (
        each.location.path
        for each in files
        if each.metadata and each.metadata.type == "RegularFile" and _is_setuid(each.metadata.mode)
    )
    return tuple(sorted(found))[:PATHS_LIMIT]


def _programs(files: Iterable[File]) -> list[tuple[str, str]]:
    """List the paths that can be executed with their plain names, `gcc` for `…-linux-gnu-gcc-12`.

    A symbolic link counts as what it leads to.
    """
    known = {each.location.path: each.metadata for each in files if each.metadata}
    links = {path: m.link_destination for path, m in known.items() if m.type == "SymbolicLink"}
    found = []
    for path, metadata in known.items():
        name = _plain_name(path)
        if name not in _ALL or path.startswith(_NOT_PROGRAMS):
            continue
        end = known.get(_resolve(path, links)) if path in links else metadata
        if end is not None and end.type == "RegularFile" and _executable(end.mode):
            found.append((path, name))
    return sorted(found)


_ALL = SHELLS | PACKAGE_MANAGERS | DEBUG_TOOLS | BUILD_TOOLS


def _named(programs: Iterable[tuple[str, str]], names: frozenset[str]) -> tuple[str, ...]:
    return tuple(path for path, name in programs if name in names)[:PATHS_LIMIT]


def _plain_name(path: str) -> str:
    name = path.rpartition("/")[2]
    if name in _ALL:
        return name
    return _VERSION.sub("", _TARGET.sub("", name))


def _executable(mode: int) -> bool:
    return bool(_bits(mode) & 0o111)


def _is_setuid(mode: int) -> bool:
    return bool(_bits(mode) & (_SETUID | _SETGID)) and _executable(mode)


def _bits(mode: int) -> int:
    try:
        return int(str(mode), 8)
    except ValueError:
        return 0


def _resolve(path: str, links: Mapping[str, str]) -> str:
    """Follow symbolic links in any part of a path, within the image and never out of it."""
    done, rest, hops = "/", path.strip("/").split("/"), 0
    while rest:
        part = rest.pop(0)
        here = posixpath.normpath(posixpath.join(done, part))
        target = links.get(here)
        if target is None:
            done = here
            continue
        hops += 1
        if hops > _LINK_HOPS:
            return ""
        done = "/" if target.startswith("/") else done
        rest = [p for p in target.split("/") if p] + rest
    return done


def _configuration(encoded: str) -> _Configuration | None:
    try:
        return msgspec.json.decode(base64.b64decode(encoded), type=_Configuration)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error):
        return None


def _instant(text: str | None) -> datetime | None:
    try:
        moment = msgspec.convert(text, datetime) if text else None
    except msgspec.ValidationError:
        return None
    return moment if moment and moment.tzinfo else None
