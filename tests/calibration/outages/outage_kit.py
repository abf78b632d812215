"""Measure outages of known length with the real driver, and compare with the stub's own stamps."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import outage_stub

from harness.driver.spec import Spec
from harness.episodes.recovery import Units, Watch, find_level
from harness.episodes.service import service_of
from harness.experiment.model import Profile, Workload
from harness.history.observations import REASONS, read_rows

HERE = Path(__file__).parent
TAIL_S = 1.5  # units after the last outage, longer than windows and hold of the line
NEAR_S = 1.0  # a stall of the stub this near to an outage leaves its true length unknown
LEAD_S = 0.1  # the line watches from shortly before a fault to shortly before the next


@dataclass(frozen=True)
class Outage:
    """One outage: as the stub stamped it, as raw rows bracket it, and as the line's episodes do.

    Lengths in seconds. ``line`` is None where the line saw no outage or no end of it. ``known`` is
    False where the stub itself stood still nearby: it was then down for longer than it stamped.
    """

    true_s: float
    rows: tuple[float, float]
    line: tuple[float, float] | None
    known: bool = True

    @property
    def bracketed(self) -> bool:
        """Whether the rows' bounds hold the truth."""
        return self.rows[0] <= self.true_s <= self.rows[1]

    @property
    def line_bracketed(self) -> bool:
        """Whether the line's bounds, as a report shows them, hold the truth."""
        return self.line is not None and self.line[0] <= self.true_s <= self.line[1]

    @property
    def midpoint_error_s(self) -> float:
        """Signed error of the middle of the line's bounds; infinite where it has none."""
        return float("inf") if self.line is None else sum(self.line) / 2 - self.true_s


@dataclass(frozen=True)
class Measured:
    """What one driver saw: its outages, and how often it stood still itself."""

    outages: list[Outage]
    stalls: int


def run_outages(count: int, rates: tuple[float, ...], seed: int) -> dict[str, Measured]:
    """Run one driver a rate, all at once, against one stub that goes down ``count`` times.

    Gives what was measured by rate (``"200"``). Raises RuntimeError where a process failed.
    """
    length_s = sum(map(sum, outage_stub.timetable(count, random.Random(seed)))) + TAIL_S
    with tempfile.TemporaryDirectory() as folder:
        stub = _start(str(HERE / "outage_stub.py"), str(count), str(seed))
        port = _line(stub)["port"]
        drivers = {
            f"{rate:g}": _driver(Path(folder), port, rate=rate, seed=seed, length_s=length_s)
            for rate in rates
        }
        try:
            first_due_s = time.monotonic() + 0.2
            for process in [stub, *drivers.values()]:
                process.stdin.write(f"{'start' if process is stub else 'go'} {first_due_s!r}\n")
                process.stdin.flush()
            truth = []
            while "end" not in (message := _line(stub)):
                truth.append((message["down_s"], message["up_s"]))
            stalls = message["stalls"]
            told = {rate: _until_done(process) for rate, process in drivers.items()}
        finally:
            for process in [stub, *drivers.values()]:
                process.kill()
                process.communicate()
        return {
            rate: Measured(measure(Path(folder) / f"{rate}.bin", truth, float(rate), stalls), witness)
            for rate, witness in told.items()
        }


def measure(
    path: Path, truth: list[tuple[float, float]], rate: float, stalls: list[tuple[float, float]]
) -> list[Outage]:
    """Bracket every outage of ``truth`` (down, up) by the rows of one driver; ``stalls`` are the stub's."""
    rows = np.sort(read_rows(path.read_bytes()), order="due")
    ups, downs = [up_s for _, up_s in truth], [down_s for down_s, _ in truth]
    edges = [-np.inf, *((up_s + down_s) / 2 for up_s, down_s in pairwise_gaps(ups, downs)), np.inf]
    units = service_of(rows).units(full=False)
    ends = [*downs[1:], float(rows["due"][-1])]
    found = []
    for place, (down_s, up_s) in enumerate(truth):
        mine = rows[(rows["due"] > edges[place]) & (rows["due"] <= edges[place + 1])]
        line = _line_bounds(units, rate, (down_s, ends[place]))
        still = any(at_s < up_s + NEAR_S and at_s + lasted_s > down_s - NEAR_S for at_s, lasted_s in stalls)
        found.append(Outage(up_s - down_s, bounds(mine), line, known=not still))
    return found


def _line_bounds(units: Units, rate: float, within: tuple[float, float]) -> tuple[float, float] | None:
    """What the episodes of the line say of the outage between an instant and the next outage."""
    profile = Profile(rate_hz=rate, window_s=0.1, window_units=20, hold_s=0.4, tau_s=4.0)
    level = find_level(units, profile, Watch(within[0] - LEAD_S, within[1] - LEAD_S, 0.0))
    if level.bound_low_s is None or level.bound_high_s is None:
        return None
    return level.bound_low_s, level.bound_high_s


def pairwise_gaps(ups: list[float], downs: list[float]) -> list[tuple[float, float]]:
    """(end of an outage, start of the next) for all but the last."""
    return list(zip(ups[:-1], downs[1:], strict=True))


def bounds(rows: np.ndarray) -> tuple[float, float]:
    """Bounds of the length of the one outage in ``rows``: bad to bad, and good to good.

    Bad is refused or reset; a late answer was still an answer. A bad unit proves that the service
    was down at some instant between its sending and its end, a good one that it was up at some such
    instant. So the inner bound runs from the *end* of the first bad to the *sending* of the last,
    the outer from the sending of the last good before to the end of the first good after; bounds
    from due to due miss the truth by the time of an answer, about once in a hundred outages.
    """
    bad = rows[np.isin(rows["reason"], [REASONS.index("refused"), REASONS.index("reset")])]
    good = rows[rows["status"] == 200]
    if not len(bad):
        return 0.0, 0.0
    before = good[good["due"] < bad["due"][0]]
    after = good[good["due"] > bad["due"][-1]]
    low_s = float(bad["sent"][-1] - bad["ended"][0])
    high_s = float(after["ended"][0] - before["sent"][-1]) if len(before) and len(after) else float("inf")
    return max(0.0, low_s), high_s


def _driver(folder: Path, port: int, *, rate: float, seed: int, length_s: float) -> subprocess.Popen:
    spec = Spec(
        seed=seed,
        duration_s=length_s,
        profile=Profile(rate_hz=rate, load_batch=0),
        world="outage_world:open_world",
        world_path=(str(HERE),),
        url=f"http://127.0.0.1:{port}/decide",
        workload=Workload(service="stub", route="/decide"),
        observations=str(folder / f"{rate:g}.bin"),
    )
    path = folder / f"{rate:g}.json"
    path.write_bytes(msgspec.json.encode(spec))
    process = _start("-m", "harness.driver", str(path))
    if "ready" not in _line(process):
        raise RuntimeError("the driver did not get ready")
    return process


def _until_done(process: subprocess.Popen) -> int:
    """Read what a driver tells until it is done; the number of stalls."""
    stalls = 0
    while "done" not in (message := _line(process)):
        stalls += "stall" in message
    return stalls


def _start(*command: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _line(process: subprocess.Popen) -> dict:
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args} ended with {process.wait()}")
    return json.loads(line)
