"""`bailiwick graph`, as it is called."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from bailiwick.cli.graph import graph
from tests.unit.offline.make import EXAMPLES, from_to, intent, profile, workload

SHOP = profile() + workload("web") + workload("api") + intent(from_to("web", "api", "80"))


def run(text: str, *options: str) -> Result:
    return CliRunner().invoke(graph, ["-", *options], input=text)


def test_manifests_are_drawn_for_graphviz_and_mermaid() -> None:
    assert 'n1 -> n0 [label="80"' in run(SHOP, "-o", "dot").stdout
    assert 'n1 -->|"80"| n0' in run(SHOP, "-o", "mermaid").stdout


def test_a_picture_is_written_to_a_file(tmp_path: Path) -> None:
    done = run(SHOP, "-o", "dot", "--to", str(tmp_path / "shop.dot"))
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "shop.dot").read_text() == run(SHOP, "-o", "dot").stdout


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = run(SHOP, "-o", "dot", "--to", str(tmp_path / "none" / "shop.dot"))
    assert done.exit_code == 2
    assert "No such file or directory" in done.stderr


def test_what_cannot_be_read_ends_with_2_and_no_picture() -> None:
    done = run("kind: [")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: stdin:2:")


def test_equal_input_gives_equal_bytes_whatever_python_hashes_by() -> None:
    given = [sys.executable, "-m", "bailiwick.cli.main", "graph", str(EXAMPLES), "-o"]
    for form in ("html", "dot", "mermaid"):
        found = {
            subprocess.run(
                [*given, form], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
            ).stdout
            for seed in ("1", "2")
        }
        assert len(found) == 1


def test_a_page_is_not_written_to_a_terminal() -> None:
    master, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "bailiwick.cli.main", "graph", "-"],
        input=SHOP,
        stdout=terminal,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(terminal)
    os.close(master)
    assert done.returncode == 2
    assert "write it to a file (--to graph.html)" in done.stderr
