"""Attestations in a real registry, found and verified by the real scanner."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from bailiwick.policy.images.attestations import Attestations
from tests.images.attestations import (
    BUNDLE,
    DSSE,
    IN_TOTO,
    Json,
    PrivateKey,
    attach_as_referrer,
    attach_by_tag,
    attestation,
    bundle,
    document,
    envelope,
    in_toto,
    p256,
    reasons,
    referrer,
    statement,
    write_public_key,
)
from tests.images.build import DEBIAN_12_FIXED, DEBIAN_12_VULNERABLE, Image, layout_of
from tests.images.registry import HTPASSWD, MANIFEST, TEAM, Registry, running_registry
from tests.images.scanner import Scanner, running_scanner
from tests.scanners.conftest import Scan
from tests.scanners.front import in_front

KEYS: Final[dict[str, PrivateKey]] = {
    "team": p256(),
    "vendor": ed25519.Ed25519PrivateKey.generate(),
    "platform": rsa.generate_private_key(public_exponent=65537, key_size=2048),
}
STRANGER: Final = p256()
BASIC: Final = "Basic " + base64.b64encode(TEAM.encode()).decode()


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanner]:
    """A scanner that was given three keys."""
    home = tmp_path_factory.mktemp("keys")
    options: list[str] = []
    for name, key in KEYS.items():
        options += ["--vex-key-file", str(write_public_key(key, home / f"{name}.pub"))]
    with running_scanner(*options) as running:
        yield running


def vex(vulnerability: str, name: str = "urn:1") -> Json:
    return document(statement(vulnerability), **{"@id": name})


async def found(
    scan: Scan, scanner: Scanner, host: str, repository: str, digest: str, **order: object
) -> Attestations:
    report = await scan(scanner, f"{host}/{repository}", digest, **order)
    assert report.attestations is not None
    return report.attestations


def said(found: Attestations) -> dict[str, str]:
    """The keys by which each vulnerability is spoken of."""
    return {each.vulnerability: each.key.name for each in found.statements}


async def test_both_ways_of_attaching_are_read_with_every_kind_of_key(
    scan: Scan, trusting: Scanner, registry: Registry
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_VULNERABLE), "attested/both")
    bodies = [attestation(key, vex(f"CVE-{name}"), digest) for name, key in KEYS.items()]
    attach_by_tag(registry, "attested/both", digest, bodies[0])
    as_referrers = {bodies[0]: DSSE, bodies[1]: IN_TOTO, bundle(bodies[2]): BUNDLE}
    attach_as_referrer(registry, "attested/both", digest, as_referrers)
    result = await found(scan, trusting, registry.host, "attested/both", digest)
    assert said(result) == {f"CVE-{name}": name for name in KEYS}
    # What is attached in both ways is read once.
    assert (result.trusted, result.ignored, result.problem) == (3, (), "")


async def test_what_cannot_be_relied_on_is_ignored_with_its_reason(
    scan: Scan, trusting: Scanner, registry: Registry
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_VULNERABLE), "attested/doubtful")
    other = "sha256:" + "0" * 64
    good = attestation(KEYS["team"], vex("CVE-1"), digest)
    changed = json.loads(good)
    changed["payload"] = json.loads(envelope(in_toto(vex("CVE-2"), digest)))["payload"]
    attach_by_tag(
        registry,
        "attested/doubtful",
        digest,
        good,
        json.dumps(changed).encode(),
        attestation(STRANGER, vex("CVE-3"), digest),
        envelope(in_toto(vex("CVE-4"), digest)),
        attestation(KEYS["team"], vex("CVE-5"), other),
        b"no JSON",
        b" " * (2 * 1024 * 1024 + 1),
    )
    result = await found(scan, trusting, registry.host, "attested/doubtful", digest)
    assert said(result) == {"CVE-1": "team"}
    assert reasons(result.ignored) == {
        "KeyNotTrusted": 2,
        "Unsigned": 1,
        "OtherSubject": 1,
        "Unreadable": 1,
        "TooLarge": 1,
    }


async def test_without_a_key_nobody_looks(scan: Scan, scanner: Scanner, registry: Registry) -> None:
    digest = registry.push(layout_of(DEBIAN_12_VULNERABLE), "attested/unasked")
    attach_by_tag(registry, "attested/unasked", digest, attestation(STRANGER, vex("CVE-1"), digest))
    report = await scan(scanner, f"{registry.host}/attested/unasked", digest)
    assert report.attestations is None
    asked = [
        line for line in registry.log.read_text().splitlines() if "GET /v2/attested/un" in line
    ]
    assert asked
    assert not [line for line in asked if ".att" in line or "referrers" in line]


async def test_an_image_of_which_nothing_is_attested_says_so(
    scan: Scan, trusting: Scanner, registry: Registry
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_FIXED), "attested/nothing")
    result = await found(scan, trusting, registry.host, "attested/nothing", digest)
    assert result == Attestations()


async def test_the_referrers_api_is_read_in_pages_and_blobs_where_they_are(
    scan: Scan, trusting: Scanner, registry: Registry
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_VULNERABLE), "attested/api")
    subject = {"mediaType": MANIFEST, "digest": digest, "size": 1}
    pages = []
    for number in range(3):
        body = bundle(attestation(KEYS["team"], vex(f"CVE-{number}", f"urn:{number}"), digest))
        manifest = referrer(body, BUNDLE, subject)
        made = registry.put("attested/api", manifest, [b"{}", body])
        kinds = {"mediaType": MANIFEST, "artifactType": BUNDLE}
        pages.append([{**kinds, "digest": made, "size": len(json.dumps(manifest).encode())}])
    # An SBOM refers to the image as well, and is not even fetched.
    other = "sha256:" + "5" * 64
    pages[0].append({"artifactType": "application/spdx+json", "digest": other, "size": 9})
    async with in_front(registry, referrers={digest: pages}, blobs_at=registry.host) as front:
        result = await found(scan, trusting, front.host, "attested/api", digest)
    assert sorted(said(result)) == ["CVE-0", "CVE-1", "CVE-2"]
    assert (result.ignored, result.problem) == ((), "")
    assert not [path for path in front.asked if other in path]


async def test_a_registry_that_asks_who_is_there_is_told(scan: Scan, trusting: Scanner) -> None:
    with running_registry(htpasswd=HTPASSWD) as private:
        digest = private.push(layout_of(DEBIAN_12_FIXED), "shop/cart", credentials=TEAM)
        body = attestation(KEYS["team"], vex("CVE-1"), digest)
        attach_by_tag(private, "shop/cart", digest, body, credentials=TEAM)
        result = await found(scan, trusting, private.host, "shop/cart", digest, authorization=BASIC)
    assert said(result) == {"CVE-1": "team"}


async def test_what_is_attested_of_an_index_holds_for_its_images(
    scan: Scan, trusting: Scanner, registry: Registry
) -> None:
    image = Image(files={"/name": "indexed"}, programs=("/app",), user="1000")
    manifest = registry.push(layout_of(image), "attested/index")
    index = registry.push_index("attested/index", "all", {"linux/amd64": manifest})
    body = attestation(KEYS["team"], vex("CVE-1"), index)
    attach_by_tag(registry, "attested/index", index, body)
    by_index = await found(scan, trusting, registry.host, "attested/index", index)
    assert said(by_index) == {"CVE-1": "team"}
    # Later it is known by its manifest, and the operator says by which index it was run.
    alone = await found(scan, trusting, registry.host, "attested/index", manifest)
    assert said(alone) == {}
    told = await found(
        scan, trusting, registry.host, "attested/index", manifest, aliases=frozenset({index})
    )
    assert said(told) == {"CVE-1": "team"}


async def test_more_than_are_read_excuse_nothing_and_are_counted(
    scan: Scan, trusting: Scanner, registry: Registry
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_FIXED), "attested/many")
    bodies = [attestation(KEYS["team"], vex("CVE-1", f"urn:{n}"), digest) for n in range(103)]
    attach_by_tag(registry, "attested/many", digest, *bodies)
    result = await found(scan, trusting, registry.host, "attested/many", digest)
    assert (result.trusted, reasons(result.ignored)) == (100, {"TooMany": 3})
    assert "More than 100 are attached" in result.problem


@pytest.mark.parametrize("part, words", [("/referrers/", "answered 500"), (".att", "answered 500")])
async def test_a_registry_that_fails_is_told_and_the_scan_is_good(
    scan: Scan, trusting: Scanner, registry: Registry, part: str, words: str
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_VULNERABLE), "attested/failing")
    async with in_front(registry, fails=(part,)) as front:
        report = await scan(trusting, f"{front.host}/attested/failing", digest)
    assert report.findings
    assert report.attestations is not None
    assert words in report.attestations.problem


@pytest.mark.parametrize("elsewhere", ["169.254.169.254", "metadata.google.internal", "u:p@x"])
async def test_a_blob_is_not_fetched_from_where_nobody_goes(
    scan: Scan, trusting: Scanner, registry: Registry, elsewhere: str
) -> None:
    image = Image(files={"/name": elsewhere}, programs=("/app",), user="1000")
    digest = registry.push(layout_of(image), "attested/elsewhere")
    await found(scan, trusting, registry.host, "attested/elsewhere", digest)
    body = attestation(KEYS["team"], vex("CVE-1"), digest)
    attach_by_tag(registry, "attested/elsewhere", digest, body)
    # The scanner has the image's contents already, so that only the attestation is fetched.
    async with in_front(registry, blobs_at=elsewhere) as front:
        result = await found(scan, trusting, front.host, "attested/elsewhere", digest)
    assert said(result) == {}
    assert "which is not contacted" in result.problem


async def test_another_key_in_a_file_counts_with_the_next_scan(
    scan: Scan, registry: Registry, tmp_path: Path
) -> None:
    image = Image(files={"/name": "rotated"}, programs=("/app",), user="1000")
    digest = registry.push(layout_of(image), "attested/rotated")
    attach_by_tag(
        registry, "attested/rotated", digest, attestation(KEYS["team"], vex("CVE-1"), digest)
    )
    file = write_public_key(KEYS["team"], tmp_path / "team.pub")
    with running_scanner("--vex-key-file", str(file)) as scanner:
        where = (scan, scanner, registry.host, "attested/rotated", digest)
        assert said(await found(*where)) == {"CVE-1": "team"}
        write_public_key(STRANGER, file)
        assert reasons((await found(*where)).ignored) == {"KeyNotTrusted": 1}
        file.write_text("no key")
        assert "cannot be used" in (await found(*where)).problem


def test_a_key_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "team.pub"
    file.write_text("no key")
    (tmp_path / "token").write_text("t")
    command = [sys.executable, "-m", "bailiwick.cli.main", "scanner", "--database", str(tmp_path)]
    command += ["--token-file", str(tmp_path / "token"), "--vex-key-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "team.pub is not a public key in PEM form" in done.stderr
