"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.evidence.server import PostgresqlServer, running_postgresql

# How long an example takes says how busy the machine is, not whether the property holds.
settings.register_profile("bailiwick", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For a change of what the properties are about: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("thorough", settings.get_profile("bailiwick"), max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "bailiwick"))


def pytest_configure() -> None:
    """Refuse a cluster that somebody named: these tests stop API servers and take rights away."""
    if os.environ.get("BAILIWICK_KUBECONFIG"):
        raise pytest.UsageError(
            "The tests stop API servers, take rights away and read the audit log: they run on "
            "control planes of their own only. Leave KUBECONFIG out."
        )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """One PostgreSQL for all tests; each has a database of its own in it."""
    with running_postgresql() as running:
        yield running
