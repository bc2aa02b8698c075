"""`make demo`, run once as a newcomer would, with KEEP=1; and on a cluster that somebody named."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from xml.etree import ElementTree

import pytest

from bailiwick.policy.controls.catalogue import CATALOGUE
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.demo.picture import picture
from tests.demo.screen import WIDTH

ROOT: Final = Path(__file__).parents[2]
WITHIN: Final = 400.0  # seconds; it takes half a minute where nothing else runs
CHOICES: Final = ("KEEP", "BAILIWICK_KUBECONFIG", "BAILIWICK_CONTEXT")

pytestmark = pytest.mark.timeout(600)


class Demo:
    """`python -m tests.demo` as make starts it, and what it has shown so far."""

    def __init__(self, **choices: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in CHOICES}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.demo"],
            cwd=ROOT,
            env=kept | choices,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Where the tests run in the background, their children would not hear of Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.interrupt()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        """All that was shown, its wrapped lines joined."""
        return " ".join(" ".join(self.lines).split())

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def until(self, text: str) -> None:
        """Wait until it shows this."""
        deadline = time.monotonic() + WITHIN
        while text not in self.text:
            assert self._process.poll() is None, f"it ended early:\n{chr(10).join(self.lines)}"
            assert time.monotonic() < deadline, f"no {text!r} in:\n{chr(10).join(self.lines)}"
            time.sleep(0.2)

    def part(self, heading: str) -> list[str]:
        """The lines below a heading, up to the next one."""
        starts = [i for i, line in enumerate(self.lines) if re.match(r"\d+\. ", line)]
        (first,) = [i for i in starts if heading in self.lines[i]]
        return self.lines[first + 1 : next((i for i in starts if i > first), None)]

    def ended(self) -> int:
        """Wait for its end, and return its exit code."""
        code = self._process.wait(WITHIN)
        self._reader.join()
        return code

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.ended()


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """A demo that has told its story, and is kept."""
    with Demo(KEEP="1") as running:
        running.until("Everything runs until Ctrl-C")
        yield running


def joined(lines: list[str]) -> str:
    """Lines as one, so that it does not matter where they were wrapped."""
    return " ".join(" ".join(lines).split())


def test_the_table_answers_at_a_glance(demo: Demo) -> None:
    part = demo.part("Each team says what its namespace is meant to do")
    head = next(i for i, line in enumerate(part) if "NAMESPACE" in line)
    rows = {line.split()[0]: line.split()[1:7] for line in part[head + 1 : head + 6]}
    assert rows == {
        "broken": ["default", "restricted", "Enforce", "False", "False", "5"],
        "legacy": ["default", "restricted", "Audit", "True", "False", "3"],
        "payments": ["default", "restricted", "Enforce", "True", "True", "0"],
        "preview": ["default", "restricted", "Audit", "True", "False", "2"],
        "shop": ["default", "restricted", "Enforce", "True", "False", "1"],
    }


def test_every_image_is_scanned_but_the_one_of_a_registry_that_is_not_listed(demo: Demo) -> None:
    part = joined(demo.part("Each team says what its namespace is meant to do"))
    assert "15 images scanned, 1 not" in part
    broken = joined(demo.part("What namespace broken is told"))
    assert "The profile does not list docker.io/library/worker in images.registries" in broken


def test_each_thing_that_cannot_be_had_is_told_with_its_place_and_what_to_write(
    demo: Demo,
) -> None:
    told = joined(demo.part("What namespace broken is told"))
    for text in (
        "spec.network.allow[worker-to-office].to 198.51.100.0/24 is not inside a range",
        "those are: 203.0.113.0/24",
        "rule worker-to-partner",
        "name the addresses as a cidr",
        "rule worker-to-queue: there is no Service broken/queue: correct the name, or create it",
    ):
        assert text in told
    assert "gateway" not in told  # an allowance for pods that this namespace does not have


def test_what_somebody_changed_by_hand_is_repaired(demo: Demo) -> None:
    told = joined(demo.part("Somebody opens the shop"))
    assert re.search(r"isolated again \d+ ms after the edit", told)
    assert re.search(r"made again \d+ ms after it was deleted", told)
    # Both may be told by one Event: repairs of the same second are.
    assert re.search(
        r"NetworkPolic(y|ies) changed or deleted by somebody else, and put right", told
    )


def test_what_is_possible_is_told_with_who_causes_it_on_both_sides(demo: Demo) -> None:
    told = joined(demo.part("What is possible, given every policy"))
    edges = re.search(r"declares (\d+) edges, and (\d+) are possible", told)
    assert edges
    assert edges[1] == edges[2]
    after = re.search(r"the status names it, (\d+) edges are possible", told)
    assert after
    assert int(after[1]) > int(edges[2])
    assert "NetworkPolicy shop/debug-redis opens what the intent does not declare" in told
    assert "To be mended by the owner of namespace shop" in told
    assert "the finding is gone" in told
    assert "rule billing-to-payments opens this side only" in told
    assert "legacy/billing asks to reach api on 50051" in told
    assert "from: {namespace: legacy, workload: {matchLabels: {app: billing}}}" in told


def test_a_rescan_ends_and_finds_what_the_newer_database_knows(demo: Demo) -> None:
    part = demo.part("asks for a rescan")
    assert re.search(r"known-exploited-\w+ +True +11 +11 ", joined(part))
    head = next(i for i, line in enumerate(part) if "VULNERABILITY" in line)
    first = part[head + 1]
    assert first.split()[:3] == ["CVE-2023-4911", "High,", "exploited"]
    assert "shop/redis-cart" in first
    before = joined(demo.lines).partition("turns out to be exploited")[0]
    assert not before.count("CVE-2023-4911 High")


def test_an_exception_is_approved_by_somebody_else_and_ends(demo: Demo) -> None:
    part = demo.part("is tolerated for")
    assert "approved" in [line.strip() for line in part]
    *_, last = (line.split() for line in part if line.split()[:1] == ["glibc"])
    assert last[1:6] == ["affected", "Expired", "False", "1", "1"]
    assert last[7] == "noor"


def test_a_rebuilt_image_replaces_the_old_one_and_what_stays_keeps_its_age(demo: Demo) -> None:
    before, _, after = joined(demo.part("is rebuilt with one package mended")).partition("After:")
    assert "CVE-2023-4911 High, exploited" in before
    assert "CVE-2023-4911 High" not in after
    seen = re.compile(r"CVE-2023-5363 High (\S+) (\S+)")
    kept, was = seen.search(after), seen.search(before)
    assert kept
    assert was
    assert kept.groups() == was.groups()


def test_the_auditor_sees_every_control_with_its_reason_time_and_evidence(demo: Demo) -> None:
    part = demo.part("What the auditor sees")
    for control in CATALOGUE:
        (line,) = [each for each in part if re.search(rf"\b{control.id} ", each)]
        result = "skip" if control.default == "Off" else "pass|fail|warn"
        assert re.match(rf" +({result}) +{control.id} +\d\d:\d\d:\d\d +\[\d\] +\S", line)
    told = joined(part)
    assert "Read as user iris" in told
    assert "To do: Build the image in several stages" in told
    assert "NIST-800-190:4.1.2" in told
    assert re.search(r"11 scans of 11 images by Bailiwick scanner \S+, the oldest of 20", told)
    assert re.search(r"Unknown to False, ControlsFailed, sha256:[0-9a-f]{12}", told)


def test_it_says_that_nothing_enforces_policies_here(demo: Demo) -> None:
    assert "Nothing here enforces NetworkPolicy" in demo.text
    assert "enforcer: the demo, in name only" in demo.text


def test_no_line_is_too_wide_but_commands_to_be_copied(demo: Demo) -> None:
    wide = [line for line in demo.lines if len(line) > WIDTH]
    assert [line for line in wide if not line.lstrip().startswith(("kubectl", "tail"))] == []
    assert "\033" not in "".join(demo.lines)  # no colour where there is no terminal


def test_the_picture_of_the_readme_can_be_made_of_it(demo: Demo) -> None:
    drawn = ElementTree.fromstring(picture("\n".join(demo.lines)))
    texts = ["".join(each.itertext()) for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert 20 < len(texts) < 40
    assert any("isolated" in text for text in texts)


def test_what_it_says_to_try_works(demo: Demo) -> None:
    part = [line.strip() for line in demo.part("Try it yourself")]
    exports = "; ".join(line for line in part if line.startswith("export "))
    commands = [line for line in part if line.startswith("kubectl ")]
    assert len(commands) >= 10
    refused = []
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", f"{exports}; {command}"], capture_output=True, text=True, check=False
        )
        if "--dry-run" in command:
            refused.append(done.stderr)
        else:
            assert done.returncode == 0, f"{command}: {done.stderr}"
    assert len(refused) == 1
    assert "write from, to, or both" in refused[0]


def test_ctrl_c_leaves_nothing_behind(demo: Demo) -> None:
    (kubeconfig,) = re.findall(r"export KUBECONFIG=(\S+)", demo.text)
    children = descendants(demo.pid)
    assert len(children) >= 7
    assert demo.interrupt() == 0
    assert demo.lines[-1].strip() == "Stopped; nothing is left running."
    assert not Path(kubeconfig).parent.exists()
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that these started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(each) for task in tasks for each in (task / "children").read_text().split()]
    return [*children, *(each for child in children for each in descendants(child))]


def contents(kubectl: Kubectl) -> set[str]:
    """The names of what the demo makes, of whoever it is."""
    kinds = "namespace,crd,clusterrole,clusterrolebinding"
    return set(kubectl("get", kinds, "-o", "name").split())


def test_a_named_cluster_is_left_as_it_was_also_after_ctrl_c() -> None:
    with ControlPlane.start() as cluster:
        kubectl = Kubectl(cluster.admin)
        kubectl("create", "namespace", "shop")  # not ours, whatever its name
        before = contents(kubectl)
        with Demo(BAILIWICK_KUBECONFIG=str(cluster.admin.kubeconfig)) as running:
            running.until("after it was deleted")
            during = contents(kubectl) - before
            assert running.interrupt() == 130
        assert "The demo makes there, and removes at its end" in running.text
        assert "namespace/bailiwick-demo-shop" in during
        assert contents(kubectl) == before
        assert policies(cluster, "shop") == []


def policies(cluster: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    return Kubectl(cluster.admin).list("networkpolicy", namespace)


def test_a_cluster_that_has_bailiwick_is_not_touched(control_plane: ControlPlane) -> None:
    kubectl = Kubectl(control_plane.admin)
    before = contents(kubectl)
    with Demo(BAILIWICK_KUBECONFIG=str(control_plane.admin.kubeconfig)) as running:
        assert running.ended() == 1
    assert "Nothing was changed" in running.text
    assert "securityintents.bailiwick.dev" in running.text
    assert contents(kubectl) == before


def test_a_failure_says_what_to_do_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with Demo(PATH="/nowhere", TMPDIR=str(tmp_path)) as running:
        assert running.ended() == 1
    assert "The demo could not go on." in running.text
    assert "'docker-registry' make demo installs the programs that it needs" in running.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "choices, words",
    [
        ({"BAILIWICK_CONTEXT": "staging"}, "make demo KUBECONFIG=path CONTEXT=name"),
        ({"BAILIWICK_KUBECONFIG": "/nowhere/config"}, "KUBECONFIG=/nowhere/config"),
    ],
)
def test_a_cluster_that_cannot_be_found_is_told_in_words(
    choices: dict[str, str], words: str
) -> None:
    with Demo(**choices) as running:
        assert running.ended() == 1
    assert words in running.text
    assert "Traceback" not in running.text
