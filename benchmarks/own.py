"""Foreign programs under three platforms: 20 kills each 2 s apart, and 20 in quick succession, against truth.

The program stamps when it serves, its supervisor when it hears of a death: so the true length of each outage
is known within milliseconds. A class of kills has W 100 units at 200/s and H 0.5 s. Wanted: the interval that
a report prints contains the truth of every one, in quick succession as well, where 20 kills are one episode
with 20 outages, and the platform is credited with each end. Rows: ``results/own.rows.jsonl``, one an outage.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.shared import CLAIMS, ROOT, commit_text, keep, refuse_a_changed_tree, share_out, stored

NAME = "own"
SEED = 70_05
COUNT, COUNT_SHORT = 20, 3
WAYS = ("apart", "succession")
PLATFORMS = ("a supervisor with a declared delay", "a shell loop", "our own supervisor")
ATTEMPTS = 3
APART_S, AROUND_S = 2.02, 10.0
ROWS = ROOT / "benchmarks" / "results" / "own.rows.jsonl"
KIT = ROOT / "tests" / "calibration" / "own"
ITEMS = tuple(itertools.product(PLATFORMS, WAYS))


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kill. ``true_s``: the outage lasted between these; ``seen_s``: the interval of the report.

    None: no outage was seen for this kill, or no such end of it. ``void``: why its run counts for nothing.
    """

    platform: str
    way: str
    number: int
    commit: str
    true_s: tuple[float, float] | None
    seen_s: tuple[float | None, float | None]
    ended_by: str
    void: str = ""

    @property
    def bracketed(self) -> bool:
        """Whether the interval contains the truth; an unknown one is none."""
        low_s, high_s = self.seen_s
        if self.void or self.true_s is None or low_s is None or high_s is None:
            return False
        return low_s <= self.true_s[1] and self.true_s[0] <= high_s


FORECAST_S = len(PLATFORMS) * (COUNT * (APART_S + 0.9) + 2 * AROUND_S)


def run(full: bool) -> dict[str, object]:
    """Measure what is missing, then compute the figures; ``full`` false: 3 kills an item, stored nowhere."""
    if not full:
        return bars_and_figures([row for item in ITEMS for row in measure(item, COUNT_SHORT)], COUNT_SHORT)
    refuse_a_changed_tree()
    share_out(
        ITEMS,
        claims=CLAIMS / ".bars-own",
        done=lambda: {(row.platform, row.way) for row in stored(ROWS, Row)},
        do=lambda item: keep(ROWS, measure(item, COUNT)),
    )
    return bars_and_figures(stored(ROWS, Row), COUNT)


def measure(item: tuple[str, str], count: int) -> list[Row]:
    """Kill ``count`` times on one platform, in one way; a void run is done again, twice at most."""
    sys.path.insert(0, str(KIT))
    kit = importlib.import_module("own_kit")
    platform, way = item
    faults, again = (["process_kill"] * count, None)
    if way == "succession":
        faults, again = ["process_kill"], {"times": count, "every_s": kit.EVERY_S}
    for _ in range(ATTEMPTS):
        with tempfile.TemporaryDirectory(prefix="own-") as folder:
            services = {"one": kit.PLATFORMS[platform]}
            seen = kit.measure(Path(folder) / "run", services, faults, again=again)
        if not seen.run.void:
            break
    return rows_of(item, seen, count)


def rows_of(item: tuple[str, str], seen: Any, count: int) -> list[Row]:  # the kit is imported by path
    """One row a kill that was asked for; those of which nothing is known are rows as well."""
    platform, way = item
    found = [(one.true_s, one.seen_s, one.episode.ended_by, one.episode.void) for one in seen.outages]
    found += [(None, (None, None), "", "no such kill in the run")] * (count - len(found))
    return [
        Row(
            platform=platform,
            way=way,
            number=number,
            commit=commit_text(),
            true_s=true_s,
            seen_s=seen_s,
            ended_by=ended_by,
            void=seen.run.void or void,
        )
        for number, (true_s, seen_s, ended_by, void) in enumerate(found, 1)
    ]


def bars_and_figures(rows: Sequence[Row], count: int) -> dict[str, object]:
    """Compute the figures of each platform and way, and the bars; what is missing misses its bar."""
    figures, bars = {}, {}
    for platform, way in ITEMS:
        mine = [row for row in rows if (row.platform, row.way) == (platform, way)]
        name = f"{platform}, {way}"
        figures[name] = _figures(mine)
        bars[f"{name}: {count} of {count} outages bracketed"] = len(mine) == count and all(
            row.bracketed for row in mine
        )
        bars[f"{name}: each ended by the platform"] = len(mine) == count and {
            row.ended_by for row in mine
        } == {"platform"}
    return {"platforms": figures, "commits": sorted({row.commit for row in rows}), "bars": bars}


def _figures(rows: Sequence[Row]) -> dict[str, object]:
    known = [row for row in rows if row.bracketed and row.true_s is not None]
    true_s = [sum(row.true_s) / 2 for row in known if row.true_s is not None]
    seen_s = [sum(filter(None, row.seen_s)) / 2 for row in known]
    errors_ms = [abs(seen - true) * 1000 for seen, true in zip(seen_s, true_s, strict=True)]
    return {
        "kills": len(rows),
        "void": sum(bool(row.void) for row in rows),
        "bracketed": len(known),
        "true_median_s": _median(true_s, 4),
        "midpoint_error_ms": {
            "median": _median(errors_ms, 2),
            "max": _rounded(max(errors_ms, default=None), 2),
        },
        "missed": [
            {"number": row.number, "true_s": row.true_s, "seen_s": row.seen_s, "void": row.void}
            for row in rows
            if not row.bracketed
        ],
    }


def _median(values: Sequence[float], digits: int) -> float | None:
    return _rounded(float(np.median(values)), digits) if values else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
