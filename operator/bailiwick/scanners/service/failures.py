"""What syft and grype say when they fail, as reasons and sentences that people can act on.

The texts are those of syft 1.57 and grype 0.121, each seen; the order matters, since the
programs report what several attempts led to.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError

if TYPE_CHECKING:
    from bailiwick.policy.images.references import Reference

DATABASE_UNUSABLE = "DatabaseUnusable"
NOT_FOUND = errors.IMAGE_NOT_FOUND
REGISTRY_UNREACHABLE = "RegistryUnreachable"
REGISTRY_UNTRUSTED = "RegistryCertificateInvalid"
REGISTRY_REFUSED = "RegistryRefused"
REGISTRY_BUSY = "RegistryBusy"
REGISTRY_FAILED = "RegistryFailed"
CORRUPT = "ImageCorrupt"
NOT_AN_IMAGE = "NotAnImage"
NO_SUCH_PLATFORM = errors.NO_SUCH_PLATFORM
TOO_LARGE = "ImageTooLarge"


@dataclass(frozen=True, slots=True)
class _Known:
    pattern: re.Pattern[str]
    reason: str
    sentence: str
    permanent: bool = False


def _known(pattern: str, reason: str, sentence: str, *, permanent: bool = False) -> _Known:
    return _Known(re.compile(pattern, re.IGNORECASE), reason, sentence, permanent)


_REGISTRY = (
    _known(
        # The library that syft pulls with looks at redirects and token servers itself.
        r"SSRF protection|is a private or link-local address",
        REGISTRY_REFUSED,
        "The registry {registry} sends whoever pulls {image} on to an address that the scanner "
        "never contacts. Use an image from another registry.",
        permanent=True,
    ),
    _known(
        r"MANIFEST_UNKNOWN|NAME_UNKNOWN|unexpected status code 404",
        NOT_FOUND,
        "The registry {registry} does not have {image} (any more). Push it again, or deploy a "
        "digest that the registry has.",
        permanent=True,
    ),
    _known(
        r"UNAUTHORIZED|DENIED:|unexpected status code 40[13]",
        errors.REGISTRY_UNAUTHORIZED,
        "The registry {registry} does not let the scanner pull {image}. Give its pods a pull "
        "secret that may, and let the operator read it (manifests/overlays/pull-secrets), or make "
        "the repository readable without credentials.",
        permanent=True,
    ),
    _known(
        r"BLOB_UNKNOWN",
        CORRUPT,
        "A layer of {image} is missing in the registry. Push the image again.",
        permanent=True,
    ),
    _known(
        r"gzip: invalid|error verifying sha256|unexpected EOF|invalid tar header|zlib: invalid"
        r"|flate: corrupt|does not match expected size",
        CORRUPT,
        "{image} cannot be unpacked: a layer is damaged, or its transfer was cut off. If it stays "
        "so, push the image again.",
    ),
    _known(
        r"unsupported layer media type|unsupported MediaType|could not parse manifest"
        r"|no such media type",
        NOT_AN_IMAGE,
        "{image} is no container image (a chart or an attestation, perhaps), so there is nothing "
        "to scan.",
        permanent=True,
    ),
    _known(
        r"no child with platform",
        NO_SUCH_PLATFORM,
        "The index {image} has no image for the platform of the nodes that run it.",
        permanent=True,
    ),
    _known(
        r"file too large|no space left on device",
        TOO_LARGE,
        "{image} is larger than the scanner has room for. Make the image smaller, or give the "
        "scanner a larger work volume.",
        permanent=True,
    ),
    _known(
        r"unexpected status code (429|503)|TOOMANYREQUESTS",
        REGISTRY_BUSY,
        "The registry {registry} asks for fewer requests, or is overloaded.",
    ),
    _known(
        r"connection refused|no such host|i/o timeout|network is unreachable|no route to host"
        r"|connection reset|context deadline exceeded|server misbehaving",
        REGISTRY_UNREACHABLE,
        "The registry {registry} cannot be reached. Check that it runs, and that a NetworkPolicy "
        "lets the scanner reach it.",
    ),
    _known(
        r"x509:|tls:|server gave HTTP response to HTTPS client",
        REGISTRY_UNTRUSTED,
        "The scanner does not trust the certificate of the registry {registry}, or it has none. "
        "Give the scanner the registry's CA, or list it among those without TLS.",
        permanent=True,
    ),
    _known(
        r"unexpected status code 5\d\d",
        REGISTRY_FAILED,
        "The registry {registry} failed when it was asked for {image}. Look at its log.",
    ),
)
# Go's runtime says so, or crashes inside of itself where it does not expect to be refused memory;
# a program's own fault reads "panic: … [signal SIGSEGV".
_MEMORY = re.compile(
    r"^(?:fatal error: runtime: (?:out of memory|cannot allocate memory)"
    r"|SIGSEGV: segmentation violation$)",
    re.MULTILINE,
)
_DATABASE = re.compile(
    r"matcher returned error|database does not exist|max allowed age|bad db checksum"
    r"|import metadata|not a database|database disk image|failed to load vulnerability db"
    r"|unable to (?:load|open|read).*\bdb\b",
    re.IGNORECASE,
)


def of_syft(code: int, stderr: str, image: Reference) -> ScanError:
    """Say why syft failed; a negative code is the signal that ended it."""
    if code == -signal.SIGKILL or _MEMORY.search(stderr):
        return out_of_memory("syft", image)
    # syft then tries the reference as a model's, whose failure says nothing about an image.
    text = "\n".join(line for line in stderr.splitlines() if "oci-model" not in line)
    for known in _REGISTRY:
        if known.pattern.search(text):
            sentence = known.sentence.format(registry=image.registry, image=image)
            return ScanError(known.reason, sentence, permanent=known.permanent)
    return ScanError(
        errors.FAILED, f"syft could not read {image}: {last_line(text) or 'it gave no reason'}"
    )


def out_of_memory(program: str, image: Reference) -> ScanError:
    """Say that an image takes more memory to scan than one scan may use."""
    return ScanError(
        TOO_LARGE,
        f"{program} used more memory for {image} than a scan may, as happens with very many files "
        "or packages, or with an image made to do so. Make the image smaller, or raise the "
        "scanner's --scan-memory.",
        permanent=True,
    )


def out_of_room(image: Reference, most: int) -> ScanError:
    """Say that an image unpacks to more than one scan may write."""
    return ScanError(
        TOO_LARGE,
        f"{image} unpacks to more than {most // (1024 * 1024)} MiB. Make the image smaller, or "
        "raise the scanner's --scan-bytes and its work volume.",
        permanent=True,
    )


def of_grype(stderr: str) -> ScanError | None:
    """Say why grype failed, or that its answer must not be believed; None where it may be."""
    if _DATABASE.search(stderr):
        return database_unusable(last_line(stderr))
    return None


def database_unusable(why: str) -> ScanError:
    """Say that there is no vulnerability database that can be relied on."""
    return ScanError(
        DATABASE_UNUSABLE,
        f"The scanner's vulnerability database cannot be used ({why or 'no reason given'}). Give "
        "the scanner one by --database-archive or `grype db import`, or let it update it.",
        scanner_fault=True,
    )


def grype_failed(stderr: str, image: Reference) -> ScanError:
    """Say why grype failed, where that has nothing to do with its database."""
    if _MEMORY.search(stderr):
        return out_of_memory("grype", image)
    return ScanError(errors.FAILED, f"grype failed: {last_line(stderr) or 'it gave no reason'}")


def last_line(text: str) -> str:
    """Return the last line that says something, bounded."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
