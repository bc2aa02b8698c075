"""What each namespace is held to by its intent and profile, and the policies that come of it.

The functions are those that the operator calls: bind, merge, compile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from bailiwick.api.intent import SecurityIntentSpec
from bailiwick.api.meta import PROFILE_LABEL
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.offline.declared import Declarations
from bailiwick.policy.binding import Binding, Problem, ProfileTerms, bind
from bailiwick.policy.builtin import BUILT_IN_PROFILE
from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.declared import selector_of
from bailiwick.policy.effective import EffectiveIntent, Enforcement
from bailiwick.policy.facts import ConfigMap, Namespace
from bailiwick.policy.merge import ProfileVersion, merge
from bailiwick.policy.network.compile import Rendered, compile_network
from bailiwick.policy.network.model import CompiledNetwork
from bailiwick.policy.network.template_rules import TemplateFailure, template_rules
from bailiwick.policy.rules import Rule, TemplateRequest
from bailiwick.policy.settings import Settings
from bailiwick.rendering.library import find
from bailiwick.rendering.process import RendererFailed, RenderingProcess, encode
from bailiwick.rendering.sandbox import TemplateError


@dataclass(frozen=True, slots=True)
class Governed:
    """A namespace with an intent or the label, and what that means; or why it means nothing."""

    namespace: Namespace
    has_intent: bool
    binding: Binding
    effective: EffectiveIntent | None = None
    compiled: CompiledNetwork = field(default_factory=CompiledNetwork)

    @property
    def is_enforced(self) -> bool:
        """Whether its policies would be applied."""
        return self.effective is not None and self.effective.enforcement is Enforcement.ENFORCE


@dataclass(frozen=True, slots=True)
class Given:
    """What all namespaces are held to and read against; `maps` may hold templates."""

    declarations: Declarations
    cluster: FixedCluster
    settings: Settings
    now: datetime
    maps: tuple[ConfigMap, ...] = ()


def govern(given: Given) -> list[Governed]:
    """Work out what every namespace with an intent or the label is held to, by name."""
    profiles, intents = given.declarations.profiles, given.declarations.intents
    terms = {name: _terms(name, spec) for name, spec in profiles.items()}
    found = []
    for namespace in sorted(given.cluster.namespaces(), key=lambda each: each.name):
        intent = intents.get(namespace.name)
        if intent is None and PROFILE_LABEL not in namespace.labels:
            continue
        if given.settings.is_exempt(namespace.name):
            binding = Binding(problem=_EXEMPT)
        else:
            binding = bind(namespace, intent.profile if intent else None, terms)
        held = Governed(namespace, intent is not None, binding)
        found.append(held if binding.problem else _held(held, intent, given))
    return found


_EXEMPT = Problem(
    "NamespaceExempt",
    "this namespace is exempt by the operator's settings: nothing is isolated here, whatever its "
    "intent or label says. Remove the intent, or have the exemption removed",
)


def _held(held: Governed, intent: SecurityIntentSpec | None, given: Given) -> Governed:
    name, profiles = held.binding.profile, given.declarations.profiles
    version = ProfileVersion(name, 0, profiles[name]) if name in profiles else BUILT_IN_PROFILE
    effective = merge(
        held.namespace.name,
        version,
        intent or SecurityIntentSpec(),
        lookup=given.cluster.namespace,
        settings=given.settings,
        now=given.now,
    )
    loosened = (*held.binding.refused, *effective.loosened)
    effective = replace(effective, loosened=loosened)
    rendered = _rendered(effective.templates, held.namespace, given.maps)
    compiled = compile_network(effective, rendered, given.cluster, given.settings)
    return replace(held, effective=effective, compiled=compiled)


def _terms(name: str, spec: SecurityProfileSpec) -> ProfileTerms:
    usable_by = selector_of(spec.usable_by.namespace_selector) if spec.usable_by else None
    return ProfileTerms(name, spec.default, usable_by)


def _rendered(
    requests: Iterable[TemplateRequest], namespace: Namespace, maps: tuple[ConfigMap, ...]
) -> Rendered:
    """Render the templates of a profile for a namespace, where it has any."""
    wanted = list(requests)
    return asyncio.run(_render(wanted, namespace, maps)) if wanted else {}


async def _render(
    requests: list[TemplateRequest], namespace: Namespace, maps: tuple[ConfigMap, ...]
) -> Rendered:
    process = RenderingProcess()
    found: dict[str, tuple[Rule, ...] | TemplateFailure] = {}
    try:
        for request in requests:
            text = find(request.template, maps, {})
            if isinstance(text, TemplateFailure):
                found[request.name] = text
                continue
            try:
                line = encode(text, namespace.name, namespace.labels, request.values)
                given = await process.render(line)
            except (TemplateError, RendererFailed) as error:
                found[request.name] = TemplateFailure(str(error))
            else:
                found[request.name] = template_rules(namespace.name, request, given)
    finally:
        await process.stop()
    return found
