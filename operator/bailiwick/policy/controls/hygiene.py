"""The controls of how images are built: where they come from, what is in them, how old they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bailiwick.policy.assessment.evidence import Evidence, ImageFact
from bailiwick.policy.controls.images import of_images
from bailiwick.policy.controls.result import (
    Result,
    count,
    error,
    failed,
    listing,
    passed,
    sentence,
    skipped,
    warned,
)
from bailiwick.policy.images.findings import HygieneFacts
from bailiwick.policy.images.references import InvalidReference, Reference
from bailiwick.policy.images.registries import contactable

MINIMAL_WORDS = {
    "shells": "shells",
    "packageManagers": "package managers",
    "debugTools": "debug tools",
    "buildTools": "build tools",
}

_COMPILER = re.compile(
    r"(^|[/ -])(gcc|g\+\+|cc|c\+\+|clang|clang\+\+|tcc|rustc|go|golang|javac|jdk)(-[\d.]+)?$"
)


@of_images
def registries(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:
    """Every image comes from a registry that the profile lists."""
    patterns = evidence.effective.images.registries
    loopback = evidence.settings.allow_loopback_registries
    refused = []
    nameless = []
    for image in images:
        reference = image.running.reference
        if reference is None:
            nameless.append(image)
            continue
        refusal = contactable(reference, patterns, allow_loopback=loopback)
        if refusal:
            refused.append((image.name, refusal.message))
    if refused:
        others = listing(name for name, _ in refused[1:])
        return failed(
            f"{count(len(refused), 'image')} from a registry that is not allowed: "
            f"{sentence(refused[0][1])}" + (f" Also: {others}." if others else "")
        )
    if nameless:
        return error(f"No registry can be read from: {listing(i.name for i in nameless)}.")
    return passed(f"{count(len(images), 'image')}, all from listed registries.")


@of_images
def pinned(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:
    """Workloads name their images as the profile asks: by digest, or by a tag but latest."""
    how = evidence.effective.images.pinned
    if how == "Off":
        return skipped("The profile does not ask for pinned images.")
    loose = sorted(
        {name for i in images for name in i.running.declared if not _is_pinned(name, how)}
    )
    advice = (
        "Name them by digest: repository@sha256:…"
        if how == "Digest"
        else "Name them by digest, or by a tag other than latest"
    )
    if loose:
        return failed(
            f"{count(len(loose), 'image reference')} not pinned: {listing(loose)}. {advice}."
        )
    return passed("Every image is pinned as the profile asks.")


@of_images
def minimal(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:
    """Images hold no shells, package managers, debug or build tools, as far as it matters."""
    asked = {k: s for k, s in evidence.effective.images.minimal.items() if s != "Off"}
    if not asked:
        return skipped("The profile does not ask for minimal images.")
    found: dict[str, list[str]] = {}
    unknown = []
    fails = False
    for image in images:
        for kind in sorted(asked):
            programs = _programs(image.hygiene, kind)
            if programs is None:
                unknown.append(image)
            elif programs:
                words = f"{MINIMAL_WORDS.get(kind, kind)} ({listing(programs)})"
                found.setdefault(image.name, []).append(words)
                fails = fails or asked[kind] == "Fail"
    if fails:
        return failed(_superfluous(found))
    if unknown:
        return _not_known(unknown, "What is in")
    if found:
        return warned(_superfluous(found))
    return passed("No image holds what the profile does not want in it.")


@of_images
def non_root(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """No container runs as root: by what its pod asks for, or else by its image."""
    running = [(image, _root(image)) for image in images]
    root = {image.name: who for image, who in running if who}
    if root:
        each = (f"{name} ({listing(who)})" for name, who in root.items())
        return failed(f"{count(len(root), 'image')} would run as root: {listing(each)}.")
    unknown = [image for image, who in running if who is None]
    if unknown:
        return _not_known(unknown, "The user of")
    return passed(f"{count(len(images), 'image')}, none of which runs as root.")


def _root(image: ImageFact) -> tuple[str, ...] | None:
    """Name who runs an image as root, and why; None where it is not known."""
    found = set()
    by_image = image.hygiene.runs_as_root if image.hygiene else None
    unknown = False
    for use in image.running.containers:
        if use.kind == "volume":
            continue
        if use.run_as_user is not None:
            if use.run_as_user == 0:
                found.add(f"runAsUser: 0 in {use.name}")
        elif not use.run_as_non_root:
            # With runAsNonRoot, the kubelet does not start what would be root.
            unknown = unknown or by_image is None
            if by_image:
                found.add("by its own configuration")
    if found:
        return tuple(sorted(found))
    return None if unknown else ()


@of_images
def supported_os(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """No image is of a distribution that gets no security updates any more."""
    ended = [i for i in images if i.hygiene and i.hygiene.os_end_of_life]
    if ended:
        names = (f"{i.name} ({i.hygiene.os})" for i in ended if i.hygiene)
        return failed(
            f"{count(len(ended), 'image')} of a distribution that gets no more updates: "
            f"{listing(names)}."
        )
    unknown = [i for i in images if i.hygiene is None or i.hygiene.os_end_of_life is None]
    if unknown:
        return _not_known(unknown, "Whether there still are updates for the distribution of")
    return passed(f"{count(len(images), 'image')}, all of distributions with updates.")


@of_images
def setuid(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """No image holds files that run as their owner, whoever starts them."""
    return _free_of(images, lambda facts: facts.setuid, "setuid or setgid files")


@of_images
def multi_stage(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """No image holds compilers, as it would that was not built in several stages."""
    return _free_of(images, _compilers, "compilers, so they were not built in several stages")


def _free_of(
    images: Sequence[ImageFact],
    look: Callable[[HygieneFacts], tuple[str, ...] | None],
    what: str,
) -> Result:
    facts = [(image, look(image.hygiene) if image.hygiene else None) for image in images]
    found = {image.name: paths for image, paths in facts if paths}
    if found:
        each = [f"{name}: {listing(paths)}" for name, paths in found.items()]
        return failed(f"{count(len(found), 'image')} with {what}: {listing(each, separator='; ')}.")
    unknown = [image for image, paths in facts if paths is None]
    if unknown:
        return _not_known(unknown, "What is in")
    return passed(f"{count(len(images), 'image')} without {what.partition(',')[0]}.")


def _compilers(facts: HygieneFacts) -> tuple[str, ...] | None:
    if facts.build_tools is None:
        return None
    return tuple(each for each in facts.build_tools if _COMPILER.search(each))


@of_images
def age(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:
    """No image was built longer ago than the profile allows."""
    limit = evidence.effective.images.max_age
    if limit is None:
        return skipped("The profile sets no images.maxAge.")
    old = [i for i in images if (at := too_old_at(i, limit)) and at <= evidence.now]
    unknown = [i for i in images if too_old_at(i, limit) is None]
    if old:
        names = (f"{i.name} of {i.hygiene.built:%Y-%m-%d}" for i in old if i.hygiene)
        return failed(f"{count(len(old), 'image')} older than {limit.days} days: {listing(names)}.")
    if unknown:
        return _not_known(unknown, "The age of")
    return passed(f"{count(len(images), 'image')}, none older than {limit.days} days.")


def too_old_at(image: ImageFact, limit: timedelta) -> datetime | None:
    """Return when an image becomes too old; None where it is not known when it was built."""
    created = image.hygiene.built if image.hygiene else None
    if created is None:
        return None
    try:
        return created + limit
    except OverflowError:
        return created.max.replace(tzinfo=created.tzinfo)


def _is_pinned(declared: str, how: str) -> bool:
    try:
        reference = Reference.parse(declared)
    except InvalidReference:
        return False
    if reference.digest:
        return True
    return how == "NotLatest" and reference.tag not in ("", "latest")


def _programs(facts: HygieneFacts | None, kind: str) -> tuple[str, ...] | None:
    if facts is None:
        return None
    return {
        "shells": facts.shells,
        "packageManagers": facts.package_managers,
        "debugTools": facts.debug_tools,
        "buildTools": facts.build_tools,
    }.get(kind)


def _superfluous(found: Mapping[str, Sequence[str]]) -> str:
    """Say which images hold what, each image once."""
    number = f"{count(len(found), 'image')} {'holds' if len(found) == 1 else 'hold'}"
    each = [f"{name}: {', '.join(words)}" for name, words in found.items()]
    return f"{number} programs that a service does not need: {listing(each, separator='; ')}."


def _not_known(images: Iterable[ImageFact], what: str) -> Result:
    unknown = list(images)
    names = sorted({image.name for image in unknown})
    scanners = sorted({image.scanner for image in unknown if image.scanner})
    why = (
        f"because {listing(scanners)} did not tell it, as Bailiwick's own scanner does where it can"
        if scanners
        else "because no scan told it"
    )
    return error(f"{what} {count(len(names), 'image')} is not known, {why}: {listing(names)}.")
