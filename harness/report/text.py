"""The end of a run on a terminal: the word first, then why, the classes, the trust, the next command.

No box art and no cursor codes; colour only repeats what the sign already says. Every string of
others is made inert, so a name with escape sequences cannot write to the terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from harness.episodes.model import NOT_EXERCISED
from harness.estimates.model import ClassEstimate
from harness.report import costs, debts, figures, harm, scores
from harness.report.depends import depends_text
from harness.report.document import Document
from harness.report.labels import count_text, profile_label
from harness.report.lengths import given, seconds
from harness.report.missed import missed_lines
from harness.report.panels.classes import grouped
from harness.report.panels.points import own_scores
from harness.report.panels.summary import REASONS_MAX, band
from harness.report.successions import successions
from harness.report.words import ALWAYS, ARMS, SIGNS, Sign, arm_rank, columns, inert

CLASSES_MAX = 6  # faults listed; a terminal is read from its last lines
NAME_MAX = 60
EPISODES_MAX = 3  # of kills in succession
ENDED = 8  # the one column of words: set to the left
_ANSI = {"good": "\x1b[32m", "bad": "\x1b[31m", "warn": "\x1b[33m", "void": "\x1b[90m", "plain": "\x1b[36m"}
_PLAIN = str.maketrans(
    {"–": "-", "−": "-", "—": "-", "…": "...", "·": "|", "τ": "tau", "√": "sqrt", "∞": "inf"}
)


def render(document: Document, width: int = 80, colour: bool = False, ascii_only: bool = False) -> str:
    """Write the result as 12 to 25 lines, none wider than ``width`` columns but for long commands.

    ``ascii_only`` replaces every sign and letter that a plain terminal cannot show.
    """
    pen = _Pen(max(40, width), colour=colour, ascii_only=ascii_only)
    blocks = (_head(document, pen), _claims(document, pen), _classes(document, pen), _foot(document, pen))
    text = "\n\n".join("\n".join(lines) for lines in map(list, blocks) if lines) + "\n"
    return text.translate(_PLAIN).encode("ascii", "replace").decode() if ascii_only else text


class _Pen:
    """How to write on this terminal."""

    def __init__(self, width: int, *, colour: bool, ascii_only: bool) -> None:
        self.width, self.colour, self.ascii_only = width, colour, ascii_only

    def tinted(self, words: str, tone: str) -> str:
        return f"{_ANSI[tone]}{words}\x1b[0m" if self.colour else words

    def sign(self, sign: Sign) -> str:
        return self.tinted(sign.ascii if self.ascii_only else sign.mark, sign.tone)

    def wrapped(self, words: str, first: str = "", indent: str = "") -> list[str]:
        safe = inert(words)
        lines = textwrap.wrap(safe, self.width - len(indent), break_on_hyphens=False) or [""]
        return [(first if i == 0 else indent) + line for i, line in enumerate(lines)]


def _head(document: Document, pen: _Pen) -> Iterator[str]:
    verdict, asked = document.verdict, document.inputs
    sign = SIGNS[verdict.word]
    word = pen.tinted(verdict.word, sign.tone)
    where = f"{inert(asked.system, NAME_MAX)} on {inert(asked.target, NAME_MAX)}"
    profile = inert(profile_label(asked.profile.name), NAME_MAX)
    counted = f"{document.estimates.runs} runs, seed {asked.seed}, profile {profile}"
    yield f"{word}  {where} · {counted}"
    yield from pen.wrapped(verdict.why)


def _claims(document: Document, pen: _Pen) -> Iterator[str]:
    shown = band(document)
    for sign, claim, _ in shown.claims:
        yield from pen.wrapped(f"{claim.text}: {claim.evidence}", f"{pen.sign(sign)} ", "  ")
    if shown.more_claims:
        yield "  more claims: see the report"
    for reason in shown.reasons:
        first = pen.sign(SIGNS["UNSAFE" if reason.word == "unsafe" else "VOID"])
        yield from pen.wrapped(f"{reason.word} {reason.run_id}: {reason.why}", f"{first} ", "  ")
    if shown.more_reasons:
        yield f"  more than {REASONS_MAX} of them: see the report"


def _classes(document: Document, pen: _Pen) -> Iterator[str]:
    groups = grouped(document)
    if not groups:
        yield "no class of fault has a counted episode"
        return
    horizons = {c.tau_s for group in groups for c in group}
    one = len(horizons) == 1
    within = given(max(horizons)) if one else "time"
    heads = (
        "",
        "n",
        "impact",
        f"back in {within}",
        "median",
        "lost",
        "in full",
        "while hurt",
        "ended by",
        "sham lost",
    )
    table: list[tuple[str, ...]] = [heads]
    titles: dict[int, str] = {}
    notes: dict[int, str] = {}
    for group in groups[:CLASSES_MAX]:
        watched = "" if one else f", watched for {given(max(c.tau_s for c in group))}"
        name = f"{group[0].fault} {group[0].service}"
        titles[len(table)] = inert(name, min(NAME_MAX, pen.width - len(watched))) + watched
        for estimate in group:
            table.append(_row(estimate))
            notes[len(table)] = _note(estimate)
    yield from _aligned(table, titles, notes, pen=pen)
    arms = sorted({c.arm for group in groups for c in group}, key=arm_rank)
    yield from pen.wrapped("; ".join(f"{arm}: {ARMS[arm]}" for arm in arms if arm in ARMS), "  ", "  ")
    if len(groups) > CLASSES_MAX:
        yield "  more classes in the report"
    for line in missed_lines(document.runs):
        yield from pen.wrapped(line, "  ", "  ")
    yield from _heals(document, pen)
    listed = successions(document)
    for shown in listed[:EPISODES_MAX]:
        yield from pen.wrapped(f"{shown.head}: {shown.outages}", "  ", "    ")
    if len(listed) > EPISODES_MAX:
        yield "  more kills in succession in the report"
    yield from _score(document, pen)


def _note(estimate: ClassEstimate) -> str:
    decided = harm.decisions_text(estimate)
    told = [decided, costs.costs_text(estimate)] if decided else [debts.debt_text(estimate)]
    return "; ".join(filter(None, [*told, depends_text(estimate.dependence)]))


def _heals(document: Document, pen: _Pen) -> Iterator[str]:
    """Say of each arm how often it healed what was not broken, and what harm the platform did."""
    arms = sorted(document.estimates.arms, key=lambda a: (arm_rank(a.arm), a.restart_profile))
    told = [
        f"{inert(a.arm, 24)}, {inert(a.restart_profile, 24)} {costs.heals_text(a.false_heals)}"
        for a in arms
        if a.false_heals is not None
    ]
    if told:
        yield from pen.wrapped(f"false heals: {'; '.join(told)}", "  ", "  ")
    harmed = [
        f"{inert(a.arm, 24)}, {inert(a.restart_profile, 24)} {costs.platform_text(a.platform_harms)}"
        for a in arms
        if a.platform_harms
    ]
    if harmed:
        yield from pen.wrapped(f"harm by the platform: {'; '.join(harmed)}", "  ", "  ")


def _row(estimate: ClassEstimate) -> tuple[str, ...]:
    arm = inert(f"{estimate.arm}, {estimate.restart_profile}", 24)
    count = count_text(estimate.n, estimate.void, estimate.ended_by.get(NOT_EXERCISED, 0))
    back = figures.share_figure(estimate.recovered, "–").value.replace(" ", "")
    impact = figures.share_figure(estimate.impact, "–").value.replace(" ", "")
    lost = figures.lost_figure(estimate.lost_s, estimate.recovered).value
    sham = figures.mean_seconds(estimate.sham_lost_s, "not run").value
    ended = inert(figures.endings_text(estimate), 40)
    timed = estimate.lasts_s is not None
    held = figures.share_figure(estimate.mitigated, "–").value.replace(" ", "") if timed else "–"
    return (arm, count, impact, back, _median(estimate), lost, _full(estimate), held, ended, sham)


def _median(estimate: ClassEstimate) -> str:
    median = estimate.served_median
    figure = figures.quantile_figure(median, estimate.tau_s, estimate.recovered_s)
    if figure.quiet:
        value = figure.value.replace(" / ", "/")
        seen = estimate.recovered_s[0] if len(estimate.recovered_s) == 1 else None
        return f"{seconds(seen)} ({value})" if seen is not None else value
    return f"{figure.value} [{figure.small}]" if median.value_s is not None else figure.value


def _full(estimate: ClassEstimate) -> str:
    """The median until answers were good and not degraded again, or the one time that there is."""
    seen = estimate.full_recovered_s
    if not seen:
        return ALWAYS if estimate.full_impact.n else "–"
    if len(seen) == 1:
        return "not back" if seen[0] is None else seconds(seen[0])
    figure = figures.quantile_figure(estimate.full_median, estimate.tau_s)
    return f"{estimate.full_recovered.k}/{estimate.full_recovered.n}" if figure.quiet else figure.value


def _aligned(
    table: Sequence[tuple[str, ...]], titles: dict[int, str], notes: dict[int, str], *, pen: _Pen
) -> Iterator[str]:
    """Set columns by their widest cell; the last ones are left out where they do not fit.

    ``titles`` stand before the row of their number, ``notes`` behind the one before it.
    """
    sizes = [max(columns(row[i]) for row in table) for i in range(len(table[0]))]
    kept = len(sizes)
    while kept > 5 and 2 + sum(sizes[:kept]) + 2 * (kept - 1) > pen.width:
        kept -= 1
    for i, row in enumerate(table):
        if i in titles:
            yield titles[i]
        cells = [row[0] + " " * (sizes[0] - columns(row[0]))]
        for j in range(1, kept):
            gap = " " * (sizes[j] - columns(row[j]))
            cells.append(row[j] + gap if j == ENDED else gap + row[j])
        yield ("  " + "  ".join(cells)).rstrip()
        if notes.get(i + 1):
            yield from pen.wrapped(notes[i + 1], "    ", "    ")


def _score(document: Document, pen: _Pen) -> Iterator[str]:
    """Write the score of the system's own arm with the floor under it, or what it lacks."""
    for score in own_scores(document):
        where = f"arm {inert(score.arm, 24)}, {inert(score.restart_profile, 24)}"
        if score.word or score.worst is None:
            lacks = scores.needs(score) or f"{score.word.lower()}, {score.why}"
            yield from pen.wrapped(f"score {score.name} {lacks} · {where}", "  ", "  ")
            continue
        worst = score.classes[score.worst]
        floor = f"worst class {scores.points(worst.points.mean)} [{scores.points_span(worst)}]"
        told = f"score {score.name} {scores.points(score.points.mean)} [{scores.points_span(score)}]"
        yield from pen.wrapped(f"{told} · {floor} {worst.fault} {worst.service} · {where}", "  ", "  ")
        if score.implied is not None:
            yield from pen.wrapped(scores.implied_text(score), "  ", "  ")


def _foot(document: Document, pen: _Pen) -> Iterator[str]:
    broken = [check for check in document.trust if not check.ok]
    ok, bad = pen.sign(SIGNS["PASS"]), pen.sign(SIGNS["FAIL"])
    if not document.trust:
        yield f"{bad} no check of the instrument was recorded: trust nothing here"
    elif not broken:
        limits = " or a limit that the report tells" if any(check.weak for check in document.trust) else ""
        yield f"{ok} instrument: every check ok{limits}"
    for check in broken:
        yield from pen.wrapped(f"{check.text}: {check.value}", f"{bad} ", "  ")
    if document.verdict.next:
        yield f"next: {inert(document.verdict.next)}"
