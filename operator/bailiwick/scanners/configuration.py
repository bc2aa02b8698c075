"""The file that lists the sources of scans, in the order in which they are asked.

Everything in it is checked when it is read, and what is wrong is told field by field: a source
that is silently left out would leave images unscanned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from yarl import URL

from bailiwick.api.durations import InvalidDuration, parse_duration
from bailiwick.policy.model_errors import in_words
from bailiwick.scanners.source import Limits

SOURCES_LIMIT = 20
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_PATTERN = re.compile(r"[A-Za-z0-9.*:\[\]-]+(/[a-z0-9._*-]+)*")
_MIB = 1024 * 1024
_WORDS = {
    "enum": "write Adapter, TrivyOperator or Harbor",
    "greater_than_equal": "write a number of 1 or more",
    "less_than_equal": "write a number of 1024 or less",
}


class InvalidSources(ValueError):
    """The list cannot be used; `problems` are sentences that begin with the field."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class SourceType(StrEnum):
    """What a source is behind."""

    ADAPTER = "Adapter"
    TRIVY_OPERATOR = "TrivyOperator"
    HARBOR = "Harbor"


class Scheme(StrEnum):
    """How credentials are shown: a token, or `user:password`."""

    BEARER = "Bearer"
    BASIC = "Basic"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A file with credentials; it is read before each request."""

    scheme: Scheme
    file: Path


@dataclass(frozen=True, slots=True)
class SourceConfiguration:
    """One source as it is to be set up; `ca_file` is None where the system's CAs are meant."""

    name: str
    type: SourceType
    url: str
    credentials: Credentials | None
    ca_file: Path | None
    registries: tuple[str, ...]
    limits: Limits


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=False
    )


class _Limits(_Part):
    scan: str = ""
    request: str = ""
    answer_mi_b: int = Field(32, alias="answerMiB", ge=1, le=1024)


class _Source(_Part):
    name: str
    type: SourceType
    url: str = ""
    bearer_file: str = ""
    basic_file: str = ""
    ca_file: str = ""
    registries: tuple[str, ...] = ()
    limits: _Limits = _Limits()


class _Sources(_Part):
    sources: tuple[_Source, ...]


def read_sources(document: Any, scan_time: timedelta) -> tuple[SourceConfiguration, ...]:
    """Read what the YAML file holds; raises InvalidSources.

    `scan_time` is how long one scan may take where a source does not say.
    """
    try:
        found = _Sources.model_validate(document).sources
    except ValidationError as error:
        told = in_words(error, _WORDS)
        raise InvalidSources(
            f"{path or 'the file'}: {words}" for path, words in told.items()
        ) from error
    problems = [*_of_the_list(found)]
    for position, source in enumerate(found):
        problems += [f"sources[{position}].{each}" for each in _problems(source)]
    if problems:
        raise InvalidSources(problems)
    return tuple(_made(source, scan_time) for source in found)


def _of_the_list(found: tuple[_Source, ...]) -> Iterator[str]:
    if not found:
        yield "sources: list at least one source, or leave --scanners-file out"
    if len(found) > SOURCES_LIMIT:
        yield f"sources: list at most {SOURCES_LIMIT}"
    for name, count in Counter(each.name for each in found).items():
        if count > 1:
            yield f'sources: "{name}" is the name of {count} of them: give each a name of its own'


def _problems(source: _Source) -> Iterator[str]:
    if not _NAME.fullmatch(source.name):
        yield (
            "name: write at most 63 lower-case letters, digits and '-', starting and ending with "
            "a letter or digit"
        )
    yield from _of_where(source)
    if source.bearer_file and source.basic_file:
        yield "basicFile: name one file, as bearerFile (a token) or as basicFile (user:password)"
    for position, pattern in enumerate(source.registries):
        if not _PATTERN.fullmatch(pattern):
            yield (
                f'registries[{position}]: "{pattern[:100]}": write a registry as in images, or a '
                "part of it: registry.example.com/shop/*"
            )
    for field, text in (("scan", source.limits.scan), ("request", source.limits.request)):
        try:
            given = parse_duration(text) if text else None
        except InvalidDuration as error:
            yield f"limits.{field}: {error}"
        else:
            if given is not None and not given:
                yield f"limits.{field}: write at least 1s"


def _of_where(source: _Source) -> Iterator[str]:
    if source.type is SourceType.TRIVY_OPERATOR:
        given = {"url": source.url, "bearerFile": source.bearer_file}
        given |= {"basicFile": source.basic_file, "caFile": source.ca_file}
        for field, value in given.items():
            if value:
                yield (
                    f"{field}: take this away: the reports of Trivy Operator are read from this "
                    "cluster's API server"
                )
        return
    if not source.url:
        yield f"url: this is missing: write {_example(source.type)}"
        return
    url = _address(source.url)
    if url is None:
        yield f'url: "{source.url[:200]}" is not such an address: write {_example(source.type)}'
    elif source.type is SourceType.HARBOR and url.path.strip("/"):
        yield f"url: write Harbor's address without a path: {url.origin()}"
    if source.ca_file and url and url.scheme == "http":
        yield "caFile: take this away, or write an url that begins with https://"


def _address(text: str) -> URL | None:
    try:
        url = URL(text)
    except ValueError:
        return None
    plain = not (url.user or url.query_string or url.fragment)
    return url if url.scheme in ("http", "https") and url.host and plain else None


def _example(kind: SourceType) -> str:
    if kind is SourceType.HARBOR:
        return "https://harbor.example.com"
    return "the base of its API, such as http://bailiwick-scanner:8090/api/v1"


def _made(source: _Source, scan_time: timedelta) -> SourceConfiguration:
    limits = source.limits
    defaults = Limits()
    request = parse_duration(limits.request).total_seconds() if limits.request else None
    registries = source.registries
    if source.type is SourceType.HARBOR and not registries:
        # It knows of no other images than those that it holds.
        registries = (URL(source.url).authority,)
    return SourceConfiguration(
        name=source.name,
        type=source.type,
        url=source.url.rstrip("/"),
        credentials=_credentials(source),
        ca_file=Path(source.ca_file) if source.ca_file else None,
        registries=registries,
        limits=Limits(
            request_seconds=request or defaults.request_seconds,
            scan_seconds=(
                parse_duration(limits.scan) if limits.scan else scan_time
            ).total_seconds(),
            answer_bytes=limits.answer_mi_b * _MIB,
        ),
    )


def _credentials(source: _Source) -> Credentials | None:
    if source.bearer_file:
        return Credentials(Scheme.BEARER, Path(source.bearer_file))
    if source.basic_file:
        return Credentials(Scheme.BASIC, Path(source.basic_file))
    return None
