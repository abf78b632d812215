"""The list of campaigns, and trends, for a terminal. Pure; every name in them is made inert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.archive.entry import Entry
from harness.archive.trends import Series, Stage
from harness.estimates.model import Quantile
from harness.report.figures import quantile_figure
from harness.report.words import columns, inert, when

NAME_MAX = 64
_HEAD = ("begun", "campaign", "system", "target", "verdict", "runs", "classes", "seed")


def list_text(listed: Sequence[Entry]) -> str:
    """Write one line a campaign, newest last, and under a damaged one what is wrong with it."""
    if not listed:
        return "no campaign"
    rows = [_HEAD, *map(_row, listed)]
    wide = [max(columns(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = [_aligned(_HEAD, wide)]
    for entry, row in zip(listed, rows[1:], strict=True):
        lines.append(_aligned(row, wide))
        if entry.state != "whole":
            lines.append(f"    {inert(entry.why, 160)}")
    return "\n".join(lines)


def trend_text(found: Sequence[Series]) -> str:
    """Write a block a class, one line a campaign; what is no longer one line is told between the two."""
    if not found:
        return "no class in any campaign"
    return "\n\n".join("\n".join(_block(one)) for one in found)


def class_name(one: Series) -> str:
    """Name a class: fault, subject, arm, restart profile."""
    who = f"arm {inert(one.arm, 24)}, {inert(one.restart_profile, 24)}"
    return f"{inert(one.fault, 60)} {inert(one.subject, 60)}, {who}"


def figure_text(quantile: Quantile, horizon_s: float) -> str:
    """Write a quantile with its interval, or what it needs."""
    figure = quantile_figure(quantile, horizon_s)
    return f"{figure.value} [{figure.small}]" if figure.small else figure.value


def _row(entry: Entry) -> tuple[str, ...]:
    if entry.state != "whole":
        return ("-", inert(entry.id, NAME_MAX), "-", "-", entry.state, "-", "-", "-")
    return (
        inert(when(entry.started_utc), 24) or "-",
        inert(entry.id, NAME_MAX),
        inert(entry.system, 32),
        inert(f"{entry.target}, {entry.pace}" if entry.pace else entry.target, 24),
        inert(entry.word, 16),
        f"{entry.runs}",
        f"{len(entry.classes)}",
        f"{entry.seed}",
    )


def _block(one: Series) -> Iterator[str]:
    yield class_name(one)
    rows = [_stage(stage) for stage in one.stages]
    # What is said of a gap is as long as it is: the columns of figures are not made wider by it.
    wide = [max((columns(row[i]) for row in rows if len(row) > i + 1), default=0) for i in range(6)]
    for stage, row in zip(one.stages, rows, strict=True):
        yield from (f"  --- {inert(words, 120)}" for words in stage.breaks)
        yield f"  {_aligned(row, wide[: len(row) - 1])}"


def _stage(stage: Stage) -> tuple[str, ...]:
    begun, name = inert(when(stage.started_utc), 24) or "-", inert(stage.id, NAME_MAX)
    if stage.gap:
        return begun, name, inert(stage.gap, 120)
    point = stage.point
    return (
        begun,
        name,
        f"n {point.n}",
        f"median {figure_text(point.median, point.horizon_s)}",
        f"p90 {figure_text(point.p90, point.horizon_s)}",
        f"back {point.back.k}/{point.back.n}" if point.back.n else "no impact",
    )


def _aligned(cells: Sequence[str], wide: Sequence[int]) -> str:
    """Set columns side by side; a last one without a width stands as it is."""
    sizes = [*wide, *(0 for _ in cells[len(wide) :])]
    filled = (cell + " " * (width - columns(cell)) for cell, width in zip(cells, sizes, strict=True))
    return "  ".join(filled).rstrip()
