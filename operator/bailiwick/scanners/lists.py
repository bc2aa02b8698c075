"""Lists of what is told of vulnerabilities, as those who publish them write them.

The shapes are those of CISA's catalogue of known exploited vulnerabilities (JSON) and of FIRST's
EPSS scores (CSV).
"""

from __future__ import annotations

import io
from array import array
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from bailiwick.policy.images.findings import Exploitation
from bailiwick.policy.images.intelligence import EpssScores, KnownExploited, cve_number


class Malformed(ValueError):
    """Content that is not what it should be; the text says why, without a subject."""


class _Catalogue(msgspec.Struct, rename="camel"):
    vulnerabilities: list[Any]
    date_released: str = ""


class _Entry(msgspec.Struct, rename="camel"):
    cve: str = msgspec.field(name="cveID")
    date_added: date
    due_date: date | None = None
    known_ransomware_campaign_use: str = ""


def read_known_exploited(content: bytes) -> KnownExploited:
    """Read CISA's catalogue; raises Malformed where it holds no entry that can be read."""
    try:
        catalogue = msgspec.json.decode(content, type=_Catalogue)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"it is not a catalogue with `vulnerabilities` ({error})") from error
    entries: dict[str, Exploitation] = {}
    for each in catalogue.vulnerabilities:
        try:
            entry = msgspec.convert(each, _Entry)
        except msgspec.ValidationError:
            continue
        if cve_number(entry.cve) is not None:
            ransomware = True if entry.known_ransomware_campaign_use == "Known" else None
            entries[entry.cve] = Exploitation(entry.date_added, entry.due_date, ransomware)
    if not entries:
        raise Malformed("it holds no vulnerability")
    bad = len(catalogue.vulnerabilities) - len(entries)
    return KnownExploited(entries, _instant(catalogue.date_released), bad)


@dataclass(slots=True)
class _Rows:
    """Scores as they come, in arrays: as objects, those of all vulnerabilities take 70 MB."""

    ids: array[int] = field(default_factory=lambda: array("Q"))
    scores: array[float] = field(default_factory=lambda: array("f"))
    percentiles: array[float] = field(default_factory=lambda: array("f"))
    bad: int = 0

    def add(self, line: str) -> None:
        try:
            cve, score, percentile = line.split(",")
            values = float(score), float(percentile)
        except ValueError:
            self.bad += 1
            return
        number = cve_number(cve)
        if number is None or not all(0 <= each <= 1 for each in values):
            self.bad += 1
            return
        self.ids.append(number)
        self.scores.append(values[0])
        self.percentiles.append(values[1])

    def sorted(self, as_of: datetime | None) -> EpssScores:
        order = array("L", sorted(range(len(self.ids)), key=self.ids.__getitem__))
        return EpssScores(
            array("Q", (self.ids[at] for at in order)),
            array("f", (self.scores[at] for at in order)),
            array("f", (self.percentiles[at] for at in order)),
            as_of,
            self.bad,
        )


def read_epss(content: bytes) -> EpssScores:
    """Read FIRST's CSV; raises Malformed where it holds no score that can be read.

    Its first line is a remark that names the model's day, its second the names of the columns.
    """
    as_of, rows = None, _Rows()
    for line in io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="replace"):
        text = line.strip()
        if text.startswith("#"):
            told = dict(part.partition(":")[::2] for part in text[1:].split(","))
            as_of = _instant(told.get("score_date", ""))
        elif text and not text.startswith("cve,"):
            rows.add(text)
    if not rows.ids:
        raise Malformed("it holds no line of the form CVE-2026-1234,0.01,0.5")
    return rows.sorted(as_of)


def _instant(text: str) -> datetime | None:
    try:
        # FIRST writes offsets without a colon.
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
