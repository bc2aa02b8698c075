"""Profiles and intents as people wrote them, held to what the API server would ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from bailiwick.api.intent import AllowRule, SecurityIntentSpec
from bailiwick.api.profile import Allowance, SecurityProfileSpec
from bailiwick.api.types import ApiModel
from bailiwick.offline.documents import Document
from bailiwick.offline.inventory import Inventory, Problem
from bailiwick.policy.model_errors import in_words
from bailiwick.policy.spec_checks import intent_problems, profile_problems

M = TypeVar("M", bound=ApiModel)


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
    given = json.dumps(_without_nulls(document.body.get("spec") or {}))
    try:
        # Strictly, as the API server reads: neither text for a number nor a field that is none.
        spec = model.model_validate_json(
            given, strict=True, extra="forbid", by_alias=True, by_name=False
        )
    except ValidationError as error:
        return [_problem(document, path, words) for path, words in in_words(error).items()]
    found = [_problem(document, path, words) for path, words in check(spec)]
    return found or spec


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
