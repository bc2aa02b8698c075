"""Fields that NetworkPolicy does not have: an API server drops them, and kubectl refuses them.

https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

Fields = Mapping[str, "Fields | None"]
"""What a mapping, or each entry of a list, may hold; None for what is looked at elsewhere."""

_SELECTOR: Final[Fields] = {
    "matchLabels": None,
    "matchExpressions": {"key": None, "operator": None, "values": None},
}
_PEER: Final[Fields] = {
    "podSelector": _SELECTOR,
    "namespaceSelector": _SELECTOR,
    "ipBlock": {"cidr": None, "except": None},
}
_PORT: Final[Fields] = {"protocol": None, "port": None, "endPort": None}
_SPEC: Final[Fields] = {
    "podSelector": _SELECTOR,
    "policyTypes": None,
    "ingress": {"from": _PEER, "ports": _PORT},
    "egress": {"to": _PEER, "ports": _PORT},
}


def unknown_fields(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Go through the fields of a spec that there are not: the path, and what may be meant."""
    return _unknown(spec, _SPEC, "spec")


def _unknown(value: Any, known: Fields, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unknown(each, known, f"{at}[{index}]")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if key not in known:
                others = known.keys() - value.keys()
                yield f"{at}.{key}", "".join(get_close_matches(str(key), others, 1))
            elif (below := known[key]) is not None:
                yield from _unknown(each, below, f"{at}.{key}")
