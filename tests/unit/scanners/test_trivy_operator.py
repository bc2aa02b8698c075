"""Which report of Trivy Operator is of an image, and when that cannot be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bailiwick.policy.images.findings import FixState, ScanReport, Severity
from bailiwick.policy.images.references import Reference
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Limits, Order, Place, carry_out
from bailiwick.scanners.trivy_operator import TrivyOperator
from tests.scanners.trivy import Stored, metadata, report, sbom, vulnerability

DIGEST, INDEX, IMAGE_ID, OTHER = ("sha256:" + letter * 64 for letter in "abcd")
IMAGE = Reference("registry.example.com", "shop/cart", "", DIGEST)
DECLARED = "registry.example.com/shop/cart:1.2"
PLACE = Place("shop", "ReplicaSet/web-6d4", "app", (DECLARED,))
WEB = metadata("shop", "ReplicaSet/web-6d4")
MADE = datetime(2026, 11, 23, 10, tzinfo=UTC)
NOW = MADE + timedelta(hours=1)


def having(*bodies: dict[str, Any]) -> Stored:
    stored = Stored()
    for body in bodies:
        stored.put(body)
    return stored


async def scan(stored: Stored, place: Place = PLACE, **order: Any) -> ScanReport:
    limits = Limits(scan_seconds=0.5, poll_default=0.01, poll_least=0.01)
    source = TrivyOperator(stored, limits, clock=lambda: NOW)
    return await carry_out(source, Order(IMAGE, places=(place,), **order))


async def failed(stored: Stored, place: Place = PLACE, **order: Any) -> ScanError:
    with pytest.raises(ScanError) as caught:
        await scan(stored, place, **order)
    return caught.value


# By digest


async def test_a_report_of_the_digest_is_read_whole() -> None:
    second_of = vulnerability(2, fixedVersion="", score=-1)
    stored = having(report(WEB, vulnerability(score=9.8), second_of, digest=DIGEST))
    found = await scan(stored)
    first, second = found.findings
    assert (first.id, first.package, first.version) == ("CVE-2026-0001", "openssl", "3.0.11")
    assert (first.severity, first.fixed_version) == (Severity.HIGH, "3.0.12")
    assert first.purl == "pkg:deb/debian/openssl@3.0.11"
    assert first.advisory.cvss is not None
    assert (first.advisory.cvss.score, first.fix_state) == (9.8, FixState.FIXED)
    assert (second.fixed_version, second.advisory.cvss, second.fix_state) == (None, None, None)
    assert (found.scanner, found.scanner_version) == ("Trivy", "0.65.0")
    assert (found.scanned_at, found.database_built) == (MADE, None)
    assert found.hygiene is not None
    assert found.hygiene.os == "debian 12.4"
    assert found.hygiene.os_end_of_life is None
    assert found.hygiene.shells is None, "Trivy Operator does not tell"


async def test_an_end_of_life_distribution_is_told() -> None:
    old = {"family": "debian", "name": "8.0", "eosl": True}
    found = await scan(having(report(WEB, digest=DIGEST, os=old)))
    assert found.hygiene is not None
    assert found.hygiene.os_end_of_life


async def test_the_digest_of_an_index_that_leads_to_the_image_is_as_good() -> None:
    stored = having(report(WEB, vulnerability(), digest=INDEX))
    assert (await scan(stored, aliases=frozenset({INDEX}))).findings
    assert (await failed(stored)).reason == errors.AMBIGUOUS


async def test_reports_of_other_containers_and_workloads_are_not_looked_at() -> None:
    stored = having(
        report(metadata("shop", "ReplicaSet/web-6d4", "sidecar"), digest=DIGEST),
        report(metadata("shop", "ReplicaSet/other-1"), digest=DIGEST),
        report(metadata("another", "ReplicaSet/web-6d4"), digest=DIGEST),
    )
    error = await failed(stored)
    assert error.reason == errors.PENDING
    assert "no report of registry.example.com/shop/cart" in error.message
    assert "for ReplicaSet/web-6d4 in shop: it may not have come to it yet" in error.message


async def test_the_newest_of_several_reports_counts() -> None:
    old = report(metadata("dev", "Pod/web"), vulnerability(), digest=DIGEST)
    stored = having(old, report(WEB, digest=DIGEST, updated=MADE + timedelta(minutes=5)))
    source = TrivyOperator(stored, Limits(), clock=lambda: NOW)
    places = (Place("dev", "Pod/web", "app"), PLACE)
    found = await carry_out(source, Order(IMAGE, places=places))
    assert (found.findings, found.scanned_at) == ((), MADE + timedelta(minutes=5))


async def test_the_report_of_a_job_may_be_its_cron_job_s() -> None:
    stored = having(report(metadata("shop", "CronJob/nightly"), digest=DIGEST))
    place = replace(PLACE, workload="Job/nightly-29000000")
    assert (await scan(stored, place)).digest == DIGEST


async def test_a_name_too_long_for_a_label_is_known_by_its_owner() -> None:
    name = "w" * 70
    where = metadata("shop", f"ReplicaSet/{name}")
    where["labels"].pop("trivy-operator.resource.name")
    where["ownerReferences"] = [{"kind": "ReplicaSet", "name": name, "controller": True}]
    other = {**where, "ownerReferences": [{"kind": "ReplicaSet", "name": "x" * 70}]}
    place = replace(PLACE, workload=f"ReplicaSet/{name}")
    stored = having(report(where, digest=DIGEST), report(other, vulnerability(), digest=DIGEST))
    assert (await scan(stored, place)).findings == ()


async def test_a_report_of_the_whole_cluster_is_found_by_digest_alone() -> None:
    body = report({"name": "cart", "namespace": "", "labels": {}}, vulnerability(), digest=DIGEST)
    stored = having({**body, "kind": "ClusterVulnerabilityReport"})
    assert (await scan(stored)).findings
    error = await failed(stored, newer_than=MADE)
    assert error.reason == errors.PENDING
    assert stored.deleted == []


async def test_a_clock_that_is_ahead_makes_no_result_look_fresher() -> None:
    ahead = report(WEB, digest=DIGEST, updated=NOW + timedelta(days=1))
    assert (await scan(having(ahead))).scanned_at == NOW


# Without the digest, or with another one in its place


async def test_an_image_id_is_known_by_the_sbom_of_the_same_container() -> None:
    body = report(WEB, vulnerability(), digest=IMAGE_ID, tag="1.2")
    proof = sbom(WEB, image_id=IMAGE_ID, manifest=DIGEST)
    assert (await scan(having(body, proof))).findings


@pytest.mark.parametrize(
    "sboms",
    [
        [],
        [sbom(WEB, image_id=OTHER, manifest=DIGEST)],
        [sbom(WEB, image_id=IMAGE_ID, manifest=OTHER)],
        [
            sbom(
                metadata("shop", "ReplicaSet/web-6d4", "sidecar"),
                image_id=IMAGE_ID,
                manifest=DIGEST,
            )
        ],
        [{**sbom(WEB, image_id=IMAGE_ID, manifest=DIGEST), "report": {"components": []}}],
    ],
)
async def test_another_digest_that_nothing_explains_is_not_taken_for_the_image(
    sboms: list[dict[str, Any]],
) -> None:
    error = await failed(having(report(WEB, digest=IMAGE_ID, tag="1.2"), *sboms))
    assert error.reason == errors.AMBIGUOUS
    assert f"names {IMAGE_ID}, which is neither {DIGEST}" in error.message
    assert "it may be of another image of the same tag" in error.message


async def test_an_empty_digest_is_made_up_for_by_repository_tag_and_workload() -> None:
    assert (await scan(having(report(WEB, vulnerability(), tag="1.2")))).findings


async def test_an_empty_digest_and_an_sbom_of_the_image_are_enough_whatever_the_tag() -> None:
    proof = sbom(WEB, image_id=IMAGE_ID, manifest=DIGEST)
    assert (await scan(having(report(WEB, vulnerability(), tag="latest"), proof))).findings


@pytest.mark.parametrize(
    "changed, place, words",
    [
        ({"tag": "1.1"}, PLACE, "another repository or tag than"),
        ({"tag": "1.2", "repository": "shop/web"}, PLACE, "another repository or tag than"),
        (
            {"tag": "1.2", "registry": {"server": "index.docker.io"}},
            PLACE,
            "another repository or tag than",
        ),
        (
            {"tag": "latest"},
            replace(PLACE, declared=("registry.example.com/shop/cart:latest",)),
            'its tag "latest" may have meant another image',
        ),
        ({"tag": "1.2"}, replace(PLACE, others=True), "runs several images in its container app"),
        (
            {"tag": "1.2"},
            replace(PLACE, declared=(DECLARED, "registry.example.com/shop/cart:1.3")),
            "runs several images in its container app",
        ),
    ],
)
async def test_an_empty_digest_is_said_to_be_ambiguous_where_it_is(
    changed: dict[str, Any], place: Place, words: str
) -> None:
    error = await failed(having(report(WEB, vulnerability(), **changed)), place)
    assert error.reason == errors.AMBIGUOUS
    assert "VulnerabilityReport shop/replicaset-web-6d4-app names no digest" in error.message
    assert words in error.message
    assert not error.scanner_fault


async def test_docker_hub_is_the_same_under_each_of_its_names() -> None:
    image = Reference("docker.io", "library/nginx", "", DIGEST)
    place = replace(PLACE, declared=("nginx:1.27",))
    hub = {"server": "index.docker.io"}
    stored = having(report(WEB, repository="library/nginx", tag="1.27", registry=hub))
    source = TrivyOperator(stored, Limits(), clock=lambda: NOW)
    assert (await carry_out(source, Order(image, places=(place,)))).digest == DIGEST


# Rescans


async def test_a_rescan_deletes_the_report_and_waits_for_a_newer_one() -> None:
    stored = having(report(WEB, vulnerability(), digest=DIGEST))
    stored.renewals = [report(WEB, digest=DIGEST, updated=MADE + timedelta(minutes=1))]
    found = await scan(stored, newer_than=MADE)
    assert stored.deleted == ["shop/replicaset-web-6d4-app"]
    assert (found.findings, found.scanned_at) == ((), MADE + timedelta(minutes=1))


async def test_a_report_that_is_newer_already_is_left_alone() -> None:
    stored = having(report(WEB, digest=DIGEST))
    await scan(stored, newer_than=MADE - timedelta(seconds=1))
    assert stored.deleted == []


@pytest.mark.parametrize(
    "renewals, words",
    [
        ([], "has not replaced the VulnerabilityReport shop/replicaset-web-6d4-app yet"),
        ([report(WEB, digest=DIGEST)], "is not newer than the one it replaced"),
    ],
)
async def test_what_it_waits_for_is_told_when_the_time_is_up(
    renewals: list[dict[str, Any]], words: str
) -> None:
    stored = having(report(WEB, digest=DIGEST))
    stored.renewals = renewals
    error = await failed(stored, newer_than=MADE)
    assert error.reason == errors.TIMED_OUT
    assert words in error.message


# What is no report


@pytest.mark.parametrize(
    "broken",
    [
        {"report": None},
        {"report": {"updateTimestamp": "2026-11-23T10:00:00Z"}},
        {"report": {"updateTimestamp": "now", "vulnerabilities": []}},
        {"report": {"updateTimestamp": "2026-11-23T10:00:00Z", "vulnerabilities": [{}]}},
    ],
)
async def test_what_cannot_be_read_is_no_image_without_findings(broken: dict[str, Any]) -> None:
    body = {**report(WEB, digest=DIGEST), **broken}
    if broken["report"]:
        body["report"] = {"artifact": {"digest": DIGEST}, **broken["report"]}
    error = await failed(having(body))
    assert error.reason == errors.INVALID_ANSWER
    assert "replicaset-web-6d4-app" in error.message


async def test_an_image_that_runs_in_many_places_costs_few_questions() -> None:
    stored = Stored()
    places = tuple(replace(PLACE, namespace=f"team-{n}") for n in range(500))
    source = TrivyOperator(stored, Limits(), clock=lambda: NOW)
    with pytest.raises(ScanError, match=r"in team-0 and 499 more"):
        await carry_out(source, Order(IMAGE, places=places))
    assert stored.looks <= 11
