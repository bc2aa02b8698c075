"""`bailiwick vex`, as it is called."""

from __future__ import annotations

import json

import pytest
import yaml
from click.testing import CliRunner, Result

from bailiwick.cli.vex import vex
from tests.unit.offline.vex.make import document, exception, statement

INTO_SHOP = ("-n", "shop", "--author", "dana", "--for", "30d")


def run(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(vex, [*arguments], input=text)


def test_an_import_writes_manifests_that_can_be_applied() -> None:
    text = document(statement(), statement(vulnerability={"name": "CVE-2026-2"}))
    done = run(text, "import", "-", *INTO_SHOP)
    assert done.exit_code == 0, done.stderr
    names = [each["metadata"]["name"] for each in yaml.safe_load_all(done.stdout)]
    assert [name.rpartition("-")[0][:-9] for name in names] == ["cve-2026-1", "cve-2026-2"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("-n", "shop", "--author", "dana"), "Write either --for or --expires-at"),
        (("--author", "dana", "--for", "30d"), "Write either --namespace or --cluster"),
        ((*INTO_SHOP, "--cluster"), "Write either --namespace or --cluster"),
        ((*INTO_SHOP, "--expires-at", "2027-01-01"), "Write either --for or --expires-at"),
        (("-n", "shop", "--for", "30d"), "--author"),
    ],
)
def test_what_a_document_does_not_say_has_to_be_said(
    arguments: tuple[str, ...], words: str
) -> None:
    done = run(document(), "import", "-", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_document_that_is_none_writes_nothing() -> None:
    done = run(document(statement(products=[{"@id": "the shop"}])), "import", "-", *INTO_SHOP)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "statements[0].products[0]: the shop is not an image" in done.stderr


def test_an_export_reads_what_kubectl_prints_and_says_what_it_leaves_out() -> None:
    head = {"apiVersion": "bailiwick.dev/v1alpha1", "kind": "VulnerabilityException"}
    bodies = [exception("good"), exception("bad", status={"state": "Expired"})]
    text = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [{**head, **body} for body in bodies]}
    )
    done = run(text, "export", "-", "--author", "security@example.com")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == "left out: shop/bad: it is not in force (Expired)\n"
    assert len(json.loads(done.stdout)["statements"]) == 1
    again = run(done.stdout, "import", "-", *INTO_SHOP)
    assert yaml.safe_load(again.stdout)["spec"]["vulnerabilities"] == ["CVE-2026-1"]


def test_an_export_of_nothing_fails() -> None:
    done = run("{}", "export", "-", "--author", "me")
    assert done.exit_code == 2
    assert "there is no exception" in done.stderr
