"""The ``bailiwick`` command: one name, several programs.

Commands are imported when they are called, so that ``bailiwick crds`` starts without
loading an operator, and a failure ends as one line that says what is wrong.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("bailiwick.cli.run:run", "Run the operator."),
    "scanner": ("bailiwick.cli.scanner:scanner", "Run the image scanner service."),
    "approve": ("bailiwick.cli.approve:approve", "Let an exception be in force."),
    "crds": ("bailiwick.cli.crds:crds", "Write the custom resource definitions."),
    "diff": ("bailiwick.cli.diff:diff", "Say what a change makes possible, and what impossible."),
    "evidence": ("bailiwick.cli.evidence:evidence", "Move what scans found to another store."),
    "explain": ("bailiwick.cli.explain:explain", "Say why a connection is possible or not."),
    "graph": ("bailiwick.cli.graph:graph", "Draw who can reach whom."),
    "image": ("bailiwick.cli.images:image", "Say all that is known of an image, and why."),
    "images": ("bailiwick.cli.images:images", "Say what is due in the images of a namespace."),
    "init": (
        "bailiwick.cli.init:init",
        "Write a first intent for a namespace.",
    ),
    "plan": ("bailiwick.cli.plan:plan", "Say what manifests would come to, before the merge."),
    "reach": ("bailiwick.cli.reach:reach", "Say who can reach whom."),
    "rescan": ("bailiwick.cli.rescan:rescan", "Have images of a namespace scanned again."),
    "uninstall": (
        "bailiwick.cli.uninstall:uninstall",
        "Take Bailiwick out of a cluster and leave its namespaces isolated.",
    ),
    "vex": ("bailiwick.cli.vex:vex", "Exchange exceptions as OpenVEX documents."),
}
"""Command name to the click command that implements it ("module:attribute") and its summary."""


class LazyGroup(click.Group):
    """A click group whose commands are imported only when one of them is called.

    The summaries for ``--help`` come from the table, since asking each command for its
    own would import them all.
    """

    def __init__(self, commands: Mapping[str, tuple[str, str]], **attrs: object) -> None:
        """Make a group of ``commands``: name to ("module:attribute", summary)."""
        super().__init__(**attrs)  # type: ignore[arg-type]  # click's own keyword arguments
        self._targets = commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names in the order of the table."""
        return list(self._targets)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import and return the command, or None when there is none of that name."""
        target = self._targets.get(cmd_name)
        if target is None:
            return None
        module_name, _, attribute = target[0].partition(":")
        command = getattr(importlib.import_module(module_name), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{target[0]} is not a click command")
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self._targets.items()])


@click.command(
    cls=LazyGroup,
    commands=COMMANDS,
    name="bailiwick",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--debug",
    is_flag=True,
    expose_value=False,  # main() reads it, since it is main() that ends with an error
    help="Show a traceback when a command fails.",
)
@click.version_option(package_name="bailiwick-operator", prog_name="bailiwick")
def cli() -> None:
    """Turn a namespace's security intent into network policy, image scans and a status."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code.

    Exit codes: 0 done, 1 the command failed (one line on stderr), 2 wrong usage,
    130 interrupted.
    """
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        result = cli.main(arguments, prog_name="bailiwick", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        if _debug(arguments):
            raise
        click.echo(f"Error: {_one_line(error)} (--debug shows where)", err=True)
        sys.exit(1)
    # click hands back the code of ctx.exit() as the result when it does not exit itself.
    sys.exit(result if isinstance(result, int) else 0)


def _debug(arguments: Sequence[str]) -> bool:
    """Tell whether --debug stands before the command's name."""
    for argument in arguments:
        if argument == "--debug":
            return True
        if not argument.startswith("-"):
            return False
    return False


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    kind = type(error).__name__
    if isinstance(error, LookupError):
        # A KeyError's text is the bare key, which tells nobody anything.
        return f"{kind}: {text}"
    return text or kind


if __name__ == "__main__":
    main()
