"""The file that lists sources of scans: what it may say, and what is told where it is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bailiwick.cli.sources import load_sources, make_sources
from bailiwick.engine.options import ScannerOptions
from bailiwick.policy.images.references import Reference
from bailiwick.scanners.configuration import InvalidSources, Scheme, SourceType
from bailiwick.scanners.errors import ScanError
from tests.scanners.fake import FakeScanner, serving
from tests.scanners.trivy import Stored

QUARTER = timedelta(minutes=15)
WHOLE = """\
sources:
- name: harbor
  type: Harbor
  url: https://harbor.example.com:8443
  basicFile: /var/run/bailiwick/scanners/harbor
  caFile: /etc/bailiwick/harbor-ca.crt
  limits: {scan: 30m, request: 10s, answerMiB: 64}
- name: trivy-operator
  type: TrivyOperator
  registries: [ghcr.io/acme/*]
- name: own
  type: Adapter
  url: http://bailiwick-scanner:8090/api/v1/
  bearerFile: /var/run/bailiwick/scanner-token/token
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scanners.yaml"


def test_every_field_is_read_and_what_is_left_out_has_a_default(file: Path) -> None:
    file.write_text(WHOLE)
    harbor, trivy, own = load_sources(file, QUARTER)
    assert (harbor.name, harbor.type) == ("harbor", SourceType.HARBOR)
    assert harbor.credentials is not None
    assert (harbor.credentials.scheme, str(harbor.credentials.file)) == (
        Scheme.BASIC,
        "/var/run/bailiwick/scanners/harbor",
    )
    assert str(harbor.ca_file) == "/etc/bailiwick/harbor-ca.crt"
    assert harbor.limits.scan_seconds == 1800
    assert harbor.limits.request_seconds == 10
    assert harbor.limits.answer_bytes == 64 * 1024 * 1024
    assert harbor.registries == ("harbor.example.com:8443",), "it holds no other images"
    assert (trivy.type, trivy.registries) == (SourceType.TRIVY_OPERATOR, ("ghcr.io/acme/*",))
    assert own.url == "http://bailiwick-scanner:8090/api/v1"
    assert own.credentials is not None
    assert own.credentials.scheme is Scheme.BEARER
    assert own.registries == ()
    assert own.limits.scan_seconds == QUARTER.total_seconds()


ADAPTER = "- {name: a, type: Adapter, url: 'http://scanner:8080/api/v1'%s}"


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "it holds 0 documents: write one, with `sources`"),
        ("sources: []", "sources: list at least one source, or leave --scanners-file out"),
        ("sources: x", "sources: write a list"),
        ("[]", "the file: write a mapping"),
        ("source: []", "source: there is no such field"),
        ("sources: [{type: Adapter}]", "sources[0].name: this is missing"),
        (
            "sources: [{name: a, type: Trivy}]",
            "sources[0].type: write Adapter, TrivyOperator or Harbor",
        ),
        ("sources: [{name: A_b, type: TrivyOperator}]", "sources[0].name: write at most 63 lower"),
        (
            "sources: [{name: a, type: Adapter}]",
            "sources[0].url: this is missing: write the base of its API, such as http://",
        ),
        (
            "sources: [{name: a, type: Harbor, url: harbor.example.com}]",
            'sources[0].url: "harbor.example.com" is not such an address: write https://harbor.',
        ),
        (
            "sources: [{name: a, type: Harbor, url: 'https://u:p@harbor.example.com'}]",
            "is not such an address",
        ),
        (
            "sources: [{name: a, type: Harbor, url: 'https://h.example.com/api/v2.0'}]",
            "sources[0].url: write Harbor's address without a path: https://h.example.com",
        ),
        (
            "sources: [{name: a, type: TrivyOperator, url: 'http://x.example.com'}]",
            "sources[0].url: take this away: the reports of Trivy Operator are read from this",
        ),
        ("sources:\n" + ADAPTER % ", tokenFile: /t", "sources[0].tokenFile: there is no such"),
        (
            "sources:\n" + ADAPTER % ", basicFile: /b, bearerFile: /t",
            "sources[0].basicFile: name one file, as bearerFile (a token) or as basicFile",
        ),
        (
            "sources:\n" + ADAPTER % ", caFile: /c",
            "sources[0].caFile: take this away, or write an url that begins with https://",
        ),
        (
            "sources:\n" + ADAPTER % ", registries: ['https://ghcr.io']",
            'sources[0].registries[0]: "https://ghcr.io": write a registry as in images',
        ),
        (
            "sources:\n" + ADAPTER % ", limits: {scan: soon}",
            'sources[0].limits.scan: "soon" is not a duration: write a whole number and a unit',
        ),
        ("sources:\n" + ADAPTER % ", limits: {scan: 0s}", "limits.scan: write at least 1s"),
        (
            "sources:\n" + ADAPTER % ", limits: {answerMiB: 0}",
            "sources[0].limits.answerMiB: write a number of 1 or more",
        ),
        (
            "sources:\n" + ADAPTER % "" + "\n" + ADAPTER % "",
            'sources: "a" is the name of 2 of them: give each a name of its own',
        ),
        (
            "sources:\n- {name: a, type: TrivyOperator, name: b}",
            'line 2: "name" stands there twice: write it once',
        ),
        ("sources: [", "line "),
    ],
)
def test_what_is_wrong_is_told_with_its_field_and_what_to_write(
    file: Path, text: str, problem: str
) -> None:
    file.write_text(text)
    with pytest.raises(InvalidSources) as caught:
        load_sources(file, QUARTER)
    assert any(problem in each for each in caught.value.problems), caught.value.problems


def test_everything_that_is_wrong_is_told_at_once(file: Path) -> None:
    file.write_text("sources: [{name: A, type: Adapter}, {name: b, type: Harbor}]")
    with pytest.raises(InvalidSources) as caught:
        load_sources(file, QUARTER)
    assert [each.partition(":")[0] for each in caught.value.problems] == [
        "sources[0].name",
        "sources[0].url",
        "sources[1].url",
    ]


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(InvalidSources, match="it cannot be read: No such file"):
        load_sources(file, QUARTER)


def written(file: Path, text: str) -> ScannerOptions:
    """Write the file, and read it as the operator does."""
    file.write_text(text)
    return ScannerOptions(sources=load_sources(file, QUARTER))


async def test_each_type_becomes_the_source_of_that_type(file: Path) -> None:
    options = written(file, WHOLE.replace("  caFile: /etc/bailiwick/harbor-ca.crt\n", ""))
    async with aiohttp.ClientSession() as http:
        made = make_sources(options, http, Stored())
    assert [(each.name, type(each.source).__name__) for each in made] == [
        ("harbor", "Harbor"),
        ("trivy-operator", "TrivyOperator"),
        ("own", "Adapter"),
    ]


async def test_credentials_are_read_for_each_request_and_told_where_they_are_none(
    tmp_path: Path, file: Path
) -> None:
    secret = tmp_path / "robot"
    harbor = f"{{name: h, type: Harbor, url: 'http://127.0.0.1:1', basicFile: {secret}}}"
    options = written(file, f"sources: [{harbor}]")
    async with aiohttp.ClientSession() as http:
        (entry,) = make_sources(options, http, Stored())
        for text, words in (
            (None, "No such file"),
            ("no-colon", "does not hold user:password"),
            ("robot:secret", "cannot be reached"),
        ):
            if text is not None:
                secret.write_text(text)
            with pytest.raises(ScanError, match=words) as caught:
                await entry.source.capabilities()
            assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "field, secret, header",
    [
        ("basicFile", "user:pass word", "Basic dXNlcjpwYXNzIHdvcmQ="),
        ("bearerFile", "a.b.c", "Bearer a.b.c"),
    ],
)
async def test_an_adapter_is_shown_its_credentials_in_either_scheme(
    tmp_path: Path, file: Path, field: str, secret: str, header: str
) -> None:
    (tmp_path / "secret").write_text(f"{secret}\n")
    async with serving(FakeScanner()) as scanner, aiohttp.ClientSession() as http:
        adapter = f"{{name: a, type: Adapter, url: '{scanner.url}', {field}: {tmp_path}/secret}}"
        (entry,) = make_sources(written(file, f"sources: [{adapter}]"), http, Stored())
        assert (await entry.source.capabilities()).scanner == "Fake"
    assert scanner.asked[0][2]["Authorization"] == header


async def test_the_short_way_makes_one_adapter_for_every_image() -> None:
    async with aiohttp.ClientSession() as http:
        (entry,) = make_sources(ScannerOptions(url="http://scanner:8080/api/v1"), http, Stored())
        assert make_sources(ScannerOptions(), http, Stored()) == ()
    assert entry.name == "scanner"
    assert entry.takes(Reference("registry.example.com", "shop/cart"))
