"""Which profile a namespace is held to: its label first, then its intent, then the default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bailiwick.api.meta import BUILT_IN, PROFILE_LABEL
from bailiwick.policy.effective import Refusal
from bailiwick.policy.facts import Namespace
from bailiwick.policy.selectors import Selector


@dataclass(frozen=True, slots=True)
class ProfileTerms:
    """What decides who gets a profile: `spec.default` and `spec.usableBy`."""

    name: str
    default: bool = False
    usable_by: Selector | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing can be worked out for a namespace: a condition's reason, and words."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Binding:
    """The name of the profile, BUILT_IN where none is there to choose; or a problem."""

    profile: str = ""
    problem: Problem | None = None
    refused: tuple[Refusal, ...] = ()
    by_label: bool = False


def asked_for(namespace: Namespace, named: str | None) -> str | None:
    """Return the name that decides: the label's, else the intent's; None asks for the default."""
    return namespace.labels.get(PROFILE_LABEL, named)


def bind(namespace: Namespace, named: str | None, profiles: Mapping[str, ProfileTerms]) -> Binding:
    """Find the profile of a namespace; `named` is the intent's `spec.profile`.

    The label always decides, whatever `usableBy` says: only those who may label namespaces
    can set it. What an intent names besides is refused, and the label's profile holds.
    """
    label = namespace.labels.get(PROFILE_LABEL)
    if label is not None:
        refused = (
            (
                Refusal(
                    "spec.profile",
                    f'the namespace\'s label binds profile "{label}"; '
                    f'remove "{named}" here or ask the platform team for another label',
                ),
            )
            if named not in (None, label)
            else ()
        )
        if label not in profiles:
            return Binding(
                problem=_not_found(f"The namespace's label {PROFILE_LABEL}", label, profiles)
            )
        return Binding(label, refused=refused, by_label=True)
    if named is not None:
        return _choose(namespace, named, profiles)
    defaults = sorted(p.name for p in profiles.values() if p.default)
    if len(defaults) > 1:
        return Binding(
            problem=Problem(
                "DefaultProfileAmbiguous",
                f"The intent names no profile, and more than one is the default: "
                f"{', '.join(defaults)}. Set spec.profile, or spec.default on one of them only",
            )
        )
    return Binding(defaults[0] if defaults else BUILT_IN)


def _choose(namespace: Namespace, named: str, profiles: Mapping[str, ProfileTerms]) -> Binding:
    terms = profiles.get(named)
    if terms is None:
        return Binding(problem=_not_found("spec.profile", named, profiles))
    if terms.usable_by is not None and not terms.usable_by.matches(namespace.labels):
        return Binding(
            problem=Problem(
                "ProfileNotAllowed",
                f'profile "{named}" may not be used by namespace {namespace.name}: its '
                "spec.usableBy does not match the namespace's labels. Name another profile, or "
                "ask the platform team",
            )
        )
    return Binding(named)


def _not_found(where: str, name: str, profiles: Iterable[str]) -> Problem:
    there = ", ".join(sorted(profiles)) or "none"
    return Problem(
        "ProfileNotFound",
        f'{where} names "{name}", and there is no such SecurityProfile; there are: {there}. While '
        "that is so, nothing is changed in the namespace",
    )
