"""Outages of known length, 0.5 to 3 s, as the real driver brackets them at 200 and at 50 units/s.

Figures: how many of n lie between the bounds of the rows (sent to ended) and of the line (due to due,
as a report shows them), and the absolute error of the line's midpoint. Wanted: all bracketed; median
at most 10 ms at 200 units/s and 15 ms at 50 units/s.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

NAME = "outages"
COUNT, COUNT_SHORT = 300, 10
RATES = (200.0, 50.0)
SEED = 20_03
FORECAST_S = COUNT * (1.75 + 1.3) + 10  # mean outage and mean pause, from the stub's timetable
KNOWN_RATIO_MIN = 0.97
MEDIAN_MS_MAX = {"200": 10.0, "50": 15.0}

KIT = Path(__file__).parent.parent / "tests" / "calibration" / "outages"


def run(full: bool) -> dict[str, object]:
    """Measure 300 outages, or 10 where not ``full``; gives the figures of each rate and the bars."""
    sys.path.insert(0, str(KIT))
    kit = importlib.import_module("outage_kit")
    count = COUNT if full else COUNT_SHORT
    figures = {rate: _figures(measured) for rate, measured in kit.run_outages(count, RATES, SEED).items()}
    bars = {}
    for rate, figure in figures.items():
        known = figure["n"]
        bars[f"truth known of at least 97 % at {rate}/s"] = known >= KNOWN_RATIO_MIN * count
        bars[f"every outage bracketed at {rate}/s"] = figure["bracketed"] == known
        bars[f"every outage bracketed by the line at {rate}/s"] = figure["bracketed_by_the_line"] == known
        limit_ms = MEDIAN_MS_MAX[rate]
        bars[f"median midpoint error at most {limit_ms:g} ms at {rate}/s"] = (
            figure["midpoint_error_ms"]["median"] or np.inf
        ) <= limit_ms
    return {"outages": count, "rates": figures, "bars": bars}


def _figures(measured: Any) -> dict[str, Any]:  # the kit is imported by path
    outages = [outage for outage in measured.outages if outage.known]
    errors_ms = np.abs([outage.midpoint_error_s for outage in outages]) * 1000
    # An order statistic instead of interpolation: an outage without an end is infinitely wrong.
    median, p90 = np.quantile(errors_ms, [0.5, 0.9], method="higher")
    return {
        "bracketed": sum(outage.bracketed for outage in outages),
        "bracketed_by_the_line": sum(outage.line_bracketed for outage in outages),
        "n": len(outages),
        "truth_unknown_stub_stalled": len(measured.outages) - len(outages),
        "missed": [
            {"true_s": o.true_s, "rows": [*map(str, o.rows)], "line": str(o.line)}
            for o in outages
            if not (o.bracketed and o.line_bracketed)
        ],
        "midpoint_error_ms": {"median": _ms(median), "p90": _ms(p90), "max": _ms(errors_ms.max())},
        "median_width_ms": _ms(float(np.median([o.rows[1] - o.rows[0] for o in outages])) * 1000),
        "stalls_of_the_witness": measured.stalls,
    }


def _ms(value: float) -> float | None:
    return round(float(value), 2) if np.isfinite(value) else None


if __name__ == "__main__":
    print(f"forecast: {FORECAST_S:.0f} s for {COUNT} outages", flush=True)
    print(json.dumps(run("--short" not in sys.argv), indent=1))
