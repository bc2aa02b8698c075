"""The controls of whether images are current: their tags, their base, their version."""

from __future__ import annotations

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
)
from bailiwick.policy.images.freshness import runs, tags_of


@of_images
def current(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """What runs is what its tag leads to; what is named by digest alone has none to compare."""
    outdated, unknown, tagged = [], [], 0
    for image in images:
        for name in tags_of(image.running):
            tagged += 1
            tag = image.freshness.tag(name) if image.freshness else None
            if tag is None or image.running.digest is None:
                unknown.append(image)
            elif not tag.digest:
                outdated.append(f"{image.name}:{name} is gone from the registry")
            elif not runs(image.running, tag):
                since = f" since {tag.moved_at:%Y-%m-%d}" if tag.moved_at else ""
                outdated.append(f"{image.name}:{name} leads to {tag.digest[:19]}…{since}")
            elif image.freshness and image.freshness.problem:
                unknown.append(image)
    if outdated:
        return failed(
            f"{count(len(outdated), 'image')} no longer what the tag leads to: "
            f"{listing(outdated, separator='; ')}."
        )
    if unknown:
        return _not_known(unknown)
    return passed(f"{count(tagged, 'tag')}, all leading to what runs.")


@of_images
def base_current(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """What images say they were built on is still what that name leads to."""
    outdated, silent, unknown = [], [], []
    for image in images:
        base = image.freshness.base if image.freshness else None
        if image.freshness is None or image.freshness.checked_at is None:
            unknown.append(image)
        elif base is None:
            silent.append(image)
        elif base.outdated:
            outdated.append(f"{image.name}, built on {base.name}")
        elif base.outdated is None:
            unknown.append(image)
    if outdated:
        return failed(
            f"{count(len(outdated), 'image')} built on an image that was replaced since: "
            f"{listing(outdated, separator='; ')}."
        )
    if unknown:
        return _not_known(unknown)
    if silent:
        return error(
            f"{count(len(silent), 'image')} without annotations or labels "
            "org.opencontainers.image.base.name and .digest, so what it was built on is not "
            f"known: {listing(sorted({i.name for i in silent}))}."
        )
    return passed(f"{count(len(images), 'image')}, all built on what their base is now.")


@of_images
def newest(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """No repository has a newer version than the one that runs."""
    older, unknown = [], []
    for image in images:
        for name in tags_of(image.running):
            tag = image.freshness.tag(name) if image.freshness else None
            if tag is None:
                unknown.append(image)
            elif tag.newer:
                older.append(f"{image.name}:{name}, now {tag.newer}")
    if older:
        return failed(
            f"{count(len(older), 'image')} of which there is a newer version: "
            f"{listing(older, separator='; ')}."
        )
    if unknown:
        return _not_known(unknown)
    return passed("No repository has a newer version of what runs.")


def _not_known(images: list[ImageFact]) -> Result:
    names = sorted({image.name for image in images})
    said = [i.freshness.problem for i in images if i.freshness and i.freshness.problem]
    said += [i.freshness.base.problem for i in images if i.freshness and i.freshness.base]
    why = next((each for each in said if each), "the registry has not been asked yet")
    return error(
        f"What the registry has now of {count(len(names), 'image')} is not known: "
        f"{sentence(why)} ({listing(names)})"
    )
