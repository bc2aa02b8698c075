"""Data as YAML for people and for tools."""

from __future__ import annotations

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes everything out: aliases are hard to read, and some tools do not take them."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # PyYAML's signature
        return True


def as_yaml(data: object) -> str:
    """Write data as YAML, in the order that it has."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
