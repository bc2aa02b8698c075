"""Facts from syft's list of files and packages."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.scanners.service.hygiene import (
    File,
    FileMetadata,
    Location,
    Package,
    Sbom,
    Source,
    SourceOf,
    facts,
)


def file(path: str, mode: int = 755, **more: Any) -> File:
    return File(Location(path), FileMetadata(mode, "RegularFile", **more))


def sbom(*files: File, packages: tuple[Package, ...] = ()) -> Sbom:
    return Sbom(SourceOf(Source()), files, packages)


@pytest.mark.parametrize(
    "package, kind, told",
    [
        ("bash", "deb", "shells"),
        ("apk-tools", "apk", "package_managers"),
        ("curl", "rpm", "debug_tools"),
        ("netcat-openbsd", "deb", "debug_tools"),
        ("gcc-12", "deb", "build_tools"),
        ("pip", "python", "package_managers"),
        ("npm", "npm", "package_managers"),
    ],
)
def test_a_package_without_its_program_counts_and_is_told_as_a_package(
    package: str, kind: str, told: str
) -> None:
    found = facts(sbom(packages=(Package(package, kind),)))
    assert getattr(found, told) == (f"package {package}",)


def test_a_package_whose_program_is_there_is_told_once() -> None:
    found = facts(sbom(file("/usr/bin/curl"), packages=(Package("curl", "deb"),)))
    assert found.debug_tools == ("/usr/bin/curl",)


@pytest.mark.parametrize("name, kind", [("make", "npm"), ("go", "python"), ("sh", "gem")])
def test_a_library_that_has_the_name_of_a_tool_is_none(name: str, kind: str) -> None:
    found = facts(sbom(packages=(Package(name, kind),)))
    assert (found.shells, found.build_tools) == ((), ())


def test_programs_that_run_as_their_owner_are_told() -> None:
    found = facts(
        sbom(
            file("/usr/bin/su", 40000755),
            file("/usr/bin/wall", 20000755),
            file("/usr/bin/app", 755),
            file("/srv/shared", 40000644),
        )
    )
    assert found.setuid == ("/usr/bin/su", "/usr/bin/wall")
