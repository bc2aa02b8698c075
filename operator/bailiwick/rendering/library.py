"""Where templates come from: the package, and ConfigMaps of the operator's namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

from bailiwick.policy.facts import ConfigMap
from bailiwick.policy.network.template_rules import TemplateFailure

TEMPLATE_LABEL: Final = "bailiwick.dev/templates"

_SUFFIX: Final = ".yaml.j2"
_NAMED: Final = 10


@cache
def packaged() -> Mapping[str, str]:
    """Return the templates that come with Bailiwick, by name."""
    files = resources.files("bailiwick.templates").iterdir()
    return {
        file.name.removesuffix(_SUFFIX): file.read_text()
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(_SUFFIX)
    }


def find(
    name: str, maps: Iterable[ConfigMap], unreadable: Mapping[str, str]
) -> str | TemplateFailure:
    """Return the text of the template of this name, or why there is not just one.

    Nothing takes precedence: two templates of one name are a failure, so that neither a new
    ConfigMap nor a new version of Bailiwick changes quietly what an allowance opens.
    `unreadable` gives the kinds that cannot be read, by plural, with the reason.
    """
    named = sorted(maps, key=lambda each: each.name)
    holders = [each for each in named if name in each.data]
    own = packaged().get(name)
    if own is not None and not holders:
        return own
    if own is None and "configmaps" in unreadable:
        return TemplateFailure(unreadable["configmaps"], unreadable="configmaps")
    if own is None and len(holders) == 1:
        return holders[0].data[name]
    if not holders:
        return TemplateFailure(_missing(named))
    places = [f"ConfigMap {each.namespace}/{each.name}" for each in holders]
    if own is not None:
        places.insert(0, "Bailiwick itself")
    return TemplateFailure(
        f"there are several of this name, in {' and '.join(places)}: give the keys in ConfigMaps "
        "names of their own"
    )


def _missing(maps: Iterable[ConfigMap]) -> str:
    names = sorted({*packaged(), *(key for each in maps for key in each.data)})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        f"there is none of this name; there are {', '.join(names[:_NAMED])}{more}. Correct the "
        "name, or add the template as a key of a ConfigMap in the operator's namespace with the "
        f"label {TEMPLATE_LABEL}=true"
    )
