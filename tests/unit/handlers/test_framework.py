from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import bailiwick.cli.program
import kopf
assert "kubernetes" not in sys.modules, "its models were loaded"
import kubernetes.config
"""


def test_kopf_comes_without_the_models_of_the_kubernetes_package() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
