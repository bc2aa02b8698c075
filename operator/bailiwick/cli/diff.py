"""`bailiwick diff`: who can reach whom after a change and could not before, or the other way."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import click

from bailiwick.cli.reading import cannot_read, echo, end_with
from bailiwick.cli.settings import with_settings
from bailiwick.offline import diff_report, plan_reports, plan_text
from bailiwick.offline.differences import differences
from bailiwick.offline.findings import new_ones
from bailiwick.offline.plan_data import changes_data, finding_data
from bailiwick.offline.planning import Plan, plan
from bailiwick.offline.reading import read
from bailiwick.offline.revisions import both_ends, checked_out
from bailiwick.offline.sources import CannotRead
from bailiwick.policy.settings import Settings


@click.command()
@click.argument("paths", nargs=-1, metavar="OLD NEW | [DIR...]")
@click.option("--git", "span", metavar="A..B", help="Two revisions of DIR, instead of OLD and NEW.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="A table, Markdown for a comment on a pull request, or JSON.",
)
@click.option(
    "--namespace",
    "-n",
    default="default",
    show_default=True,
    help="The namespace of objects that name none.",
)
@click.option("--exit-code", is_flag=True, help="End with code 1 where there is a difference.")
@with_settings
def diff(
    paths: tuple[str, ...],
    span: str | None,
    output: str,
    namespace: str,
    exit_code: bool,
    settings: Settings,
    now: datetime,
) -> None:
    """Say which connections a change makes possible, impossible, or possible on other ports.

    OLD and NEW are directories or files; with --git they are DIR at two revisions.
    """
    try:
        with ExitStack() as opened:
            old, new = _both(paths, span, opened)
            before, after = (_planned(side, namespace, settings, now) for side in (old, new))
    except CannotRead as error:
        cannot_read(str(error))
    changes = differences(before.world, after.world)
    found = new_ones(before.all_findings(), after.all_findings())
    if output == "json":
        data = {
            "edges": changes_data(changes),
            "newFindings": [finding_data(each) for each in found],
        }
        lines = [json.dumps(data, indent=2, ensure_ascii=False)]
    elif output == "markdown":
        lines = diff_report.as_markdown(changes, before.world, after.world)
        lines += ["", *(line for each in found for line in plan_reports.finding_lines(each))]
    else:
        lines = diff_report.as_text(changes, before.world, after.world)
        for each in found:
            lines += ["", *plan_text.finding_lines(each)]
    echo("\n".join(lines))
    sys.exit(1 if changes and exit_code else 0)


Side = tuple[list[str], str, str]
"""Paths to read, a beginning of them to leave out of messages, and what to write instead."""


def _both(paths: tuple[str, ...], span: str | None, opened: ExitStack) -> tuple[Side, Side]:
    if span is None:
        if len(paths) != 2:
            raise click.UsageError("name two directories or files, OLD and NEW, or use --git A..B")
        return ([paths[0]], "", ""), ([paths[1]], "", "")
    sides = []
    for revision in both_ends(span):
        root = opened.enter_context(checked_out(revision))
        chosen = [str(root / path) for path in paths or (".",)]
        # What is new in one revision is not there in the other, and that is no mistake.
        there = [path for path in chosen if Path(path).exists()]
        sides.append((there, f"{root}/", f"{revision}:"))
    return sides[0], sides[1]


def _planned(side: Side, namespace: str, settings: Settings, now: datetime) -> Plan:
    paths, prefix, instead = side
    inventory = read(
        paths, namespace, shown_as=lambda name: name.replace(prefix, instead) if prefix else name
    )
    made = plan(inventory, settings, now)
    if inventory.problems:
        end_with(inventory)
    return made
