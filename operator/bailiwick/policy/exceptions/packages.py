"""Packages and ranges of their versions: package URLs and version ranges of the scheme vers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from packageurl import PackageURL

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import Finding

# These compare versions of whatever kind; the other schemes are those of one kind of package each.
_OF_ANY_KIND = frozenset({"datetime", "generic", "intdot", "lexicographic"})
# Ranges of these would be no limit, or nothing at all.
_NO_RANGE = frozenset({"all", "none"})


class InvalidScope(ValueError):
    """A package or range that cannot be understood; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Versions:
    """A range of versions of one kind of package, in its canonical spelling."""

    scheme: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Versions:
        """Read `vers:deb/<3.0.11-1~deb12u2`; raises InvalidScope."""
        scheme = text.removeprefix("vers:").partition("/")[0]
        if scheme in _NO_RANGE:
            raise InvalidScope(f'"{text}": leave versions out for all of them')
        try:
            found = _range(text)
            # Only when it is used does the library see that constraints contradict each other.
            for each in found.constraints:
                each.version in found  # noqa: B015  # it raises
        except Exception as error:  # the library raises many kinds, Exception itself among them
            raise InvalidScope(
                f'"{text[:200]}" is not a range of versions ({str(error)[:200]}): write it as '
                "vers:deb/>=3.0|<3.0.11"
            ) from error
        return cls(scheme, text)

    def contain(self, version: str, package_type: str) -> bool:
        """Say whether a version is in the range; one that cannot be compared is not.

        `package_type` is the type of the package's URL, empty where that is not known.
        """
        if package_type and self.scheme not in _OF_ANY_KIND and self.scheme != package_type:
            return False
        try:
            found = _range(self.text)
            return bool(version) and found.version_class(version) in found
        except Exception:  # what cannot be compared is not covered
            return False


@dataclass(frozen=True, slots=True)
class Package:
    """A package by its `name` or its URL, the other of which is empty, in all or some versions."""

    name: str = ""
    purl: PackageURL | None = None
    versions: Versions | None = None

    @classmethod
    def parse_purl(cls, text: str, versions: Versions | None = None) -> Package:
        """Read a package URL; raises InvalidScope."""
        try:
            return cls(purl=PackageURL.from_string(text), versions=versions)
        except ValueError as error:
            raise InvalidScope(
                f'"{text[:200]}" is not a package URL ({str(error)[:200]}): write it as '
                "pkg:deb/debian/openssl"
            ) from error

    def has(self, finding: Finding) -> bool:
        """Say whether a finding is in this package; without a URL it is in none that has one."""
        found = _purl(finding.purl)
        if self.purl is None:
            if finding.package != self.name:
                return False
        elif found is None or not _same(self.purl, found):
            return False
        if self.versions is None:
            return True
        return self.versions.contain(finding.version, found.type if found else "")


def _same(wanted: PackageURL, found: PackageURL) -> bool:
    names = (wanted.type, wanted.namespace, wanted.name)
    if names != (found.type, found.namespace, found.name):
        return False
    if wanted.version and wanted.version != found.version:
        return False
    if wanted.subpath and wanted.subpath != found.subpath:
        return False
    return all(found.qualifiers.get(key) == value for key, value in wanted.qualifiers.items())


@lru_cache(maxsize=4096)
def _purl(text: str) -> PackageURL | None:
    try:
        return PackageURL.from_string(text) if text else None
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _range(text: str) -> Any:
    # Imported where it is needed: it takes 12 MB, and most clusters name no range at all.
    from univers.version_range import VersionRange

    return VersionRange.from_string(text)  # type: ignore[no-untyped-call]  # it has no annotations
