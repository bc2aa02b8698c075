"""Manifests, read as a command reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bailiwick.offline.inventory import Inventory
from bailiwick.offline.reading import read

EXAMPLES: Final = Path(__file__).parents[3] / "manifests" / "examples"


def inventory(directory: Path, *texts: str, namespace: str = "default") -> Inventory:
    """Write each text into a file of its own, `0.yaml` and on, and read the directory."""
    directory.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (directory / f"{number}.yaml").write_text(text)
    return read([str(directory)], namespace)


def workload(
    name: str, *, kind: str = "Deployment", namespace: str = "shop", spec: str = ""
) -> str:
    """Return a workload whose pods have the label app with its own name."""
    group = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    template = f"template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{{spec}}}}}"
    if kind == "CronJob":
        template = f"jobTemplate: {{spec: {{{template}}}}}"
    return (
        f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{{template}}}\n---\n"
    )


def policy(name: str, spec: str, *, namespace: str = "shop") -> str:
    """Return a NetworkPolicy."""
    return (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n---\n"
    )
