"""`bailiwick diff`, as it is called."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bailiwick.cli.diff import diff
from tests.unit.offline.make import from_to, intent, policy, profile, service, workload

BASE = profile() + workload("web") + workload("api") + workload("db")
OLD = BASE + intent(from_to("web", "api", "80"), from_to("api", "db", "5432"))
NEW = BASE + intent(from_to("web", "api", "80, 8443"), from_to("web", "db", "5432"))


def run(directory: Path, old: str, new: str, *options: str) -> Result:
    (directory / "old.yaml").write_text(old)
    (directory / "new.yaml").write_text(new)
    paths = [str(directory / "old.yaml"), str(directory / "new.yaml")]
    return CliRunner().invoke(diff, [*paths, *options])


def test_edges_are_added_removed_and_changed(tmp_path: Path) -> None:
    done = run(tmp_path, OLD, NEW)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "CHANGE   FROM      TO        PORTS",
        "added    shop/web  shop/db   5432",
        "removed  shop/api  shop/db   5432",
        "changed  shop/web  shop/api  80 → 80, 8443",
        "",
        "1 added, 1 removed, 1 changed.",
    ]


def test_markdown_is_fit_for_a_comment(tmp_path: Path) -> None:
    assert run(tmp_path, OLD, NEW, "-o", "markdown").stdout.splitlines() == [
        "### Connectivity: 1 added, 1 removed, 1 changed",
        "",
        "| CHANGE | FROM | TO | PORTS |",
        "| --- | --- | --- | --- |",
        "| added | shop/web | shop/db | 5432 |",
        "| removed | shop/api | shop/db | 5432 |",
        "| changed | shop/web | shop/api | 80 → 80, 8443 |",
    ]


def test_the_data_has_every_edge_by_itself(tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, OLD, NEW, "-o", "json").stdout)
    assert {
        "change": "changed",
        "from": {"namespace": "shop", "name": "web", "kind": "Deployment"},
        "to": {"namespace": "shop", "name": "api", "kind": "Deployment"},
        "before": "80",
        "after": "80, 8443",
    } in found["edges"]
    assert found["newFindings"] == []


@pytest.mark.parametrize("options, code", [((), 0), (("--exit-code",), 1)])
def test_the_exit_code_tells_of_a_difference_where_that_is_asked(
    options: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    assert run(tmp_path, OLD, NEW, *options).exit_code == code
    assert run(tmp_path, OLD, OLD, *options).exit_code == 0


def test_nothing_that_changes_is_told_as_that(tmp_path: Path) -> None:
    other = BASE.replace("{}", "{network: {internet: Declared}}")
    text = intent(from_to("web", "api", "80"), from_to("api", "db", "5432"))
    assert run(tmp_path, OLD, other + text).stdout == "No change in who can reach whom.\n"


def test_a_workload_that_comes_brings_its_edges(tmp_path: Path) -> None:
    lines = run(tmp_path, workload("a"), workload("a") + workload("b")).stdout.splitlines()
    assert lines[1:] == [
        "added   shop/a, anywhere outside  shop/b                    all",
        "added   shop/b                    shop/a, anywhere outside  all",
        "",
        "4 added.",
    ]


def test_addresses_outside_are_compared_range_by_range(tmp_path: Path) -> None:
    def given(cidr: str) -> str:
        spec = f"podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]"
        closed = policy("out", "podSelector: {}, policyTypes: [Egress]")
        return workload("a") + policy("in", spec) + closed

    lines = run(tmp_path, given("10.0.0.0/8"), given("10.0.0.0/7")).stdout.splitlines()
    assert lines[1:2] == ["added   11.0.0.0/8  shop/a  all"]


def test_what_an_ingress_opens_is_compared(tmp_path: Path) -> None:
    ingress = (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a, namespace: shop}\n"
        "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n"
    )
    given = workload("web") + service("web", 80)
    done = run(tmp_path, given, given + ingress)
    assert done.stdout.splitlines()[1:2] == ["added   the ingress controller  shop/web  80"]


def test_findings_that_are_new_are_told(tmp_path: Path) -> None:
    bad = BASE + intent(
        from_to("web", "api", "80"), from_to("api", "db", "5432"), "name: x, to: {fqdn: a.b}"
    )
    assert "error NotEnforceable" in run(tmp_path, OLD, bad).stdout
    assert "NotEnforceable" not in run(tmp_path, bad, bad).stdout


def test_two_are_needed() -> None:
    assert CliRunner().invoke(diff, ["only-one"]).exit_code == 2


class Repository:
    """A Git repository with a directory of manifests."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", self.root, *who, *arguments], check=True, capture_output=True)

    def commit(self, **files: str) -> None:
        for name, text in files.items():
            path = self.root / "app" / f"{name}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path)


def test_revisions_of_git_are_compared(repository: Repository) -> None:
    repository.commit(all=OLD)
    repository.git("switch", "-q", "-c", "feature")
    repository.commit(all=NEW)
    done = CliRunner().invoke(diff, ["--git", "main..feature", "app"])
    assert done.stdout.splitlines()[-1] == "1 added, 1 removed, 1 changed."
    assert CliRunner().invoke(diff, ["--git", "main..", "app"]).stdout == done.stdout


def test_three_dots_begin_where_the_two_parted(repository: Repository) -> None:
    repository.commit(all=OLD)
    repository.git("branch", "feature")
    repository.commit(all=NEW)
    done = CliRunner().invoke(diff, ["--git", "main...feature", "app"])
    assert done.stdout == "No change in who can reach whom.\n"


def test_what_cannot_be_read_is_told_with_its_revision(repository: Repository) -> None:
    repository.commit(all=OLD)
    repository.commit(all="a: [")
    done = CliRunner().invoke(diff, ["--git", "HEAD~1..HEAD", "app"])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: HEAD:app/all.yaml:2: ")


def test_a_directory_that_one_revision_does_not_have_is_empty_there(
    repository: Repository,
) -> None:
    repository.git("commit", "-q", "--allow-empty", "-m", "nothing")
    repository.commit(all=OLD)
    done = CliRunner().invoke(diff, ["--git", "HEAD~1..HEAD", "app"])
    assert done.stdout.splitlines()[-1] == "2 added."


def test_a_finding_of_both_revisions_is_not_new(repository: Repository) -> None:
    repository.commit(one=OLD, two=OLD)
    repository.commit(readme="kind: Readme\n")
    done = CliRunner().invoke(diff, ["--git", "HEAD~1..HEAD", "app"])
    assert done.stdout == "No change in who can reach whom.\n"


@pytest.mark.parametrize("span", ["nowhere..HEAD", "HEAD", "--help..HEAD"])
def test_revisions_that_are_not_there_are_told(span: str, repository: Repository) -> None:
    repository.commit(all=OLD)
    done = CliRunner().invoke(diff, ["--git", span, "app"])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
