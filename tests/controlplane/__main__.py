"""`python -m tests.controlplane`: build the programs, start a control plane, or call kubectl."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import click

from tests.controlplane import binaries
from tests.controlplane.cluster import ControlPlane, ControlPlaneError
from tests.controlplane.golang import NoGoError


@click.group()
def main() -> None:
    """The Kubernetes that the tests, the demo and the benchmark run against."""


@main.command()
@click.argument("names", nargs=-1, type=click.Choice([build.name for build in binaries.ALL]))
def build(names: tuple[str, ...]) -> None:
    """Build the programs that are not cached yet: all of them, or those named."""
    wanted = [build for build in binaries.ALL if not names or build.name in names]
    for name, directory in binaries.ensure_all(wanted).items():
        click.echo(f"{name}: {directory}")


@main.command()
@click.option("--nodes", default=3, show_default=True, help="How many nodes to register.")
@click.option("--crds", type=click.Path(exists=True, path_type=Path), help="CRDs to begin with.")
@click.option("--bare", is_flag=True, help="Only etcd and the API server.")
def start(nodes: int, crds: Path | None, bare: bool) -> None:
    """Start a control plane and keep it until Ctrl-C."""
    began = time.monotonic()
    full = not bare
    with ControlPlane.start(
        nodes=nodes, crds=[crds] if crds else [], controllers=full, scheduler=full, kwok=full
    ) as cluster:
        admin, team = cluster.admin.kubeconfig, cluster.app_team.kubeconfig
        click.echo(f"Kubernetes {binaries.KUBERNETES_VERSION} runs after", nl=False)
        click.echo(f" {time.monotonic() - began:.1f} s. In another shell:\n")
        click.echo(f"  export KUBECONFIG={admin}\n  kubectl get nodes\n  kubectl get pods -A")
        click.echo(f"  kubectl --kubeconfig {team} auth whoami   # a developer without rights")
        click.echo(f"  tail -f {cluster.audit_log}   # every write\n\nCtrl-C ends it.")
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl(arguments: tuple[str, ...]) -> None:
    """Call kubectl: the machine's own, or the one that comes with the control plane."""
    program = str(binaries.kubectl())
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    try:
        main()
    except (binaries.BuildError, ControlPlaneError, NoGoError) as error:
        sys.exit(str(error))
