"""How often is something healed where nothing is broken: thirty days at sparse pace beside two at dense pace.

Two campaigns of sham runs in arm reference, ``experiments/standard/quiet-days.yaml`` and ``quiet.yaml``, as
`hormesis campaign --sham-only` does them. Wanted: both rates agree within their 95 % intervals (healing
episodes an hour, taken for Poisson; both of hours in which each act was seen), every record arrives exactly
once, and all of it is done within 15 minutes on two cores. Sparse pace is worth something only where it tells
what dense pace tells.

A session that is cut goes on where it stopped, as any campaign; how long it took is then not known, and the
bar of time is missed.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.shared import CLAIMS
from harness.campaign.asking import Wanted
from harness.campaign.table import ArmLine, Table
from harness.estimates.rates import interval_per_h
from harness.experiment.load import load_experiment
from harness.experiment.model import Pace
from harness.frontends.commands.campaign import conduct, pool

ROOT = Path(__file__).resolve().parents[1]

NAME = "false_heals"
SEED = 62_01
ASKED: Mapping[Pace, tuple[str, int]] = {"sparse": ("quiet-days", 30), "dense": ("quiet", 48)}
FORECAST_S = 3600.0
WITHIN_S = 900.0
STORE = CLAIMS / ".bars-false-heals"


def run(full: bool) -> dict[str, object]:
    """Ask both campaigns; ``full`` false: one run of each, kept nowhere."""
    if not full:
        with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
            return _asked(Path(store), dict.fromkeys(ASKED, 1))
    told = _asked(STORE, {pace: pairs for pace, (_, pairs) in ASKED.items()})
    shutil.rmtree(STORE)
    return told


def _asked(store: Path, pairs: Mapping[Pace, int]) -> dict[str, object]:
    resumed, began_s = any(store.glob("*/parts/*")), time.monotonic()
    store.mkdir(parents=True, exist_ok=True)
    tables = {pace: _table(name, pairs[pace], pace, store) for pace, (name, _) in ASKED.items()}
    return figures(tables, None if resumed else time.monotonic() - began_s)


def _table(name: str, pairs: int, pace: Pace, store: Path) -> Table:
    experiment = load_experiment(ROOT / "experiments" / "standard" / f"{name}.yaml")
    wanted = Wanted(seed=SEED, pairs_max=pairs, pace=pace, sham_only=True)
    table, _, _ = conduct(experiment, wanted, pool, store)
    return table


def figures(tables: Mapping[Pace, Table], length_s: float | None) -> dict[str, object]:
    """Compare the two tables; pure. ``length_s`` None: nobody knows."""
    lines = {pace: table.arms for pace, table in tables.items()}
    told = {pace: [_told(line) for line in found] for pace, found in lines.items()}
    intervals = [_interval(found[0]) for found in lines.values() if found]
    seen = all(_is_seen(line) for found in lines.values() for line in found)
    agree = (
        seen
        and len(intervals) == len(ASKED)
        and max(low for low, _ in intervals) <= min(high for _, high in intervals)
    )
    sound = all(
        line.runs and not line.void and line.exactly_once.k == line.exactly_once.n == line.runs
        for found in lines.values()
        for line in found
    )
    return {
        "runs": told,
        "took_s": None if length_s is None else round(length_s, 1),
        "bars": {
            "both rates agree within their intervals": agree,
            "every run counts, every record exactly once": sound and all(lines.values()),
            f"within {WITHIN_S:g} s": length_s is not None and length_s <= WITHIN_S,
        },
    }


def _told(line: ArmLine) -> dict[str, object]:
    low, high = _interval(line)
    return {
        "runs": line.runs,
        "virtual_h": round(line.virtual_h, 2),
        "false_heals": line.false_heals.k,
        "hours": round(line.false_heals.hours, 2),
        "blind": line.false_heals.blind,
        "per_h": line.false_heals.per_h,
        "low_per_h": round(low, 5),
        "high_per_h": round(high, 5) if math.isfinite(high) else None,
    }


def _is_seen(line: ArmLine) -> bool:
    """Whether there is a rate at all, of every run: the interval of no hours agrees with any other."""
    return line.false_heals.hours > 0 and not line.false_heals.blind


def _interval(line: ArmLine) -> tuple[float, float]:
    return interval_per_h(line.false_heals.k, line.false_heals.hours)
