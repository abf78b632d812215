"""What a monitor of confidence would have said around one fault: it looks at scores, and knows no truth.

In: the rows, the span, the version that the fault set. Out: ``Confidence``. Watched is the mean of
max(p, 1 - p) over the last ``WINDOW`` answers that anybody got, p their scores; it fires where that is more
than ``FALL_RATIO`` below what it was before the first fault of the run. The recipe is M-34 of an article
(docs/seed.md). These few lines are there a second time, beside the pipeline's own, because harness and
pipeline are strangers, and because what a monitor would have said is judged from outside, of a system that
has none, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.episodes.monitors import Confidence
from harness.history.observations import Rows

Floats = NDArray[np.float64]

WINDOW = 1000
FALL_RATIO = 0.05
ANSWERS_MIN = 200
"""So many answers say how sure a model is: max(p, 1 - p) lies between 0.5 and 1, so the standard error of
their mean is at most 0.018, little over a third of the fall that is looked for."""
_DIGITS = 6


def confidence_of(
    rows: Rows,
    *,
    first_s: float,
    inject_s: float,
    gone_s: float,
    end_s: float,
    sets: str = "",
    names: Sequence[str] = (),
) -> Confidence | None:
    """Judge the answers that came from ``inject_s`` to ``end_s``; the fault was there until ``gone_s``.

    ``sets``: the model version that the fault set, "" = none; ``names``: what the versions in ``rows`` are
    called. Of one that was set only its own answers tell ``there``: the one before it answers on until the
    scorers follow, and it answers on itself once it is put back. Whether a monitor fires is of all answers.

    None, which is no data, where fewer than ``WINDOW`` answers with a score came before ``first_s``, the
    first fault of the run, or none in the episode. What came before the episode leaves the window as time
    goes on, as in a monitor that knows of no episodes.
    """
    told = rows[np.isfinite(rows["probability"])]
    told = told[np.argsort(told["ended"], kind="stable")]
    at_s, p = told["ended"], told["probability"].astype(np.float64)
    sure = np.maximum(p, 1.0 - p)
    before = sure[at_s < first_s][-WINDOW:]
    lasting = (at_s >= inject_s) & (at_s < end_s)
    if len(before) < WINDOW or not lasting.any():
        return None
    reference, lowest = float(before.mean()), float(_rolling(sure)[lasting[WINDOW - 1 :]].min())
    own = _answered_by(told, sets, names) if sets else at_s < gone_s
    there = sure[lasting & own]
    return Confidence(
        reference=round(reference, _DIGITS),
        lowest=round(lowest, _DIGITS),
        answers=len(there),
        there=round(float(there.mean()), _DIGITS) if len(there) >= (ANSWERS_MIN if sets else 1) else None,
        fires=lowest < (1.0 - FALL_RATIO) * reference,
        version=sets,
    )


def _answered_by(told: Rows, version: str, names: Sequence[str]) -> NDArray[np.bool_]:
    """Which answers are of ``version``; none where no list names it: it answered nobody."""
    if version not in names:
        return np.zeros(len(told), dtype=np.bool_)
    return np.asarray(told["version"] == names.index(version) + 1)


def _rolling(values: Floats) -> Floats:
    """The mean of each ``WINDOW`` values in a row, by its last one."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((sums[WINDOW:] - sums[:-WINDOW]) / WINDOW, dtype=np.float64)
