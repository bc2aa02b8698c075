"""What registries said of tags, as an ImageScan's status has it, and read again after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bailiwick.api.imagescan import TAGS_LIMIT
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.images.freshness import BaseFact, Freshness, TagFact
from bailiwick.policy.images.references import is_digest
from bailiwick.reports.fields import JSON, bounded, line, message, moment, present

Facts = Mapping[str, Freshness]
"""What is known of one digest by repository, without why the newest question had no answer."""


def freshness_status(facts: Facts, previous: Mapping[str, Any], now: datetime) -> JSON | None:
    """Write what is known; None where nothing is. `since` moves only when something changed."""
    if not facts:
        return None
    tags, tags_omitted = bounded(
        [_tag(name, tag) for name, known in sorted(facts.items()) for tag in known.tags],
        TAGS_LIMIT,
    )
    bases, bases_omitted = bounded(
        [_base(name, known.base) for name, known in sorted(facts.items()) if known.base],
        TAGS_LIMIT,
    )
    found: JSON = {
        "tags": list(tags),
        "tagsOmitted": tags_omitted,
        "bases": list(bases),
        "basesOmitted": bases_omitted,
    }
    before = dict(previous.get("freshness") or {})
    since = before.pop("since", None)
    return {**found, "since": since if before == found and since else moment(now)}


def read_freshness(status: Mapping[str, Any]) -> Facts:
    """Read what an earlier process wrote."""
    told = status.get("freshness") or {}
    since = instant(told.get("since"))
    tags: dict[str, list[TagFact]] = {}
    for each in told.get("tags") or ():
        fact = TagFact(
            str(each["name"]),
            _digest(each.get("digest")),
            _digest(each.get("manifest")),
            str(each.get("newer") or ""),
            instant(each.get("movedAt")),
        )
        tags.setdefault(str(each["repository"]), []).append(fact)
    bases = {str(each["repository"]): _read_base(each) for each in told.get("bases") or ()}
    return {
        repository: Freshness(since, tuple(tags.get(repository, ())), bases.get(repository))
        for repository in {*tags, *bases}
    }


def _tag(repository: str, tag: TagFact) -> JSON:
    return present(
        repository=line(repository),
        name=line(tag.name),
        digest=tag.digest or None,
        manifest=tag.manifest or None,
        newer=line(tag.newer) if tag.newer else None,
        movedAt=moment(tag.moved_at),
    )


def _base(repository: str, base: BaseFact) -> JSON:
    return present(
        repository=line(repository),
        name=message(base.name),
        digest=base.digest or None,
        now=(base.now.digest or None) if base.now else None,
        nowManifest=(base.now.manifest or None) if base.now else None,
        problem=message(base.problem) if base.problem else None,
    )


def _read_base(each: Mapping[str, Any]) -> BaseFact:
    digest = _digest(each.get("now"))
    now = TagFact("", digest, _digest(each.get("nowManifest"))) if digest else None
    problem = str(each.get("problem") or "")
    return BaseFact(str(each["name"]), _digest(each.get("digest")), now, problem)


def _digest(text: object) -> str:
    return text if isinstance(text, str) and is_digest(text) else ""
