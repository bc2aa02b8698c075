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


def service(name: str, port: int, *, namespace: str = "shop") -> str:
    """Return a Service of the workload of this name."""
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{selector: {{app: {name}}}, ports: [{{port: {port}}}]}}\n---\n"
    )


def profile(spec: str = "", *, name: str = "restricted") -> str:
    """Return a SecurityProfile; without a spec it isolates both directions and opens nothing."""
    return (
        "apiVersion: bailiwick.dev/v1alpha1\nkind: SecurityProfile\n"
        f"metadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n"
    )


def intent(
    *rules: str, namespace: str = "shop", enforcement: str = "Enforce", name: str = "restricted"
) -> str:
    """Return a SecurityIntent with rules as they stand under `allow`."""
    return (
        "apiVersion: bailiwick.dev/v1alpha1\nkind: SecurityIntent\n"
        f"metadata: {{name: default, namespace: {namespace}}}\n"
        f"spec:\n  profile: {name}\n  enforcement: {enforcement}\n  network:\n    allow: ["
        + ",\n      ".join(f"{{{rule}}}" for rule in rules)
        + "]\n---\n"
    )


def from_to(source: str, target: str, ports: str, name: str = "") -> str:
    """Return a rule between two workloads; `payments/api` is one of another namespace."""
    sides = (("from", source), ("to", target))
    peers = [f"{side}: {{{_peer(end)}}}" for side, end in sides]
    named = name or f"{source}-to-{target}".replace("/", "-")
    return f"name: {named}, {', '.join(peers)}, ports: [{ports}]"


def _peer(end: str) -> str:
    namespace, _, app = end.rpartition("/")
    elsewhere = f"namespace: {namespace}, " if namespace else ""
    return f"{elsewhere}workload: {{matchLabels: {{app: {app}}}}}"
