"""A comparison for a terminal: what changed first, then class by class. Pure; every name is made inert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.archive.comparison import ClassChange, Comparison, HealsChange, Named, PhaseChange
from harness.estimates.compared import Difference, NotBack
from harness.estimates.model import Mean
from harness.report.costs import heals_text
from harness.report.figures import Figure, mean_seconds, quantile_figure, share_figure
from harness.report.lengths import amount, given, seconds, span
from harness.report.since import CANNOT_TELL, ratio_text
from harness.report.words import columns, inert, when

_SHORT = 12  # digits of a digest: enough to tell two apart
Row = tuple[str, str, str, str]


def comparison_text(found: Comparison, by: str) -> str:
    """Write all of it; ``by`` is class or phase. Ratios are B / A: below x1 B was back sooner."""
    lines = [_named("A", found.a), _named("B", found.b), "", *_changes(found)]
    if found.refused:
        return "\n".join([*lines, "", "not comparable:", *(f"  {inert(why)}" for why in found.refused)])
    lines += ["", inert(found.pairing)]
    for one in found.classes:
        lines += ["", *(_class(one) if by == "class" else _by_phase(one))]
    for side, only in (("A", found.only_a), ("B", found.only_b)):
        lines += [f"only in {side}: {inert(name)}" for name in only]
    if found.heals and by == "class":
        lines += ["", "false heals", *(line for one in found.heals for line in _heals(one))]
    return "\n".join(lines)


def _named(side: str, one: Named) -> str:
    begun = f", begun {inert(when(one.started_utc))}" if one.started_utc else ""
    return f"{side}  {inert(one.name)}: {one.word}, {one.runs} runs{begun}"


def _changes(found: Comparison) -> Iterator[str]:
    if not found.changes:
        yield "no input differs"
        return
    yield "what changed in the inputs"
    rows = [(inert(c.what), _short(c.a), _short(c.b)) for c in found.changes]
    wide = max(columns(row[0]) for row in rows)
    for change, (what, a, b) in zip(found.changes, rows, strict=True):
        mark = "!" if change.blocks else " "
        yield f"{mark} {what}{' ' * (wide - columns(what))}  {a} -> {b}"


def _short(value: str) -> str:
    digest = len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value[:_SHORT] if digest else inert(value, 120)


def _head(one: ClassChange) -> str:
    where = f"{inert(one.fault, 60)} {inert(one.subject, 60)}, arm {inert(one.arm, 24)}"
    return f"{where}, {inert(one.restart_profile, 24)}, watched for {given(one.horizon_s)}"


def _class(one: ClassChange) -> Iterator[str]:
    yield _head(one)
    if one.why:
        yield f"  not compared: {one.why}"
    void = [f" ({count} void)" if count else "" for count in (one.void_a, one.void_b)]
    rows: list[Row] = [
        ("", "A", "B", "B / A" if not one.why else ""),
        ("episodes", f"{one.n_a}{void[0]}", f"{one.n_b}{void[1]}", ""),
        ("impact", _cell(share_figure(one.impact_a, "–")), _cell(share_figure(one.impact_b, "–")), ""),
        (
            "median",
            _cell(quantile_figure(one.median_a, one.horizon_s)),
            _cell(quantile_figure(one.median_b, one.horizon_s)),
            "" if one.why else ratio_text(one.ratio),
        ),
        _not_back(one.not_back),
        _lost(one.lost, compared=not one.why),
    ]
    yield from _aligned(rows)


def _by_phase(one: ClassChange) -> Iterator[str]:
    yield _head(one)
    if one.why:
        yield f"  not compared: {one.why}"
        return
    if not one.phases:
        yield "  no phase is told: nobody was seen to act, and no healer told of an alarm"
        return
    rows: list[Row] = [("", "A", "B", "B / A")]
    rows += [_phase(phase, one) for phase in one.phases]
    yield from _aligned(rows)


def _phase(phase: PhaseChange, one: ClassChange) -> Row:
    told = [(phase.told_a, one.impact_a.k), (phase.told_b, one.impact_b.k)]
    sides = [
        f"{_cell(quantile_figure(found, one.horizon_s))}, told in {k} of {n}" if n else "no impact"
        for found, (k, n) in zip((phase.a, phase.b), told, strict=True)
    ]
    return phase.phase, sides[0], sides[1], ratio_text(phase.ratio)


def _not_back(found: NotBack) -> Row:
    told = "" if found.p_value is None else f"p {_p_text(found.p_value)}"
    if found.paired and told:
        told += f" (A alone {found.only_a}, B alone {found.only_b})"
    return "not back", _cell(share_figure(found.a, "–")), _cell(share_figure(found.b, "–")), told


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _lost(found: Difference, *, compared: bool) -> Row:
    """Service lost: the last column is B - A, in seconds."""
    told = _change(found.change, found.paired) if compared else ""
    cut = ", by the horizon" if told and (found.cut_a or found.cut_b) else ""
    return "lost", _mean(found.a, found.cut_a), _mean(found.b, found.cut_b), f"{told}{cut}"


def _mean(mean: Mean, cut: bool) -> str:
    """``cut``: an outage outlived the horizon, so it is the least that was lost, and its interval is open."""
    figure = mean_seconds(mean, "–")
    if not cut or figure.quiet:
        return _cell(figure)
    return f"> {figure.value}" if mean.low is None else f"> {figure.value} [{span(mean.low, None)}]"


def _change(change: Mean, paired: bool) -> str:
    if change.mean is None:
        return f"{CANNOT_TELL}: no pair" if paired else CANNOT_TELL
    value = seconds(change.mean) if change.mean < 0 else f"+{seconds(change.mean)}"
    if change.low is None or change.high is None:
        return f"{value}, one run: no interval"
    return f"{value} [{span(change.low, change.high)}]"


def _heals(one: HealsChange) -> Iterator[str]:
    yield f"  {inert(one.arm, 24)}, {inert(one.restart_profile, 24)}"
    yield f"    A      {heals_text(one.rates.a)}"
    yield f"    B      {heals_text(one.rates.b)}"
    yield f"    B / A  {_rates(one)}"


def _rates(one: HealsChange) -> str:
    found = one.rates
    if found.why:
        return f"{CANNOT_TELL}: {found.why}"
    low, high = amount(found.low or 0.0), "open" if found.high is None else amount(found.high)
    value = f"x{amount(found.ratio)} " if found.ratio is not None else ""
    return f"{value}[{low} to {high}], p {_p_text(found.p_value or 0.0)}"


def _cell(figure: Figure) -> str:
    return f"{figure.value} [{figure.small}]" if figure.small else figure.value


def _aligned(rows: Sequence[Row]) -> Iterator[str]:
    wide = [max(columns(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        cells = [cell + " " * (wide[i] - columns(cell)) for i, cell in enumerate(row)]
        yield ("  " + "  ".join(cells)).rstrip()
