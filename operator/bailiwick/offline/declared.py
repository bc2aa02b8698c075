"""Profiles and intents as people wrote them, held to what the API server would ask."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from bailiwick.api.intent import AllowRule, SecurityIntentSpec
from bailiwick.api.profile import Allowance, SecurityProfileSpec
from bailiwick.api.types import ApiModel
from bailiwick.offline.documents import Document
from bailiwick.offline.inventory import Inventory, Problem
from bailiwick.policy.model_errors import in_words
from bailiwick.policy.spec_checks import intent_problems, profile_problems

M = TypeVar("M", bound=ApiModel)

_LISTS: Final = ("allow", "allowances")
_IN_LIST: Final = re.compile(rf"network\.(?P<list>{'|'.join(_LISTS)})\[(?P<number>\d+)\]")


@dataclass(frozen=True, slots=True)
class Declarations:
    """Profiles by name, and intents by namespace."""

    profiles: Mapping[str, SecurityProfileSpec]
    intents: Mapping[str, SecurityIntentSpec]

    def namespaces(self) -> set[str]:
        """Return the names of the namespaces that rules and allowances speak of."""
        rules: list[AllowRule | Allowance] = []
        for intent in self.intents.values():
            rules += intent.network.allow
        for profile in self.profiles.values():
            rules += profile.network.allowances
        peers = [peer for rule in rules for peer in (rule.from_, rule.to) if peer]
        named = [peer.namespace for peer in peers]
        named += [peer.service.namespace for peer in peers if peer.service]
        return {name for name in named if name}


def declarations(inventory: Inventory) -> Declarations:
    """Read all profiles and intents; adds to the inventory's problems what is wrong with them."""
    return Declarations(
        _all(inventory, inventory.profiles, SecurityProfileSpec, profile_problems),
        _all(inventory, inventory.intents, SecurityIntentSpec, intent_problems),
    )


def _all(
    inventory: Inventory,
    documents: Mapping[str, Document],
    model: type[M],
    check: Callable[[M], Iterable[tuple[str, str]]],
) -> dict[str, M]:
    found = {}
    for name, document in sorted(documents.items()):
        spec = _checked(document, model, check)
        if isinstance(spec, list):
            inventory.problems += spec
        else:
            found[name] = spec
    return found


def _checked(
    document: Document, model: type[M], check: Callable[[M], Iterable[tuple[str, str]]]
) -> M | list[Problem]:
    """Read a spec, or tell all that is wrong with it."""
    given = _without_nulls(document.body.get("spec") or {})
    try:
        spec = _read(model, given)
    except ValidationError as error:
        told = [*in_words(error).items(), *_of_the_rest(given, error, model, check)]
        return sorted(_problem(document, path, words) for path, words in told)
    found = sorted(_problem(document, path, words) for path, words in check(spec))
    return found or spec


def _read(model: type[M], given: Any) -> M:
    # Strictly, as the API server reads: neither text for a number nor a field that is none.
    return model.model_validate_json(
        json.dumps(given), strict=True, extra="forbid", by_alias=True, by_name=False
    )


def _of_the_rest(
    given: Any,
    error: ValidationError,
    model: type[M],
    check: Callable[[M], Iterable[tuple[str, str]]],
) -> Iterator[tuple[str, str]]:
    """Tell what is wrong with the parts that can be read, so that all is told at once."""
    rest, kept = _without_refused(given, [each["loc"] for each in error.errors()])
    try:
        spec = _read(model, rest)
    except ValidationError:
        return
    for path, words in check(spec):
        found = _IN_LIST.match(path)
        if found is None:
            yield path, words
        else:
            number = kept[found["list"]][int(found["number"])]
            yield f"network.{found['list']}[{number}]{path[found.end() :]}", words


def _without_refused(
    given: Any, refused: Iterable[tuple[int | str, ...]]
) -> tuple[Any, Mapping[str, list[int]]]:
    """Return a spec without its refused rules and fields, and which rules of each list are left."""
    rest = copy.deepcopy(given)
    bad: dict[str, set[int]] = {name: set() for name in _LISTS}
    for path in refused:
        match path:
            case ("network", str(name), int(number), *_) if name in _LISTS:
                bad[name].add(number)
            case (*above, str(key)):
                holder = rest
                for part in above:
                    holder = holder.get(part) if isinstance(holder, dict) else None
                if isinstance(holder, dict):
                    holder.pop(key, None)
    kept: dict[str, list[int]] = {name: [] for name in _LISTS}
    network = rest.get("network") if isinstance(rest, dict) else None
    if isinstance(network, dict):
        for name in _LISTS:
            if isinstance(rules := network.get(name), list):
                kept[name] = [number for number in range(len(rules)) if number not in bad[name]]
                network[name] = [rules[number] for number in kept[name]]
    return rest, kept


def _without_nulls(value: Any) -> Any:
    """Leave out fields that are null, as the API server does with those of a custom resource."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _problem(document: Document, path: str, words: str) -> Problem:
    field = f"spec.{path}" if path else "spec"
    metadata = document.body["metadata"]
    namespace = metadata.get("namespace")
    name = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    message = f"{document.kind} {name}: {field}: {words}"
    return Problem(document.place_of(field), message)
