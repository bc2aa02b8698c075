"""What the offline commands have in common: what they read, and how they end."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NoReturn

import click

from bailiwick.offline.inventory import Inventory
from bailiwick.offline.plan_findings import of_manifests
from bailiwick.offline.reading import read
from bailiwick.offline.sources import STANDARD_INPUT

CANNOT_READ = 2
"""The exit code where something could not be read, so that no answer would be worth anything."""

_TOLD = 50
_AT_ONCE = 1000
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def inventory_of(paths: Sequence[str], namespace: str) -> Inventory:
    """Read what a command was given; ends the program where some of it cannot be read."""
    inventory = read(paths, namespace)
    if inventory.problems:
        end_with(inventory)
    if not inventory.places and not inventory.other_kinds:
        where = "on standard input" if STANDARD_INPUT in paths else f"in {', '.join(paths)}"
        cannot_read(f"there is no Kubernetes object {where}: what was to write it may have failed")
    return inventory


def warn_of(inventory: Inventory) -> None:
    """Tell what of the manifests may not be meant, or is not evaluated, where a plan would."""
    found = list(of_manifests(inventory))
    for each in found[:_TOLD]:
        click.echo(printable(f"warning: {each.place}: {each.message}"), err=True)
    if len(found) > _TOLD:
        click.echo(f"warning: and {len(found) - _TOLD} more", err=True)


def end_with(inventory: Inventory) -> NoReturn:
    """Tell what could not be read, and end the program."""
    for problem in inventory.problems[:_TOLD]:
        click.echo(printable(f"error: {problem}"), err=True)
    beyond = len(inventory.problems) - _TOLD
    if beyond > 0:
        click.echo(f"error: and {beyond} more", err=True)
    sys.exit(CANNOT_READ)


def cannot_read(message: str) -> NoReturn:
    """Tell why nothing could be read, and end the program."""
    click.echo(printable(f"error: {message}"), err=True)
    sys.exit(CANNOT_READ)


def printable(text: str) -> str:
    """Replace what a terminal would take for a command, since manifests are other people's."""
    return _CONTROLS.sub("\ufffd", text)


def echo(text: str) -> None:
    """Print a text, with a sign for what the terminal cannot show."""
    text = printable(text)
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.rstrip("\n").encode(encoding, "replace").decode(encoding))


def echo_lines(lines: Iterable[str]) -> None:
    """Print lines as they come, a thousand at a time."""
    remaining = iter(lines)
    while some := list(islice(remaining, _AT_ONCE)):
        echo("\n".join(some))


def passed_over(other_kinds: Counter[str]) -> str:
    """Say how many documents were of kinds that say nothing of traffic; empty where none were."""
    count = other_kinds.total()
    if not count:
        return ""
    kinds = [f"{n} {kind or 'without a kind'}" for kind, n in sorted(other_kinds.items())]
    what = "document says" if count == 1 else "documents say"
    return f"{count} {what} nothing of traffic: {', '.join(kinds)}"
