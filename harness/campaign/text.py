"""The table of a campaign for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.campaign.table import ArmLine, ClassLine, Table
from harness.estimates.model import Mean, Quantile, Share
from harness.report.words import inert
from harness.units import percent_text

_CLASS_HEAD = ("fault", "arm", "n", "noticed", "recovered", "median", "95 %", "lost", "gain", "harmed")
_ARM_HEAD = ("arm", "runs", "void", "exactly once", "good units", "false heals/h", "false impacts")


def table_text(table: Table) -> str:
    """Write it, a line a class and an arm.

    Times are seconds; *gain* is service lost by the arm that nobody heals in, less its own, pair by pair.
    """
    question = table.question
    lines = [
        f"{inert(question.title)}: {table.pairs} pairs, seed {question.seed}, "
        f"virtual clock ({question.fidelity}, {question.pace}); ended by {table.stopped or 'nobody yet'}",
        "",
        *_aligned([_CLASS_HEAD, *map(_class, table.classes)]),
        "",
        *_aligned([_ARM_HEAD, *map(_arm, table.arms)]),
        "",
        f"digest of all worlds: {table.digest}",
    ]
    return "\n".join(lines)


def _class(line: ClassLine) -> tuple[str, ...]:
    return (
        f"{inert(line.fault)} {inert(line.subject)}",
        line.arm,
        f"{line.n}{f' ({line.void} void)' if line.void else ''}",
        _share(line.impact),
        _share(line.recovered),
        _value(line.median.value_s),
        _between(line.median),
        _mean(line.lost_s),
        _mean(line.gain_s),
        _share(line.harmed),
    )


def _arm(line: ArmLine) -> tuple[str, ...]:
    heals = line.false_heals
    upper = "" if heals.upper_per_h is None else f" (at most {heals.upper_per_h:.3g})"
    return (
        line.arm,
        str(line.runs),
        str(line.void),
        _share(line.exactly_once),
        percent_text(line.good_ratio, 3),
        "-" if heals.per_h is None else f"{heals.per_h:.3g}{upper}",
        _share(line.false_impacts),
    )


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


def _mean(mean: Mean) -> str:
    if mean.mean is None:
        return "-"
    half = "" if mean.high is None else f" +-{mean.high - mean.mean:.2g}"
    return f"{mean.mean:.3g}{half}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(cells).rstrip() for cells in padded]
