"""The static site of a store: an index with the last verdicts and trends, and a page a campaign. Pure.

Comes in: entries, documents, tables. Goes out: HTML that needs no script and no network; every value goes
through ``inert`` and the template engine's escaping. No page of the store is copied: it is rendered anew, so
nothing that somebody wrote into a report gets into the site.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from harness.archive.entry import Entry
from harness.archive.trend_picture import picture
from harness.archive.trends import series
from harness.campaign.table import Table
from harness.campaign.text import outcome_text
from harness.report.html import environment, style
from harness.report.words import SIGNS, Sign, inert, when
from harness.verdict.model import Verdict

_HERE = Path(__file__).parent
_STYLE = Markup(
    ".verdict { margin-bottom: 12px; }\n.verdict .where { font-size: 17px; }\na { color: var(--own); }\n"
)
_TEXT_MAX = 400
_UNKNOWN = Sign("–", "-", "void", "no verdict can be read")


@dataclass(frozen=True, slots=True)
class _Row:
    """One campaign as the index shows it; ``page`` is where its own page lies, "" = there is none."""

    id: str
    page: str
    begun: str
    title: str
    system: str
    target: str
    word: str
    tone: str
    why: str
    runs: str
    classes: str


@dataclass(frozen=True, slots=True)
class _Last:
    """The newest campaign of a system on a target."""

    row: _Row
    sign: Sign


def page_of(entry: Entry) -> str:
    """Where the page of a campaign lies in the site, "" = it has none."""
    return f"campaigns/{entry.id}.html" if entry.is_linked() else ""


def index(listed: Sequence[Entry]) -> str:
    """Render the index; the same entries give the same text, byte for byte."""
    rows = [_row(entry) for entry in listed]
    return (
        environment(_HERE)
        .get_template("site.html")
        .render(
            style=style() + _STYLE,
            count=len(listed),
            newest=next((row.begun for row in reversed(rows) if row.begun), ""),
            latest=_latest(listed),
            pictures=[picture(one) for one in series(listed)],
            rows=rows[::-1],
        )
    )


def pairs_page(table: Table, verdict: Verdict) -> str:
    """Render a campaign of pairs: its table as text."""
    # Lines are ours and every name in them is inert already; the engine would join them.
    told = Markup("\n").join(escape(line) for line in outcome_text(table, verdict).splitlines())
    return (
        environment(_HERE)
        .get_template("pairs.html")
        .render(style=style(), word=verdict.word, title=table.question.title, told=told)
    )


def _latest(listed: Sequence[Entry]) -> list[_Last]:
    """The newest campaign of each system on each target, by name; what is damaged tells no system."""
    newest = {(e.system, e.target, e.pace): e for e in listed if e.state == "whole"}
    return [_Last(_row(entry), _sign(entry)) for _, entry in sorted(newest.items())]


def _sign(entry: Entry) -> Sign:
    return next((sign for word, sign in SIGNS.items() if word == entry.word), _UNKNOWN)


def _row(entry: Entry) -> _Row:
    whole = entry.state == "whole"
    return _Row(
        id=entry.id,
        page=page_of(entry),
        begun=when(entry.started_utc),
        title=entry.title,
        system=entry.system,
        target=f"{entry.target}, {entry.pace}" if entry.pace else entry.target,
        word=entry.word if whole else entry.state,
        tone=_sign(entry).tone,
        why=inert(entry.why, _TEXT_MAX),
        runs=f"{entry.runs}" if whole else "–",
        classes=f"{len(entry.classes)}" if whole else "–",
    )
