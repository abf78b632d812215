"""The bars: full counts and timed figures. ``python -m benchmarks [PART...] [--again]``.

Comes in: the parts of ``PARTS``, each a module with ``NAME``, ``FORECAST_S`` (seconds on two cores),
``SEED`` and ``run(full)``, which returns figures as JSON can hold them. Goes out: one file a part,
``benchmarks/results/NAME.json``, written only when the part has ended. A part that has a result of the
same clean commit on the same machine is not run again, so a cut session goes on where it stopped.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared import Commit, read_commit

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

# Name -> module. A part that is listed and missing is an error, never a skip.
PARTS: Mapping[str, str] = {
    "changeback": "benchmarks.changeback",
    "outages": "benchmarks.outages",
    "kills": "benchmarks.kills",
    "process_faults": "benchmarks.process_faults",
    "healing": "benchmarks.healing",
    "placebos": "benchmarks.placebos",
    "safety": "benchmarks.safety",
    "proxy": "benchmarks.proxy",
    "detectors": "benchmarks.detectors.part",
    "learning": "benchmarks.learning",
    "learning_kills": "benchmarks.learning_kills",
    "parity": "benchmarks.parity",
    "simulation_speed": "benchmarks.simulation_speed",
    "simulation": "benchmarks.simulation",
    "false_heals": "benchmarks.false_heals",
    "campaigns": "benchmarks.campaigns",
    "search": "benchmarks.search.part",
    "gate": "benchmarks.gate",
    "own": "benchmarks.own",
    "ten_minutes": "benchmarks.ten_minutes",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark, loaded: ``run(True)`` does full counts."""

    name: str
    forecast_s: float
    seed: int
    run: Callable[[bool], Mapping[str, object]]


def load_part(name: str, module_name: str) -> Part:
    """Import a part and check that it is one.

    Raises:
        ModuleNotFoundError: the table names a module that is not there.
        AttributeError: the module lacks one of NAME, FORECAST_S, SEED, run.
        ValueError: the module calls itself by another name than the table does.
    """
    module = importlib.import_module(module_name)
    if name != module.NAME:
        raise ValueError(f"{module_name} calls itself {module.NAME!r}, the table of parts {name!r}")
    return Part(name, float(module.FORECAST_S), int(module.SEED), module.run)


def machine_fingerprint() -> dict[str, object]:
    """What a figure depends on; no host name and no path."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor() or "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def is_current(result: Mapping[str, object], commit: Commit, machine: Mapping[str, object]) -> bool:
    """True where a stored result is of this clean commit on this machine."""
    same = result.get("commit") == commit.id and result.get("machine") == machine
    return same and not commit.dirty and result.get("dirty") is False


def missed_bars(figures: Mapping[str, object]) -> list[str]:
    """Bars not met: by name in ``figures["bars"]`` (name -> met), as a whole in ``figures["met"]``."""
    bars = figures.get("bars", {})
    if not isinstance(bars, Mapping):
        raise TypeError(f"bars must map words to true or false, not {type(bars).__name__}")
    return [str(name) for name, met in bars.items() if not met] + ["met"] * (not figures.get("met", True))


def run_part(part: Part, commit: Commit, machine: Mapping[str, object], results: Path) -> list[str]:
    """Run one part with full counts, store its result, return the bars that it missed."""
    print(f"{part.name}: forecast {duration_text(part.forecast_s)}", flush=True)
    started_utc, started_s = _now_utc(), time.monotonic()
    figures = part.run(True)
    result = {
        "part": part.name,
        "commit": commit.id,
        "dirty": commit.dirty,
        "seed": part.seed,
        "machine": machine,
        "started_utc": started_utc,
        "ended_utc": _now_utc(),
        # Rows may be of earlier commits; the figures are then computed here, and measured there.
        "measured_at": figures.get("commits", [commit.id]),
        "figures": figures,
    }
    store(results / f"{part.name}.json", result)
    missed = missed_bars(figures)
    word = f"missed: {', '.join(missed)}" if missed else "done"
    print(f"{part.name}: {word} after {duration_text(time.monotonic() - started_s)}", flush=True)
    return missed


def store(path: Path, result: Mapping[str, object]) -> None:
    """Write a result whole or not at all: a cut session leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".part")
    whole.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", "utf-8")
    whole.replace(path)


def duration_text(length_s: float) -> str:
    """Write a length for people: ``duration_text(5400) == "1 h 30 min"``."""
    minutes, seconds = divmod(round(length_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _now_utc() -> str:
    return datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")


def _stored(path: Path) -> Mapping[str, object]:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def main(
    words: Sequence[str], parts: Mapping[str, str] = PARTS, results: Path = RESULTS, root: Path = ROOT
) -> int:
    """Run the named parts, or all; 1 where a bar was missed, 2 where a name is unknown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="full counts and timed figures")
    parser.add_argument("part", nargs="*", help=f"any of: {', '.join(parts) or 'none yet'}; none given = all")
    parser.add_argument("--again", action="store_true", help="run parts anew that have a current result")
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.part if name not in parts]:
        print(
            f"unknown part: {', '.join(unknown)}; there are: {', '.join(parts) or 'none yet'}",
            file=sys.stderr,
        )
        return 2
    loaded = [load_part(name, parts[name]) for name in asked.part or parts]
    commit, machine = read_commit(root), machine_fingerprint()
    waiting = [
        part
        for part in loaded
        if asked.again or not is_current(_stored(results / f"{part.name}.json"), commit, machine)
    ]
    for part in loaded:
        if part not in waiting:
            print(f"{part.name}: has a result of this commit and machine; --again runs it anew")
    print(
        f"{len(waiting)} part(s), forecast {duration_text(sum(part.forecast_s for part in waiting))}",
        flush=True,
    )
    missed = [name for part in waiting for name in run_part(part, commit, machine, results)]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
