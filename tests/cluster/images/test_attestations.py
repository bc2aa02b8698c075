"""From an attestation in a registry to the status of a namespace whose profile trusts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.images.conftest import OperatorFactory, declare_profile
from tests.cluster.images.shop import (
    WITHIN,
    Shop,
    container,
    until_scan,
    until_scanned,
)
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.images.attestations import (
    attach_by_tag,
    attestation,
    document,
    envelope,
    in_toto,
    p256,
    statement,
    write_public_key,
)
from tests.images.build import DEBIAN_12_VULNERABLE, layout_of
from tests.images.registry import Registry
from tests.images.scanner import Scanner, running_scanner

TEAM, STRANGER = p256(), p256()
OPENSSL, GLIBC = "CVE-2023-5363", "CVE-2023-4911"
"""What is past its deadline in the vulnerable image."""
VULNERABILITIES: Final = "images-vulnerabilities"


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanner]:
    """One that was given the team's key."""
    key = write_public_key(TEAM, tmp_path_factory.mktemp("keys") / "security-team.pub")
    with running_scanner("--vex-key-file", str(key)) as running:
        yield running


@pytest.fixture(scope="module")
def operator(start: OperatorFactory, scanner: Scanner) -> OperatorProcess:
    return start(scanner)


Profiled = Callable[..., Shop]


@pytest.fixture
def shop_of(
    installed: ControlPlane,
    namespace: NamespaceFactory,
    registry: Registry,
    operator: OperatorProcess,  # noqa: ARG001  # it has to run
) -> Profiled:
    """Makes namespaces whose profile trusts attestations, or not: shop_of("Trusted")."""

    def make(attestations: str, **intent: object) -> Shop:
        terms = {
            "registries": [f"{registry.host}/*"],
            "remediateWithin": {"knownExploited": "1s", "high": "1s"},
            "exceptions": {"attestations": attestations},
        }
        profile = declare_profile(installed, terms, f"attesting-{attestations.lower()}")
        made = Shop(installed.api, namespace("shop"))
        made.declare({"profile": profile, **intent})
        return made

    return make


def until_overdue(team: Shop, number: int) -> Json:
    def told() -> Json:
        found = team.status()
        assert found.get("overdue") == number, found.get("images")
        return found

    return eventually(told, WITHIN)


def until_attested(operator: OperatorProcess, number: int) -> None:
    def told() -> None:
        assert operator.metric("bailiwick_vulnerabilities", standing="attested") == number

    eventually(told, WITHIN)


def control(status: Json) -> Json:
    (found,) = (c for c in status["controls"] if c["id"] == VULNERABILITIES)
    report: Json = found
    return report


def test_what_a_trusted_key_attests_is_skipped_where_the_profile_trusts_it(
    shop_of: Profiled, registry: Registry, operator: OperatorProcess, installed: ControlPlane
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_VULNERABLE), "shop/attested")
    statements = [
        statement(OPENSSL, products=[{"@id": "pkg:deb/debian/libssl3"}]),
        statement(GLIBC, "under_investigation"),
    ]
    attach_by_tag(
        registry,
        "shop/attested",
        digest,
        attestation(TEAM, document(*statements), digest),
        attestation(STRANGER, document(statement(GLIBC)), digest),
        envelope(in_toto(document(statement(GLIBC)), digest)),
    )
    trusting, strict, own = (
        shop_of("Trusted"),
        shop_of("Ignored"),
        shop_of("Trusted", images={"exceptions": {"attestations": "Ignored"}}),
    )
    for team in (trusting, strict, own):
        team.run("cart", container(f"{registry.host}/shop/attested@{digest}"))

    # What is under investigation counts, and what nobody signed, or somebody else, says nothing.
    status = until_overdue(trusting, 1)
    assert (status["images"]["attested"], status["images"]["excepted"]) == (1, 0)
    named = {w["vulnerability"]: w.get("attestedBy") for w in status["images"]["worst"]}
    assert named[OPENSSL] == ["security-team"]
    assert named[GLIBC] is None
    assert control(status)["result"] == "fail"
    # Only who opted in is excused, and an intent may opt out again.
    assert until_overdue(strict, 2)["images"]["attested"] == 0
    assert until_overdue(own, 2)["images"]["attested"] == 0
    until_attested(operator, 1)

    told = until_scan(installed.api, digest, lambda s: "attestations" in s)["attestations"]
    assert (told["trusted"], told["notAffected"], told["underInvestigation"]) == (1, 1, 1)
    assert [(k["name"], k["statements"]) for k in told["keys"]] == [("security-team", 2)]
    assert {each["reason"]: each["count"] for each in told["ignored"]} == {
        "KeyNotTrusted": 1,
        "Unsigned": 1,
    }
    assert "--vex-key-file" in told["ignored"][0]["message"]

    # A later statement takes the place of the earlier, once the image is scanned again.
    later = document(statement(GLIBC), **{"@id": "urn:later", "timestamp": "2026-11-22T10:00:00Z"})
    attach_by_tag(
        registry,
        "shop/attested",
        digest,
        attestation(TEAM, document(*statements), digest),
        attestation(TEAM, later, digest),
    )
    trusting.rescan("again")
    status = until_overdue(trusting, 0)
    assert control(status)["result"] == "skip"
    assert "excepted by attestation by security-team" in control(status)["message"]
    assert status["images"]["clean"] == 1

    # It is evidence of the scan: what is gone from the registry counts again after the next.
    attach_by_tag(registry, "shop/attested", digest, attestation(STRANGER, later, digest))
    trusting.rescan("once-more")
    until_overdue(trusting, 2)


def test_an_intent_cannot_trust_what_its_profile_does_not(shop_of: Profiled) -> None:
    team = shop_of("Ignored", images={"exceptions": {"attestations": "Trusted"}})
    refused = team.until("Ready", "False", "LooseningRefused")
    assert "spec.images.exceptions.attestations" in refused["message"]


def test_what_is_attested_is_kept_with_the_findings_over_a_restart(
    shop_of: Profiled, registry: Registry, operator: OperatorProcess, installed: ControlPlane
) -> None:
    # Not the image of the other test: what is attested is read where the image is scanned.
    built = replace(DEBIAN_12_VULNERABLE, files={"/name": "restarted"})
    digest = registry.push(layout_of(built), "shop/restarted")
    signed = attestation(TEAM, document(statement(OPENSSL), statement(GLIBC)), digest)
    attach_by_tag(registry, "shop/restarted", digest, signed)
    image = container(f"{registry.host}/shop/restarted@{digest}")
    team = shop_of("Trusted")
    team.run("cart", image)
    until_overdue(team, 0)
    scanned = until_scanned(installed.api, digest)["scannedAt"]
    operator.stop()
    operator.start_again()
    operator.wait_ready()
    # A namespace that is new to this process is judged by what was kept.
    other = shop_of("Trusted")
    other.run("cart", image)
    status = until_overdue(other, 0)
    assert status["images"]["attested"] == 2
    assert until_scanned(installed.api, digest)["scannedAt"] == scanned
