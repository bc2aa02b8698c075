"""What to mend first, with a list of known exploited vulnerabilities that the platform mirrors."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cluster.images.conftest import OperatorFactory, ShopFactory
from tests.cluster.images.shop import WITHIN, container, push, until_scan
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.images.build import DEBIAN_12_VULNERABLE
from tests.images.registry import Registry
from tests.images.scanner import Scanner

OPENSSL = "CVE-2023-5363"


def said(*arguments: str) -> str:
    """What a command says, run with its own process."""
    command = [sys.executable, "-m", "bailiwick.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_list(file: Path, *cves: str, released: datetime | None = None) -> None:
    entries = [{"cveID": cve, "dateAdded": "2026-01-01", "dueDate": "2026-01-22"} for cve in cves]
    stamp = (released or datetime.now(UTC)).isoformat()
    file.write_text(json.dumps({"dateReleased": stamp, "vulnerabilities": entries}))


def test_a_mirrored_list_makes_a_finding_known_exploited_and_its_age_is_evidence(
    start: OperatorFactory,
    scanner: Scanner,
    registry: Registry,
    shop: ShopFactory,
    control_plane: ControlPlane,
    tmp_path: Path,
) -> None:
    known, epss = tmp_path / "known.json", tmp_path / "epss.csv"
    write_list(known, "CVE-2020-1000")
    epss.write_text(
        f"#score_date:{datetime.now(UTC):%Y-%m-%d}T00:00:00+0000\ncve,epss,percentile\n"
        f"{OPENSSL},0.21,0.95\n"
    )
    operator = start(scanner, f"--known-exploited={known}", f"--epss={epss}", "--list-poll=1s")
    team = shop(images={"remediateWithin": {"knownExploited": "3d", "high": "30d"}})
    image = push(registry, "shop/priorities", DEBIAN_12_VULNERABLE)
    digest = image.partition("@")[2]
    team.run("cart", container(image))

    def worst() -> dict[str, Json]:
        found = {each["vulnerability"]: each for each in team.images().get("worst", ())}
        assert OPENSSL in found, team.images()
        return found

    def with_a_score() -> None:
        assert worst()[OPENSSL]["epss"]["score"] == "0.21000"
        assert worst()[OPENSSL]["knownExploited"] is False

    eventually(with_a_score, WITHIN)
    # The scanner's own list knows another one, which the platform's list does not undo.
    assert worst()["CVE-2023-4911"]["knownExploited"] is True

    write_list(known, OPENSSL)

    def exploited() -> None:
        found = worst()[OPENSSL]
        assert found["knownExploited"] is True
        assert found["exploitation"] == {"added": "2026-01-01", "due": "2026-01-22"}
        within = timedelta(days=3)
        assert _instant(found["dueBy"]) - _instant(found["firstSeen"]) == within

    eventually(exploited, WITHIN)

    def is_told() -> None:
        notes = [each["note"] for each in team.events("KnownExploited")]
        told = "1 more vulnerability known to be exploited, 2 in all"
        assert [note.startswith(told) for note in notes].count(True) == 1, notes

    eventually(is_told, WITHIN)
    until_scan(
        control_plane.api,
        digest,
        lambda status: (
            {e["vulnerability"] for e in status["worst"] if e["knownExploited"]}
            == {OPENSSL, "CVE-2023-4911"}
        ),
    )
    team.until("EvidenceFresh", "True", within=WITHIN)

    asked = ("-n", team.name, f"--kubeconfig={control_plane.admin.kubeconfig}")
    table = said("images", *asked)
    assert "1 image: " in table
    assert OPENSSL in table
    everything = said("image", digest, *asked)
    assert "exploited" in everything
    assert "/bin/bash" in everything
    found = json.loads(said("images", "-o", "json", *asked))
    assert found["knownExploited"] == 2

    write_list(known, OPENSSL, released=datetime.now(UTC) - timedelta(days=15))
    condition = team.until("EvidenceFresh", "False", "ListsStale", within=WITHIN)
    assert str(known) in condition["message"]
    operator.stop()


def test_a_scan_that_fails_is_told_by_an_event_on_its_image_scan(
    start: OperatorFactory,
    scanner: Scanner,
    registry: Registry,
    shop: ShopFactory,
    control_plane: ControlPlane,
) -> None:
    operator = start(scanner)
    digest = "sha256:" + "0f" * 32
    shop().run("gone", container(f"{registry.host}/shop/gone@{digest}"))

    def is_told() -> None:
        # Events on what has no namespace are in this one.
        found = control_plane.api.get("/apis/events.k8s.io/v1/namespaces/default/events")
        told = [
            each["regarding"]["name"]
            for each in found["items"]
            if each["reason"] == "ScanFailed" and each["regarding"]["kind"] == "ImageScan"
        ]
        assert digest.replace(":", "-") in told

    eventually(is_told, WITHIN)
    operator.stop()


def _instant(text: object) -> datetime:
    return datetime.fromisoformat(str(text))
