"""The outcome of a campaign for a terminal.

Comes in: a table and a verdict. Goes out: text, every name in it made inert. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.campaign.scoring import ScoreLine
from harness.campaign.table import ArmLine, ClassLine, Doubt, Table
from harness.episodes.model import NOT_EXERCISED
from harness.estimates.counts import Rate
from harness.estimates.model import Mean, Quantile, Share
from harness.experiment.model import NOBODY_HEALS
from harness.report.labels import count_text
from harness.report.words import inert
from harness.units import percent_text, plural
from harness.verdict.model import Verdict

_CLASS_HEAD = (
    "fault",
    "arm",
    "profile",
    "n",
    "impact",
    "recovered",
    "median",
    "95 %",
    "lost s",
    "gain s",
    "harmed",
)
_ARM_HEAD = ("arm", "profile", "runs", "void", "exactly once", "good units", "false heals/h", "false impacts")


def outcome_text(table: Table, verdict: Verdict) -> str:
    """Write the verdict first, then the table, a line a class and an arm, then what is wrong with which runs.

    Times are seconds; *gain* is service lost by the arm that nobody heals in, less its own, pair by pair.
    Where an episode outlived the horizon, a mean is a bound and has no half width.
    """
    question = table.question
    doubts = [f"  {inert(doubt_text(doubt))}" for doubt in table.doubts]
    more = table.doubtful - len(doubts)
    classes = [_class(line, _compared(line, table)) for line in table.classes]
    pairs = plural(table.pairs, "pair")
    lines = [
        *verdict_lines(verdict),
        "",
        f"{inert(question.title)}: {pairs}, seed {question.seed}, "
        f"virtual clock ({question.fidelity}, {question.pace}); ended by {table.stopped}",
        "",
        *([*_aligned([_CLASS_HEAD, *classes]), ""] if classes else ()),
        *_aligned([_ARM_HEAD, *map(_arm, table.arms)]),
        "",
        *map(_score, table.scores),
        *([""] if table.scores else ()),
        *([f"runs with which something is wrong: {table.doubtful}", *doubts] if doubts else ()),
        *([f"  and {more} more"] if more > 0 else ()),
        f"digest of all worlds: {table.digest}",
    ]
    return "\n".join(lines)


def verdict_lines(verdict: Verdict) -> list[str]:
    """The word and why, then a line a claim."""
    claims = [f"  {claim.word}: {inert(claim.text)} ({inert(claim.evidence)})" for claim in verdict.claims]
    return [f"{verdict.word}: {inert(verdict.why)}", *claims]


def doubt_text(doubt: Doubt) -> str:
    """Name a run with which something is wrong, and say what, in words that may be others'."""
    side = f"{doubt.restart_profile}, {'sham' if doubt.sham else 'fault'}"
    return f"pair {doubt.pair}, arm {doubt.arm}, {side}: {doubt.what}"


def _compared(line: ClassLine, table: Table) -> ClassLine:
    """The line of the arm that nobody heals in; the line itself where there is none."""
    key = line.fault, line.subject, line.restart_profile
    alike = [one for one in table.classes if (one.fault, one.subject, one.restart_profile) == key]
    return next((one for arm in NOBODY_HEALS for one in alike if one.arm == arm), line)


def _beyond(line: ClassLine) -> bool:
    """Whether an episode outlived the horizon: what it lost by then is the least that it lost."""
    return line.recovered.k < line.recovered.n


def _class(line: ClassLine, least: ClassLine) -> tuple[str, ...]:
    return (
        f"{inert(line.fault)} {inert(line.subject)}",
        line.arm,
        line.restart_profile,
        count_text(line.n, line.void, line.ended_by.get(NOT_EXERCISED, 0)),
        _share(line.impact),
        _share(line.recovered),
        _value(line.median.value_s),
        _between(line.median),
        _mean(line.lost_s, ">" if _beyond(line) else ""),
        _mean(line.gain_s, "?" if _beyond(line) else ">" if _beyond(least) else ""),
        _share(line.harmed),
    )


def _arm(line: ArmLine) -> tuple[str, ...]:
    return (
        line.arm,
        line.restart_profile,
        str(line.runs),
        str(line.void),
        f"{_share(line.exactly_once)}{f' ({line.blind} not seen)' if line.blind else ''}",
        percent_text(line.good_ratio, 3),
        _rate(line.false_heals),
        _share(line.false_impacts),
    )


def _score(line: ScoreLine) -> str:
    """Points of 100 that were kept, and the class that kept least."""
    head = f"score {line.name}, {line.arm}, {line.restart_profile}: "
    if line.why:
        return f"{head}no points, {inert(line.why)}"
    return f"{head}{_points(line.points)}; floor {_points(line.floor)}, {inert(line.worst)}"


def _points(mean: Mean) -> str:
    if mean.mean is None or mean.low is None or mean.high is None:
        return "-"
    return f"{mean.mean:.1f} [{mean.low:.1f}-{mean.high:.1f}]"


def _rate(heals: Rate) -> str:
    if heals.per_h is None:
        return f"not observable in {heals.blind} runs" if heals.blind else "-"
    upper = "in clusters" if heals.upper_per_h is None else f"at most {heals.upper_per_h:.3g}"
    blind = f", not observable in {heals.blind} runs" if heals.blind else ""
    return f"{heals.per_h:.3g} ({upper}; {heals.k} in {heals.hours:.3g} h{blind})"


def _share(share: Share) -> str:
    if not share.n:
        return "-"
    return f"{share.k}/{share.n} ({100 * share.low_ratio:.0f}-{100 * share.high_ratio:.0f} %)"


def _value(value_s: float | None) -> str:
    return "-" if value_s is None else f"{value_s:.3g}"


def _between(found: Quantile) -> str:
    if found.value_s is None:
        return f"n < {found.needs_n}" if found.n < found.needs_n else "beyond the horizon"
    high = "open" if found.high_s is None else f"{found.high_s:.3g}"
    return f"{_value(found.low_s)}-{high}"


def _mean(mean: Mean, sign: str) -> str:
    """``sign``: ">" = at least that, of a mean that the horizon has cut; "?" = its two sides are cut."""
    if mean.mean is None:
        return "-"
    half = "" if mean.high is None or sign else f" +-{mean.high - mean.mean:.2g}"
    return f"{sign}{mean.mean:.3g}{half}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(cells).rstrip() for cells in padded]
