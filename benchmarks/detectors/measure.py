"""Run lengths, delays and costs of detectors, all calibrated alike.

Comes in: how to make a detector, dice. Goes out: figures. A detector is asked for a statistic of each batch;
the threshold is the level at which, over streams without a move, batches lived through per alarm are
``RUN_LENGTH``. One that has a threshold of its own states its statistic relative to it, so that 0 is that
threshold: its run length is then measured, not set.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.detectors.streams import (
    CYCLES,
    MOVES,
    PERIOD,
    Batch,
    Move,
    Past,
    independent,
    past_of,
    seasonal,
)

Floats = NDArray[np.float64]

SEED = 43
RUN_LENGTH = 500.0  # batches
HISTORY = 500
BEFORE, HORIZON = 30, 300
"""Batches before a move, and after it; a move that was missed counts as seen at the horizon."""

OWN = 0.0


class Detector(Protocol):
    """Made from a past, then shown one batch after the other."""

    def see(self, batch: Batch) -> float:
        """Give the statistic: greater = more moved, NaN = it can say nothing."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """``own_threshold``: it brings its own, at 0 of its statistic. ``timed``: what costs are measured of."""

    make: Callable[[Past], Detector]
    own_threshold: bool = False
    timed: Callable[[Past], Detector] | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: replicates of streams without and with a move, batches of the former."""

    quiet: int
    quiet_batches: int
    moved: int
    timed: int


FULL, SHORT = Size(100, 800, 40, 200), Size(4, 60, 2, 5)


def figures(contestant: Contestant, size: Size) -> dict[str, object]:
    """Measure one detector; JSON without NaN: None stands for a threshold that was never found."""
    greatest = quiet(contestant.make, size, cycle=False)
    level = OWN if contestant.own_threshold else threshold(greatest, RUN_LENGTH)
    found: dict[str, object] = {
        "threshold": None if math.isinf(level) else round(level, 6),
        "run_length": length_told(greatest, level),
        "delays": {
            name: delays(contestant.make, move, level, (number, size))
            for number, (name, move) in enumerate(MOVES.items())
        },
    }
    if contestant.own_threshold:
        found["run_length_seasonal"] = length_told(quiet(contestant.make, size, cycle=True), level)
    return found


def quiet(make: Callable[[Past], Detector], size: Size, *, cycle: bool) -> Floats:
    """Run without a move; the greatest statistic so far, (batches, replicates)."""
    greatest = np.empty((size.quiet_batches, size.quiet))
    for replicate in range(size.quiet):
        stream, past = _begun(np.random.default_rng([SEED, int(cycle), replicate]), cycle=cycle)
        detector = make(past)
        seen = [detector.see(next(stream)) for _ in range(size.quiet_batches)]
        known = np.where(np.isnan(seen), -np.inf, seen)
        greatest[:, replicate] = np.maximum.accumulate(known)
    return greatest


def _begun(dice: np.random.Generator, *, cycle: bool) -> tuple[Iterator[Batch], Past]:
    stream = seasonal(dice) if cycle else independent(dice)
    batches, period = (CYCLES * PERIOD, PERIOD) if cycle else (HISTORY, 1)
    return stream, past_of(stream, dice, batches=batches, period=period)


def threshold(greatest: Floats, run_length: float) -> float:
    """Find the lowest level seen at which batches lived through per alarm reach ``run_length``.

    Infinite where alarms at no level are so frequent: then there is nothing to set it by.

    >>> ramp = np.tile(np.arange(10.0)[:, None], (1, 3))
    >>> threshold(ramp, 5.0), threshold(np.full((10, 3), -np.inf), 5.0)
    (3.0, inf)
    """
    levels = np.unique(greatest[np.isfinite(greatest)])
    if not levels.size or mean_length(greatest, -np.inf) is None:
        return math.inf
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        length = mean_length(greatest, float(levels[middle]))
        if length is not None and length < run_length:
            low = middle + 1
        else:
            high = middle
    length = mean_length(greatest, float(levels[low]))
    return float(levels[low]) if length is None or length >= run_length else math.inf


def mean_length(greatest: Floats, level: float) -> float | None:
    """Give batches lived through per alarm above ``level``; None without one."""
    over = greatest > level
    alarms = over[-1]
    if not alarms.any():
        return None
    return float(np.where(alarms, over.argmax(axis=0) + 1, len(greatest)).sum() / alarms.sum())


def length_told(greatest: Floats, level: float) -> dict[str, object]:
    """Give the run length with its alarms, and an interval of 95 %: lives are nearly exponential."""
    alarms = int((greatest[-1] > level).sum())
    length = mean_length(greatest, level)
    error = 1.96 / math.sqrt(alarms) if alarms else 0.0
    return {
        "batches": length and round(length, 1),
        "alarms": alarms,
        "of": greatest.shape[1],
        "low": length and round(length * math.exp(-error), 1),
        "high": length and round(length * math.exp(error), 1),
    }


def delays(
    make: Callable[[Past], Detector], move: Move, level: float, dealt: tuple[int, Size]
) -> dict[str, object]:
    """Batches from a move to the alarm; streams with an alarm before it are left out, and counted."""
    number, size = dealt
    found: list[int] = []
    early = missed = 0
    for replicate in range(size.moved):
        dice = np.random.default_rng([SEED, 100 + number, replicate])
        stream, past = _begun(dice, cycle=False)
        detector = make(past)
        if any(detector.see(next(stream)) > level for _ in range(BEFORE)):
            early += 1
            continue
        seen = _first_alarm(detector, stream, move, level=level, dice=dice)
        missed += seen is None
        found.append(HORIZON if seen is None else seen)
    return {
        "median": statistics.median(found) if found else None,
        "p90": sorted(found)[math.ceil(0.9 * len(found)) - 1] if found else None,
        "n": len(found),
        "missed": missed,
        "early": early,
    }


def _first_alarm(
    detector: Detector, stream: Iterator[Batch], move: Move, *, level: float, dice: np.random.Generator
) -> int | None:
    for age in range(1, HORIZON + 1):
        if detector.see(move(next(stream), dice, float(age))) > level:
            return age
    return None


def cpu_ms(make: Callable[[Past], Detector], batches: int) -> float:
    """CPU of this process per batch, ms: the median of batches; learning is not in it."""
    stream, past = _begun(np.random.default_rng([SEED, 999]), cycle=False)
    detector = make(past)
    spent = []
    for batch in [next(stream) for _ in range(batches)]:
        started_s = time.process_time()
        detector.see(batch)
        spent.append(time.process_time() - started_s)
    return round(1000.0 * statistics.median(spent), 4)


def all_figures(contestants: Mapping[str, Contestant], size: Size) -> dict[str, object]:
    """Measure each in turn, all but what it costs."""
    return {name: figures(contestant, size) for name, contestant in contestants.items()}


def all_costs(contestants: Mapping[str, Contestant], size: Size) -> dict[str, float]:
    """CPU of each per batch, ms."""
    return {name: cpu_ms(one.timed or one.make, size.timed) for name, one in contestants.items()}
