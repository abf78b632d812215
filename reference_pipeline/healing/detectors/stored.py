"""What rows and scores look like while nothing is wrong, learned when a system is prepared.

Comes in: stored feature rows in the order of time, and the model that serves first. Goes out: a
:class:`RowWatch` and ``row_watch.npz``; the stored rows themselves (``score_rows.npz``), on which a version
that comes later is scored in its turn. Where the rows cannot carry a baseline, the watch says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.arrays import read_arrays, write_arrays
from reference_pipeline.healing.detectors.baseline import (
    BATCHES_LEAST,
    CYCLES_LEAST,
    TooLittleHistory,
    fit_baseline,
)
from reference_pipeline.healing.detectors.columns import BadReference, Reference, components, make_reference
from reference_pipeline.healing.detectors.histogram import make_bins
from reference_pipeline.healing.detectors.scan import Baseline, Group
from reference_pipeline.healing.detectors.scores import RUN_LENGTH, ScoreReference, make_score_reference
from reference_pipeline.healing.detectors.watched import Category, Mask, Watched, watched_of
from reference_pipeline.records import FeatureSpec

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[np.generic]]

FILE, ROWS_FILE = "row_watch.npz", "score_rows.npz"
BATCH, CYCLES = 100, CYCLES_LEAST
BATCH_LEAST = 20  # rows: with fewer the root of a count is no normal number any more
_SAMPLE = 2000
LEARNED = (
    "the stored rows are those that the first version has learned from: none to come is scored like them"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Stored rows (n, features) in the order of time; ``nulls`` (n, categories): there is no value.

    ``period``: batches to a cycle, 1 where none is known. ``learned``: by the model that serves first.
    """

    rows: Floats
    nulls: Mask
    period: int
    learned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWatch:
    """``sample`` and ``nulls``: some of the stored rows; ``batch``: rows of one; ``period``: as in the past.

    ``reference`` and ``rows`` are None where rows cannot be judged; ``why`` says why. ``scores``: of the
    version that serves first.
    """

    watched: Watched
    sample: Floats
    nulls: Mask
    batch: int
    period: int
    reference: Reference | None
    rows: Baseline | None
    scores: ScoreReference
    why: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Batches to a cycle, and rows of a batch."""
        return self.period, self.batch

    def samples(self) -> dict[str, Floats]:
        """Give the sorted values of each watched feature in the sample, without missing ones."""
        columns = {name: self.sample[:, column] for name, column in self.watched.features.items()}
        return {name: np.sort(values[~np.isnan(values)]) for name, values in columns.items()}

    def row_components(self, rows: Floats, nulls: Mask) -> Floats | None:
        """Give the components of a batch of feature rows."""
        if self.reference is None:
            return None
        return components(self.reference, self.watched.table(rows, nulls))


def make_row_watch(
    past: Past,
    score: Callable[[Floats], Floats],
    *,
    spec: FeatureSpec,
    version: str,
    dice: np.random.Generator,
) -> RowWatch:
    """Learn from ``past``; ``score``: by ``version``, the one that serves first."""
    watched = watched_of(spec)
    chosen = dice.choice(len(past.rows), min(_SAMPLE, len(past.rows)), replace=False)
    sample, nulls = past.rows[chosen], past.nulls[chosen]
    batch = BATCH if past.period > 1 else min(BATCH, len(past.rows) // BATCHES_LEAST)
    reference, rows, why = None, None, ""
    try:
        if batch < BATCH_LEAST:
            needed = BATCH_LEAST * BATCHES_LEAST
            raise TooLittleHistory(f"{len(past.rows)} stored rows where {needed} are needed")
        reference = make_reference(
            watched.table(sample, nulls), numbers=tuple(watched.numbers), categories=watched.levels
        )
        rows = _fit_rows(past, watched, reference, batch=batch, dice=dice)
    except (BadReference, TooLittleHistory) as error:
        reference, why = None, str(error)
    shape = past.period, batch if reference else BATCH
    if past.learned:
        scores = ScoreReference(version=version, sample=score(sample), why=LEARNED)
    else:
        scored = score(past.rows)
        scores = make_score_reference(version, scored[chosen], scored, shape=shape, dice=dice)
    return RowWatch(
        watched=watched,
        sample=sample,
        nulls=nulls,
        batch=shape[1],
        period=shape[0],
        reference=reference,
        rows=rows,
        scores=scores,
        why=why,
    )


def _fit_rows(
    past: Past, watched: Watched, reference: Reference, *, batch: int, dice: np.random.Generator
) -> Baseline:
    starts = range(0, len(past.rows) - batch + 1, batch)
    tables = (watched.table(past.rows[at : at + batch], past.nulls[at : at + batch]) for at in starts)
    found = np.array([components(reference, table) for table in tables])
    return fit_baseline(found, reference.groups, period=past.period, run_length=RUN_LENGTH, dice=dice)


def save_row_watch(found: RowWatch, template: Path, *, past: Past) -> None:
    """Write ``row_watch.npz`` into ``template``; ``score_rows.npz`` where nobody has learned from them."""
    scores = found.scores
    meta = {
        "numbers": dict(found.watched.numbers),
        "categories": found.watched.categories,
        "batch": found.batch,
        "period": found.period,
        "why": found.why,
        "version": scores.version,
        "scores_why": scores.why,
    }
    arrays: Arrays = {
        "meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
        "sample": found.sample,
        "nulls": found.nulls,
        "scored": scores.sample,
    }
    arrays |= _as_arrays("rows", found.rows) | _as_arrays("scores", scores.baseline)
    write_arrays(template / FILE, arrays)
    if not past.learned:
        # Half the bytes; a score differs only where a value lies on a split. By columns they pack better.
        columns = np.ascontiguousarray(past.rows.T.astype(np.float32))
        write_arrays(template / ROWS_FILE, {"columns": columns}, packed=True)


def load_row_watch(template: Path) -> RowWatch | None:
    """Load what :func:`save_row_watch` wrote; None where this system has none.

    Raises:
        BadTemplate: the file is damaged.
    """
    if not (template / FILE).exists():
        return None
    arrays = read_arrays(template / FILE)
    meta = json.loads(arrays["meta"].tobytes())
    categories = (Category(name, tuple(levels), tuple(at)) for name, levels, at in meta["categories"])
    watched = Watched(meta["numbers"], tuple(categories))
    sample, nulls = arrays["sample"].astype(np.float64), arrays["nulls"].astype(np.bool_)
    scored = arrays["scored"].astype(np.float64)
    reference = rows = bins = baseline = None
    if not meta["why"]:
        # The same sample gives the same reference: it need not be stored.
        reference = make_reference(
            watched.table(sample, nulls), numbers=tuple(watched.numbers), categories=watched.levels
        )
        rows = _from_arrays("rows", arrays, reference.groups)
    if not meta["scores_why"]:
        bins = make_bins(scored)
        baseline = _from_arrays("scores", arrays, (bins.group,))
    return RowWatch(
        watched=watched,
        sample=sample,
        nulls=nulls,
        batch=meta["batch"],
        period=meta["period"],
        reference=reference,
        rows=rows,
        scores=ScoreReference(
            version=meta["version"], sample=scored, bins=bins, baseline=baseline, why=meta["scores_why"]
        ),
        why=meta["why"],
    )


def load_score_rows(template: Path) -> NDArray[np.float32] | None:
    """Load the stored rows that no version has learned from, in the order of time; None where none are there.

    Raises:
        BadTemplate: the file is damaged.
    """
    if not (template / ROWS_FILE).exists():
        return None
    return np.ascontiguousarray(read_arrays(template / ROWS_FILE)["columns"].astype(np.float32).T)


def _as_arrays(name: str, one: Baseline | None) -> Arrays:
    if one is None:
        return {}
    return {
        f"{name}_mean": one.mean,
        f"{name}_lags": one.lags,
        f"{name}_spread": one.spread,
        f"{name}_constant": one.constant,
        f"{name}_level": np.array([one.threshold, one.run_length]),
    }


def _from_arrays(name: str, arrays: Mapping[str, NDArray[np.generic]], groups: tuple[Group, ...]) -> Baseline:
    threshold, run_length = arrays[f"{name}_level"].astype(np.float64).tolist()
    return Baseline(
        groups=groups,
        mean=arrays[f"{name}_mean"].astype(np.float64),
        lags=arrays[f"{name}_lags"].astype(np.float64),
        spread=arrays[f"{name}_spread"].astype(np.float64),
        constant=arrays[f"{name}_constant"].astype(np.bool_),
        threshold=threshold,
        run_length=run_length,
    )
