"""What rows and scores look like while nothing is wrong, learned when a system is prepared.

Comes in: feature rows of many days, hour by hour, and the champion's scores of them. Goes out: a
:class:`RowWatch`, and ``row_watch.npz``. A system whose data cannot carry one (too few rows, no such cycle)
has none: then nothing is said of its rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.arrays import read_arrays, write_arrays
from reference_pipeline.healing.detectors.baseline import CYCLES_LEAST, fit_baseline
from reference_pipeline.healing.detectors.columns import Reference, Table, components, make_reference
from reference_pipeline.healing.detectors.histogram import Bins, make_bins, score_components
from reference_pipeline.healing.detectors.scan import Baseline, Group

Floats = NDArray[np.float64]

FILE = "row_watch.npz"
BATCH, PHASES, DAYS = 100, 24, CYCLES_LEAST
RUN_LENGTH = 2000.0  # batches of 100 rows: an alarm here is told, and changes nothing
_SAMPLE = 2000
_OF_THE_CLOCK = frozenset({"hour_sin", "hour_cos", "night", "weekend"})  # no moved row, just another hour


@dataclass(frozen=True, slots=True)
class RowWatch:
    """``watched``: which features. ``version``: whose scores the bins are of."""

    watched: NDArray[np.int64]
    reference: Reference
    rows: Baseline
    bins: Bins
    scores: Baseline
    version: str

    def samples(self) -> dict[str, Floats]:
        """Give the sorted reference sample of each watched feature, in their order."""
        names = [group.name for group in self.reference.groups if group.parts == ("place", "width")]
        return dict(zip(names, self.reference.ranked.values, strict=True))

    def row_components(self, rows: Floats) -> Floats | None:
        """Give the components of a batch of feature rows."""
        return components(self.reference, _table(rows[:, self.watched]))

    def score_components(self, scores: Floats) -> Floats | None:
        """Give the components of a batch of scores of ``version``."""
        return score_components(self.bins, scores)


def make_row_watch(
    rows: Floats, scores: Floats, *, features: Sequence[str], version: str, dice: np.random.Generator
) -> RowWatch:
    """Learn from ``DAYS`` days of ``PHASES`` batches of ``BATCH`` rows, in the order of time.

    Raises:
        BadReference, TooLittleHistory: they cannot carry it.
    """
    watched = np.array([n for n, name in enumerate(features) if name not in _OF_THE_CLOCK], dtype=np.int64)
    sample = dice.choice(len(rows), _SAMPLE, replace=False)
    names = tuple(features[n] for n in watched.tolist())
    reference = make_reference(_table(rows[np.ix_(sample, watched)]), numbers=names, categories={})
    bins = make_bins(scores[sample])
    starts = range(0, len(rows) - BATCH + 1, BATCH)
    of_rows = [components(reference, _table(rows[at : at + BATCH, watched])) for at in starts]
    of_scores = [score_components(bins, scores[at : at + BATCH]) for at in starts]
    return RowWatch(
        watched=watched,
        reference=reference,
        rows=fit_baseline(
            np.array(of_rows), reference.groups, period=PHASES, run_length=RUN_LENGTH, dice=dice
        ),
        bins=bins,
        scores=fit_baseline(
            np.array(of_scores), (bins.group,), period=PHASES, run_length=RUN_LENGTH, dice=dice
        ),
        version=version,
    )


def save_row_watch(found: RowWatch, template: Path) -> None:
    """Write ``row_watch.npz`` into ``template``."""
    meta = {
        "groups": [[group.name, *group.parts] for group in found.rows.groups],
        "score_parts": list(found.bins.group.parts),
        "version": found.version,
        "thresholds": [found.rows.threshold, found.scores.threshold],
        "run_lengths": [found.rows.run_length, found.scores.run_length],
    }
    ranked = found.reference.ranked
    arrays: dict[str, NDArray[np.generic]] = {
        "meta": np.frombuffer(json.dumps(meta, sort_keys=True).encode(), dtype=np.uint8),
        "watched": found.watched,
        "values": np.concatenate(ranked.values),
        "sizes": np.array([len(one) for one in ranked.values], dtype=np.int64),
        "missing": found.reference.missing,
        "edges": found.bins.edges,
        "shares": found.bins.shares,
        "only": np.array([found.bins.only]),
    }
    for name, baseline in (("rows", found.rows), ("scores", found.scores)):
        arrays |= {
            f"{name}_mean": baseline.mean,
            f"{name}_lags": baseline.lags,
            f"{name}_spread": baseline.spread,
            f"{name}_constant": baseline.constant,
        }
    write_arrays(template / FILE, arrays)


def load_row_watch(template: Path) -> RowWatch | None:
    """Load what :func:`save_row_watch` wrote; None where this system has none.

    Raises:
        BadTemplate: the file is damaged.
    """
    if not (template / FILE).exists():
        return None
    arrays = read_arrays(template / FILE)
    meta = json.loads(arrays["meta"].tobytes())
    groups = tuple(Group(name, tuple(parts)) for name, *parts in meta["groups"])
    ends = np.cumsum(arrays["sizes"].astype(np.int64))[:-1]
    values = np.split(arrays["values"].astype(np.float64), ends)
    names = tuple(group.name for group in groups if group.parts == ("place", "width"))
    # Ranks need the sorted sample alone; what standardises them follows from it.
    longest = max(len(one) for one in values)
    sample = np.full((longest, len(values)), np.nan)
    for column, one in enumerate(values):
        sample[: len(one), column] = one
    reference = make_reference(_table(sample), numbers=names, categories={})

    def baseline(name: str, number: int, of: tuple[Group, ...]) -> Baseline:
        return Baseline(
            groups=of,
            mean=arrays[f"{name}_mean"].astype(np.float64),
            lags=arrays[f"{name}_lags"].astype(np.float64),
            spread=arrays[f"{name}_spread"].astype(np.float64),
            constant=arrays[f"{name}_constant"].astype(np.bool_),
            threshold=meta["thresholds"][number],
            run_length=meta["run_lengths"][number],
        )

    scores = Group("score", tuple(meta["score_parts"]))
    return RowWatch(
        watched=arrays["watched"].astype(np.int64),
        reference=Reference(
            groups=groups,
            ranked=reference.ranked,
            shares=(),
            missing=arrays["missing"].astype(np.float64),
        ),
        rows=baseline("rows", 0, groups),
        bins=Bins(
            scores,
            arrays["edges"].astype(np.float64),
            arrays["shares"].astype(np.float64),
            float(arrays["only"].astype(np.float64)[0]),
        ),
        scores=baseline("scores", 1, (scores,)),
        version=meta["version"],
    )


def _table(rows: Floats) -> Table:
    return Table(numbers=rows, categories=np.zeros((len(rows), 0), dtype=np.int64))
