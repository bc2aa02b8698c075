"""The programs of the scanner, as the test control plane builds and keeps them."""

from __future__ import annotations

from pathlib import Path

from tests.controlplane import binaries


def syft() -> Path:
    """Return the syft program; the first time on a machine it is built, in about 3 minutes."""
    return binaries.program("syft")


def grype() -> Path:
    """Return the grype program; likewise."""
    return binaries.program("grype")
