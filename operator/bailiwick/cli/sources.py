"""From options and the scanners' file to the sources of scans."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bailiwick.offline.parts import InvalidDocument
from bailiwick.offline.yaml_documents import yaml_documents
from bailiwick.scanners.adapter import Adapter
from bailiwick.scanners.configuration import (
    Credentials,
    InvalidSources,
    Scheme,
    SourceConfiguration,
    SourceType,
    read_sources,
)
from bailiwick.scanners.harbor import Harbor
from bailiwick.scanners.http import Api
from bailiwick.scanners.source import Limits, NamedSource, Source
from bailiwick.scanners.trivy_operator import Reports, TrivyOperator

if TYPE_CHECKING:
    from bailiwick.engine.options import ScannerOptions

DEFAULT_NAME = "scanner"
"""What the source is called that `--scanner-url` names."""


def load_sources(path: Path, scan_time: timedelta) -> tuple[SourceConfiguration, ...]:
    """Read the scanners' file; raises InvalidSources, also where there is none."""
    try:
        with path.open("rb") as stream:
            documents = [each for each in yaml_documents(stream) if each.value is not None]
    except OSError as error:
        raise InvalidSources([f"it cannot be read: {error.strerror}"]) from error
    except InvalidDocument as error:
        raise InvalidSources([f"line {error.line}: {error.message}"]) from error
    if len(documents) != 1:
        raise InvalidSources([f"it holds {len(documents)} documents: write one, with `sources`"])
    (document,) = documents
    if document.repeated:
        raise InvalidSources(
            f'line {line}: "{key}" stands there twice: write it once'
            for line, key in document.repeated
        )
    return read_sources(document.value, scan_time)


def make_sources(
    options: ScannerOptions, http: aiohttp.ClientSession, reports: Reports
) -> tuple[NamedSource, ...]:
    """Make the sources that are set up, in their order; raises OSError for a CA that is none."""
    if options.sources:
        return tuple(
            NamedSource(each.name, _source(each, http, reports), each.registries)
            for each in options.sources
        )
    if not options.url:
        return ()
    token = Credentials(Scheme.BEARER, options.token_file) if options.token_file else None
    limits = Limits(scan_seconds=options.timeout.total_seconds())
    api = Api(http, options.url, limits, authorization=_authorization(token))
    return (NamedSource(DEFAULT_NAME, Adapter(api)),)


def _source(wanted: SourceConfiguration, http: aiohttp.ClientSession, reports: Reports) -> Source:
    tls = ssl.create_default_context(cafile=wanted.ca_file) if wanted.ca_file else None
    api = Api(
        http,
        wanted.url,
        wanted.limits,
        authorization=_authorization(wanted.credentials),
        tls=tls,
    )
    match wanted.type:
        case SourceType.ADAPTER:
            return Adapter(api)
        case SourceType.HARBOR:
            return Harbor(api)
        case SourceType.TRIVY_OPERATOR:
            return TrivyOperator(reports, wanted.limits)


def _authorization(credentials: Credentials | None) -> Callable[[], str] | None:
    if credentials is None:
        return None
    scheme, file = credentials.scheme, credentials.file

    def header() -> str:
        text = file.read_text().strip()
        if scheme is Scheme.BEARER:
            return f"Bearer {text}"
        if ":" not in text:
            raise ValueError(f"{file} does not hold user:password")
        return f"Basic {base64.b64encode(text.encode()).decode()}"

    return header
