"""Detectors of moved rows beside their peers, all at one rate of false alarms.

Comes in: nothing but the machine; peers are installed by name and version, each into an environment of its
own under ``.venv-peers``, since they want libraries that exclude each other. Goes out: run lengths, delays,
CPU a batch, and the bars. Contestants are measured side by side, and what they cost afterwards, one after
the other and all of them again and again: a machine that is slow for a while is so for each. A peer that
cannot be installed is an error: a bar without its peers is none.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import venv
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.detectors.measure import HORIZON, RUN_LENGTH, SEED

__all__ = ["FORECAST_S", "NAME", "SEED", "run"]

NAME = "detectors"
FORECAST_S = 2400.0
WORKERS, ROUNDS = 2, 5
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venv-peers"
PEERS: Mapping[str, tuple[str, ...]] = {
    "river": ("river==0.26.1", "numpy==2.4.6", "scipy==1.17.1"),
    "frouros": ("frouros==0.9.0", "numpy==2.1.3", "scipy==1.14.1"),
}
OWN = "window scan"
KINDS = ("mean 0.25", "scale 1.25", "category 0.1")
RUN_LENGTH_RATIOS = (0.7, 1.5)
DELAY_RATIO_MAX, CPU_RATIO_MAX = 0.5, 0.5

Figures = Mapping[str, Any]


def run(full: bool) -> dict[str, object]:
    """Measure all; a short try otherwise, whose bars say nothing."""
    pythons = {"own": Path(sys.executable), **{f"peer_{name}": _environment(name) for name in PEERS}}
    with ThreadPoolExecutor(WORKERS) as side_by_side:
        told = list(side_by_side.map(lambda item: _contest(*item, full), pythons.items()))
    costs = _costs(pythons, full)
    figures = {name: one | {"cpu_ms": costs[name]} for part in told for name, one in part["figures"].items()}
    versions = {name: version for part in told for name, version in part["versions"].items()}
    return {
        "run_length_wanted": RUN_LENGTH,
        "horizon": HORIZON,
        "versions": versions,
        "detectors": figures,
        **compared(figures),
    }


def _environment(name: str) -> Path:
    """Make the environment of a peer, once; its stamp says what it holds."""
    folder, wanted = ENVIRONMENTS / name, "\n".join(PEERS[name])
    python, stamp = folder / "bin" / "python", folder / "stamp"
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-input", *PEERS[name]], check=True)
        stamp.write_text(wanted, "utf-8")
    return python


def _costs(pythons: Mapping[str, Path], full: bool) -> dict[str, float]:
    """CPU a batch of each contestant, ms: the median of rounds."""
    rounds = [
        {
            name: cost
            for module, python in pythons.items()
            for name, cost in _contest(module, python, full, "--cpu")["figures"].items()
        }
        for _ in range(ROUNDS if full else 1)
    ]
    return {name: round(statistics.median(one[name] for one in rounds), 4) for name in rounds[0]}


def _contest(module: str, python: Path, full: bool, *more: str) -> Figures:
    words: list[str | Path] = [python, "-m", "benchmarks.detectors.contest", f"benchmarks.detectors.{module}"]
    words += [*more] if full else [*more, "--short"]
    done = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told: Figures = json.loads(done.stdout)
    return told


def compared(figures: Figures) -> dict[str, object]:
    """Compare with the fastest peer, and with the cheapest of those that see most kinds of moves.

    >>> one = {"run_length": {"batches": 500.0}, "run_length_seasonal": {"batches": None}, "cpu_ms": 1.0,
    ...        "delays": {kind: {"median": 4.0} for kind in KINDS}}
    >>> other = one | {"cpu_ms": 3.0, "delays": {kind: {"median": 9.0} for kind in KINDS}}
    >>> told = compared({"window scan": one, "peer": other})
    >>> told["fastest_peer"], told["cheapest_peer"], list(told["bars"].values())
    ('peer', 'peer', [True, False, True, True])
    """
    own = figures[OWN]
    peers = {name: one for name, one in figures.items() if name != OWN}
    delay = {name: _median(one, KINDS[0]) for name, one in peers.items()}
    fastest = min(delay, key=lambda name: delay[name])
    kinds = {name: sum(_median(one, kind) < HORIZON for kind in KINDS) for name, one in peers.items()}
    seeing = [name for name in peers if kinds[name] == max(kinds.values())]
    cheapest = min(seeing, key=lambda name: float(peers[name]["cpu_ms"]))
    low, high = (ratio * RUN_LENGTH for ratio in RUN_LENGTH_RATIOS)
    lengths = {
        "independent rows": own["run_length"]["batches"],
        "a cycle and memory": own["run_length_seasonal"]["batches"],
    }
    bars = {
        f"run length within 0.7 and 1.5 of what was asked for, {name}": (
            length is not None and low <= length <= high
        )
        for name, length in lengths.items()
    }
    bars |= {
        "median delay of mean 0.25 at most half of the fastest peer's": _median(own, KINDS[0])
        <= DELAY_RATIO_MAX * delay[fastest],
        "CPU a batch at most half of the cheapest peer's that sees most kinds": own["cpu_ms"]
        <= CPU_RATIO_MAX * peers[cheapest]["cpu_ms"],
    }
    return {
        "fastest_peer": fastest,
        "cheapest_peer": cheapest,
        "kinds_seen_of_3": kinds,
        "delay_ratio": round(_median(own, KINDS[0]) / delay[fastest], 3),
        "cpu_ratio": round(own["cpu_ms"] / peers[cheapest]["cpu_ms"], 3),
        "bars": bars,
    }


def _median(one: Figures, kind: str) -> float:
    """Give the median delay, batches; no stream without an early alarm says nothing, and counts as missed."""
    median = one["delays"][kind]["median"]
    return float(HORIZON) if median is None else float(median)
