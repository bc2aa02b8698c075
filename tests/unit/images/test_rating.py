from __future__ import annotations

import pytest

from bailiwick.policy.images.findings import Rating, Severity
from bailiwick.policy.images.rating import disagreement, severity_that_counts

LOW, HIGH, CRITICAL, UNKNOWN = Severity.LOW, Severity.HIGH, Severity.CRITICAL, Severity.UNKNOWN
NVD = Rating("nvd", CRITICAL)
GITHUB = Rating("github", HIGH)
DEBIAN = Rating("debian", LOW, own=True)


@pytest.mark.parametrize(
    "told, ratings, counts",
    [
        (HIGH, [], HIGH),
        (HIGH, [GITHUB, NVD], CRITICAL),
        (CRITICAL, [GITHUB], CRITICAL),
        (UNKNOWN, [GITHUB], HIGH),
        (CRITICAL, [DEBIAN, NVD], LOW),
        (UNKNOWN, [Rating("debian", UNKNOWN, own=True), NVD], CRITICAL),
        (LOW, [DEBIAN, Rating("ubuntu", HIGH, own=True), NVD], HIGH),
    ],
)
def test_the_highest_rating_counts_unless_the_distribution_rates_its_own_package(
    told: Severity, ratings: list[Rating], counts: Severity
) -> None:
    assert severity_that_counts(told, ratings) is counts


def test_sources_that_agree_are_not_worth_a_word() -> None:
    assert disagreement([NVD, Rating("github", CRITICAL)]) == ()
    assert disagreement([NVD, Rating("github", UNKNOWN)]) == ()
    assert disagreement([GITHUB, NVD]) == (GITHUB, NVD)
