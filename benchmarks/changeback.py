"""The change-back test by simulation: its error rates, the curve in between, the bias of its stamps.

The test itself (``harness.episodes.recovery``) judges units drawn with a known bad share, so every
figure is about the code that analyses real runs. ``python -m benchmarks.changeback`` writes the
tables into docs/measurement.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.episodes.model import Level
from harness.episodes.recovery import Units, Watch, find_level
from harness.experiment.model import PROFILES, Profile

NAME = "changeback"
FORECAST_S = 300.0
SEED = 20
DOC = Path(__file__).parents[1] / "docs" / "measurement.md"
BASELINES = (0.0, 0.005, 0.01)
MARGINS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
OUTAGE_SHARES = (1.0, 0.96, 0.5, 0.2)
OUTAGE_S = 2.0
RUNS, RUNS_QUICK = 2000, 100


@dataclass(frozen=True)
class Truth:
    """``delay_s`` after the fault an outage of ``share`` for ``outage_s``, then ``after``."""

    p0: float
    after: float
    share: float = 1.0
    outage_s: float = OUTAGE_S
    delay_s: float = 0.0


def simulate(profile: Profile, truth: Truth, rng: np.random.Generator) -> Level:
    """Draw one episode with its own baseline at jittered slots and analyse it."""
    rate_hz = profile.rate_hz
    inject_s = profile.baseline_units / rate_hz
    n = int((inject_s + profile.observe_s) * rate_hz)
    due = (np.arange(n) + rng.random(n)) / rate_hz
    since_s = due - inject_s - truth.delay_s
    share = np.where(since_s < 0, truth.p0, np.where(since_s < truth.outage_s, truth.share, truth.after))
    units = Units(due, rng.random(n) < share, np.ones(n))
    baseline = units.between(0.0, inject_s).bad_ratio()
    assert baseline is not None
    return find_level(units, profile, Watch(inject_s, inject_s + profile.observe_s, baseline))


def acceptance(profile: Profile, truth: Truth, runs: int, rng: np.random.Generator) -> dict[str, float]:
    """Shares of ``runs`` that are accepted within W + H of the outage's end, and within tau."""
    stamps = [simulate(profile, truth, rng).recovered_s for _ in range(runs)]
    latest_s = truth.outage_s + profile.window_length_s
    soon = sum(s is not None and s <= latest_s for s in stamps)
    return {"soon_ratio": soon / runs, "ever_ratio": sum(s is not None for s in stamps) / runs}


def bias(profile: Profile, truth: Truth, runs: int, rng: np.random.Generator) -> dict[str, float]:
    """Error of the recovery stamp against the outage's true end: 5 %, 50 % and 95 % points, in seconds."""
    end_s = truth.delay_s + truth.outage_s
    levels = [simulate(profile, truth, rng) for _ in range(runs)]
    errors = np.array([level.recovered_s - end_s for level in levels if level.recovered_s is not None])
    low, middle, high = np.quantile(errors, [0.05, 0.5, 0.95]) if errors.size else (np.nan,) * 3
    return {
        "recovered_ratio": errors.size / runs,
        "error_p5_s": round(float(low), 4),
        "error_median_s": round(float(middle), 4),
        "error_p95_s": round(float(high), 4),
    }


def run(full: bool) -> dict[str, object]:
    """Measure curve, stamps and false impacts; ``full`` is 2,000 runs a point, else 100."""
    runs = RUNS if full else RUNS_QUICK
    rng = np.random.default_rng(SEED)
    curve, stamps, impacts = [], [], []
    for name, profile in PROFILES.items():
        margin = profile.margin_ratio
        for p0 in BASELINES:
            for factor in MARGINS if name == "default" else (0.0, 2.0, 4.0):
                point = acceptance(profile, Truth(p0, p0 + factor * margin), runs, rng)
                curve.append({"profile": name, "p0": p0, "margins": factor, **point})
            quiet = Truth(p0, p0, share=p0)
            seen = sum(simulate(profile, quiet, rng).impact_s is not None for _ in range(runs))
            impacts.append({"profile": name, "p0": p0, "false_impact_ratio": seen / runs})
    for share in OUTAGE_SHARES:
        for p0 in (0.0, 0.01):
            truth = Truth(p0, p0, share=share, outage_s=3.0, delay_s=4.0)
            point = bias(PROFILES["default"], truth, runs, rng)
            stamps.append({"share": share, "p0": p0, **point})
    return {"runs": runs, "curve": curve, "stamps": stamps, "impacts": impacts}


def tables(result: dict[str, object]) -> Iterator[str]:
    """The result as lines of Markdown."""
    curve, stamps, impacts = (result[part] for part in ("curve", "stamps", "impacts"))
    assert isinstance(curve, list)
    assert isinstance(stamps, list)
    assert isinstance(impacts, list)
    yield f"{result['runs']} simulated outages a line. *Soon*: accepted within W + H of the outage's end."
    yield "*Ever*: accepted at any time in the horizon.\n"
    yield "| profile | baseline p0 | afterwards | soon | ever |\n|---|---|---|---|---|"
    for row in curve:
        after = f"p0 + {row['margins']:g} m" if row["margins"] else "p0"
        shares = f"{row['soon_ratio']:.2%} | {row['ever_ratio']:.2%}"
        yield f"| {row['profile']} | {row['p0']:.1%} | {after} | {shares} |"
    yield "\nImpacts seen where nothing happened (steady p0 for the whole horizon):\n"
    yield "| profile | baseline p0 | false impact |\n|---|---|---|"
    for row in impacts:
        yield f"| {row['profile']} | {row['p0']:.1%} | {row['false_impact_ratio']:.2%} |"
    yield "\nError of the recovery stamp (stamp - true end), default profile, 50 units/s, outage of 3 s:\n"
    yield "| bad during the outage | baseline p0 | recovered | 5 % | median | 95 % |"
    yield "|---|---|---|---|---|---|"
    for row in stamps:
        errors = " | ".join(f"{row[name]:+.3f} s" for name in ("error_p5_s", "error_median_s", "error_p95_s"))
        yield f"| {row['share']:.0%} | {row['p0']:.1%} | {row['recovered_ratio']:.1%} | {errors} |"


def main() -> int:
    """Measure in full and put the tables into the document, between its two marks."""
    begin, end = "<!-- begin changeback -->\n", "<!-- end changeback -->"
    head, _, rest = DOC.read_text(encoding="utf-8").partition(begin)
    _, _, tail = rest.partition(end)
    body = "\n".join(tables(run(full=True)))
    DOC.write_text(f"{head}{begin}{body}\n{end}{tail}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
