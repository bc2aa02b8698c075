"""``bailiwick crds``: write the custom resource definitions, or check those that are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from bailiwick.api.kinds import KINDS
from bailiwick.api.reference import reference
from bailiwick.api.schema import custom_resource_definition
from bailiwick.cli.yaml_text import as_yaml

_HEADER = "# Generated from operator/bailiwick/api by `make crds`. Change the types there.\n"


def files() -> dict[str, str]:
    """Return the text of every file of a directory of definitions, by its name."""
    definitions = {
        f"{kind.plural}.yaml": _HEADER + as_yaml(custom_resource_definition(kind)) for kind in KINDS
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(definitions),
    }
    return definitions | {"kustomization.yaml": _HEADER + as_yaml(kustomization)}


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory to write one file for each kind into; standard output where left out.",
)
@click.option(
    "--reference",
    "reference_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write a description of every field into, as Markdown.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail where a file is not up to date.")
def crds(output: Path | None, reference_file: Path | None, check: bool) -> None:
    """Write the custom resource definitions."""
    wanted: dict[Path, str] = {}
    if output is not None:
        wanted |= {output / name: text for name, text in files().items()}
    if reference_file is not None:
        wanted[reference_file] = reference()
    if check:
        _check(wanted)
    elif wanted:
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    else:
        documents = (text for name, text in files().items() if name != "kustomization.yaml")
        click.echo("---\n".join(documents), nl=False)


def _check(wanted: Mapping[Path, str]) -> None:
    if not wanted:
        raise click.UsageError("--check needs --output or --reference: say what to check")
    stale = [
        str(path)
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if stale:
        raise click.ClickException(f"not up to date: {', '.join(stale)}. Run `make crds`")
