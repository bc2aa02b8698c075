"""What an intent comes to now: its profile, the effective intent, and its policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bailiwick.api.intent import SecurityIntentSpec
from bailiwick.api.meta import BUILT_IN, Reason
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.engine.dependents import TEMPLATES
from bailiwick.kube.resources import SECURITY_PROFILES
from bailiwick.policy.assessment.readiness import cannot_read
from bailiwick.policy.binding import Binding, Problem, ProfileTerms, bind
from bailiwick.policy.builtin import BUILT_IN_PROFILE
from bailiwick.policy.declared import selector_of
from bailiwick.policy.effective import EffectiveIntent
from bailiwick.policy.merge import ProfileVersion, merge
from bailiwick.policy.network.compile import compile_network
from bailiwick.policy.network.dependencies import namespace_key

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.dependents import Dependents
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.profiles.generations import Profiles
    from bailiwick.engine.rendering import Renderer
    from bailiwick.engine.world import World
    from bailiwick.policy.facts import Namespace
    from bailiwick.policy.network.model import CompiledNetwork
    from bailiwick.policy.settings import Settings

PROBLEMS_TOLD = 3
PROFILES = SECURITY_PROFILES.plural
EARLIER_UNKNOWN = (
    "The namespace is held to an earlier generation of its profile, and the operator cannot read "
    "the ConfigMaps in its own namespace that hold those. Nothing is changed here until it can."
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The effective intent of a namespace and the policies that it compiles to."""

    effective: EffectiveIntent
    compiled: CompiledNetwork
    binding: Binding


@dataclass(slots=True)
class Reader:
    """Reads intents against what is known of the cluster, and records what it looked at."""

    world: World
    profile_store: DeclaredStore
    profiles: Profiles
    renderer: Renderer
    dependents: Dependents
    settings: Settings
    _terms: dict[str, tuple[int, ProfileTerms]] = field(default_factory=dict)

    async def read(
        self, namespace: Namespace, intent: DeclaredObject, now: datetime
    ) -> Meaning | Problem:
        """Work out what an intent means, or why that cannot be done."""
        binding = self.bind(namespace, intent)
        unread = {k: v for k, v in self.world.unreadable.items() if k == PROFILES}
        if unread and (binding.problem or not self.profile_store.listed):
            # What is not known is not taken for what is not there, nor another one in its place.
            return Problem(Reason.UNREADABLE, cannot_read(unread))
        if binding.problem:
            self.dependents.record(namespace.name, frozenset())
            return binding.problem
        try:
            spec = SecurityIntentSpec.model_validate(intent.spec)
        except ValidationError as error:
            return Problem(Reason.INTENT_INVALID, _in_words(error))
        version = self._version(binding.profile, intent)
        if version is None:
            return Problem(Reason.UNREADABLE, EARLIER_UNKNOWN)
        looked_up: set[str] = set()

        def lookup(name: str) -> Namespace | None:
            looked_up.add(namespace_key(name))
            return self.world.namespace(name)

        effective = merge(
            namespace.name,
            version,
            spec,
            lookup=lookup,
            settings=self.settings,
            now=now,
        )
        if binding.refused:
            effective = replace(effective, loosened=(*binding.refused, *effective.loosened))
        rendered = await self.renderer.render(effective.templates, namespace)
        compiled = compile_network(effective, rendered, self.world, self.settings)
        templates = {TEMPLATES} if effective.templates else set()
        self.dependents.record(namespace.name, compiled.depends_on | looked_up | templates)
        return Meaning(effective, compiled, binding)

    def forget(self, namespace: str) -> None:
        """Let go of what was recorded and kept for a namespace."""
        self.dependents.record(namespace, frozenset())
        self.renderer.forget(namespace)

    def terms(self) -> Mapping[str, ProfileTerms]:
        """Return what decides who gets which profile, by their names."""
        return {p.name: self._terms_of(p) for p in self.profile_store.objects.all()}

    def bind(
        self,
        namespace: Namespace,
        intent: DeclaredObject,
        terms: Mapping[str, ProfileTerms] | None = None,
    ) -> Binding:
        """Find the profile of a namespace; `terms` are those of all profiles, where at hand."""
        return bind(namespace, intent.spec.get("profile"), terms or self.terms())

    def _version(self, name: str, intent: DeclaredObject) -> ProfileVersion | None:
        profile = self.profile_store.objects.get("", name)
        if name == BUILT_IN or profile is None:
            return BUILT_IN_PROFILE
        return self.profiles.version(profile, intent)

    def _terms_of(self, profile: DeclaredObject) -> ProfileTerms:
        known = self._terms.get(profile.uid)
        if known is None or known[0] != profile.generation:
            spec = SecurityProfileSpec.model_validate(profile.spec)
            selector = selector_of(spec.usable_by.namespace_selector) if spec.usable_by else None
            known = (profile.generation, ProfileTerms(profile.name, spec.default, selector))
            self._terms[profile.uid] = known
        return known[1]


def _in_words(error: ValidationError) -> str:
    """Say where an intent cannot be read; the schema refuses such ones where it is current."""
    problems = [
        f"spec.{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
        for each in error.errors()[:PROBLEMS_TOLD]
    ]
    return "The intent cannot be read: " + "; ".join(problems)
