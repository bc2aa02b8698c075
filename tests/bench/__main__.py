"""`python -m tests.bench`: measure, print a table, and fail where a figure leaves its range."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import fanout, images, images_database, images_operator, reach, rescans
from tests.bench.figures import Figure, Judged, judge, read_ranges, table
from tests.bench.plan import LONG, SHORT, Plan, figures, measure
from tests.controlplane import binaries
from tests.controlplane.progress import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    if os.environ.get("BAILIWICK_KUBECONFIG"):
        say(
            "The benchmark makes thousands of pods that no node runs, and reads the API server's "
            "audit log: it measures on a control plane of its own only. Leave KUBECONFIG out."
        )
        return 2
    form = "short" if os.environ.get("SHORT") else "long"
    options = _parser().parse_args(arguments)
    plan = _plan(SHORT if form == "short" else LONG, options)
    raw: dict[str, object] = {}
    found: list[Figure] = []
    if options.only in (None, "reach"):
        say("Reachability, without an API server …")
        measured = reach.measure(plan.reach_scales)
        raw["reachability"] = asdict(measured)
        found += reach.figures(measured)
    if options.only in (None, "images"):
        say(f"{plan.digests} images with their findings, without an API server …")
        known = images.measure(plan.digests)
        raw["images"] = asdict(known)
        found += images.figures(known)
    if options.only in (None, "rescans"):
        say(f"The scanner's database moves under {plan.digests} images …")
        renewed = rescans.measure(plan.digests)
        raw["rescans"] = asdict(renewed)
        found += rescans.figures(renewed)
        binaries.ensure_all([binaries.CONTROL_PLANE])
        say(f"A new result of an image that {plan.fan_out} namespaces run …")
        spread = asyncio.run(fanout.measure(plan.fan_out))
        raw["fan-out"] = asdict(spread)
        found += fanout.figures(spread)
    if options.only in (None, "verdicts"):
        say(f"{plan.stored_digests} images with their findings in PostgreSQL …")
        in_database = asyncio.run(images_database.measure(plan.stored_digests))
        raw["images_database"] = asdict(in_database)
        found += images_database.figures(in_database)
        binaries.ensure_all([binaries.CONTROL_PLANE])
        _compile()
        say(f"{plan.running_digests} images that run, on an API server …")
        running = asyncio.run(images_operator.measure(plan.running_digests))
        raw["images_operator"] = asdict(running)
        found += images_operator.figures(running)
    if options.only in (None, "operator"):
        binaries.ensure_all([binaries.CONTROL_PLANE])
        _compile()
        results = asyncio.run(measure(plan))
        raw["results"] = asdict(results)
        found += figures(results)
    judged = judge(found, read_ranges(form))
    print(f"\n{_machine()}\n\n{table(judged)}\n")
    if options.json:
        raw |= {"machine": _machine(), "figures": {each.name: each.value for each in found}}
        Path(options.json).write_text(json.dumps(raw, indent=2) + "\n")
    return _verdict(judged)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write all that was measured to a file")
    parser.add_argument(
        "--only",
        choices=("operator", "reach", "images", "rescans", "verdicts"),
        help="measure one of these alone",
    )
    parser.add_argument("--sizes", metavar="N,N", help="numbers of namespaces, such as 100,5000")
    parser.add_argument("--starts", type=int, help="cold starts at each size")
    parser.add_argument("--quiet", type=float, help="seconds of quiet")
    return parser


def _plan(plan: Plan, options: argparse.Namespace) -> Plan:
    if options.sizes:
        plan = replace(plan, sizes=tuple(sorted(map(int, options.sizes.split(",")))))
    if options.starts:
        plan = replace(plan, starts=options.starts)
    if options.quiet is not None:
        plan = replace(plan, quiet=options.quiet)
    return plan


def _compile() -> None:
    """Have bytecode written of all that the operator imports, as there is in its image.

    In an environment that forbids it, each start would compile a hundred thousand lines.
    """
    allowed = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    program = Path(sys.executable).parent / "bailiwick"
    subprocess.run([program, "run", "--help"], env=allowed, stdout=subprocess.DEVNULL, check=True)


def _machine() -> str:
    cpus = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({cpus[0] if cpus else 'unknown'}), "
        f"Python {platform.python_version()}, load at the end {load:.1f}"
    )


def _verdict(judged: Sequence[Judged]) -> int:
    outside = [each.figure.name for each in judged if not each.is_within]
    beyond = [each.figure.name for each in judged if not each.keeps_limit]
    if beyond:
        say(f"Beyond what the design asks for: {', '.join(beyond)}")
    if outside:
        say(f"Outside its range in tests/bench/ranges.yaml: {', '.join(outside)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
