"""The window scan: have the components of a stream of batches moved, since when, and which?

Comes in: a :class:`Baseline` and, batch by batch, components with mean 0 and variance 1 for independent rows
of the reference. Goes out: a reading. Pure.

What the cycle and the last batches explain is taken off the components x of batch t:

    r[t] = x[t] - mean[t mod period]
    e[t] = (r[t] - sum over k of lags[k] r[t-1-k]) / spread[t mod period]

For the last w batches, w in ``WINDOWS``, and each group of d components, T = |e[t-w+1] + .. + e[t]|^2 / w
would be chi square with d degrees of freedom; its cube root makes groups of any d comparable (Wilson and
Hilferty, PNAS 17, 1931): z = ((T/d)^(1/3) - 1 + 2/(9d)) / sqrt(2/(9d)). The statistic is the greatest z over
windows and groups: a generalised likelihood ratio for a change of the mean, limited to windows (Lai, JRSS B
57, 1995).

    >>> flat = Baseline(
    ...     groups=(Group("amount", ("location", "scale")),),
    ...     mean=np.zeros((1, 2)), spread=np.ones((1, 2)), lags=np.zeros((0, 2)),
    ...     constant=np.zeros(2, dtype=bool), threshold=4.0, run_length=1000.0)
    >>> state = Scan.fresh(flat)
    >>> for batch in range(6):
    ...     state, reading = step(flat, state, np.array([3.0, 0.0]), batch)
    >>> reading.says, reading.window, reading.where, reading.how
    ('alarm', 4, 'amount', 'location up')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.reading import Reading

Floats = NDArray[np.float64]

WINDOWS = (1, 2, 4, 8, 16, 32, 64)  # batches; a change is seen in the window nearest to its age
_RING = WINDOWS[-1] + 1
SAME = 1e-9  # components nearer than this are equal: a mean of equal numbers is off by its rounding


class Group(NamedTuple):
    """Components that are judged together, as those of one column."""

    name: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How components behave while nothing is wrong.

    ``mean``, ``spread``: (period, components), ``lags``: (order, components), ``constant``: those of the
    components that never varied. At ``threshold`` a false alarm comes after ``run_length`` batches on
    average, counted from a fresh state.
    """

    groups: tuple[Group, ...]
    mean: Floats
    lags: Floats
    spread: Floats
    constant: NDArray[np.bool_]
    threshold: float
    run_length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """``count``: batches taken in, ``recent``: residuals, newest first, ``sums``: a ring of sums of e."""

    count: int
    recent: Floats
    sums: Floats

    @classmethod
    def fresh(cls, baseline: Baseline) -> Scan:
        """Give the state before the first batch, and after a healing that was verified."""
        width = baseline.spread.shape[1]
        return cls(
            count=-len(baseline.lags), recent=np.zeros_like(baseline.lags), sums=np.zeros((_RING, width))
        )


def step(baseline: Baseline, state: Scan, components: Floats | None, phase: int) -> tuple[Scan, Reading]:
    """Take one batch in; ``phase`` is its place in the cycle, or its number since the start of one.

    ``components`` None or not finite: there was nothing to look at, and the state stays as it is. So it is
    while the first batches, as many as the baseline has lags, fill the memory. Where nothing of the baseline
    ever varied, a batch like all others shows nothing either: no data, with a statistic, and never quiet.
    """
    if components is None or not np.isfinite(components).all():
        return state, Reading(says="no data", means="moved", threshold=baseline.threshold)
    phase %= len(baseline.mean)
    residual = components - baseline.mean[phase]
    innovation = (residual - (baseline.lags * state.recent).sum(axis=0)) / baseline.spread[phase]
    recent = np.vstack([residual, state.recent])[: len(state.recent)]
    count, sums = state.count + 1, state.sums
    if count > 0:
        sums = sums.copy()
        sums[count % _RING] = sums[(count - 1) % _RING] + innovation
    state = Scan(count=count, recent=recent, sums=sums)
    if count <= 0:
        return state, Reading(says="no data", means="moved", threshold=baseline.threshold)
    same = bool((baseline.constant & (np.abs(residual) <= SAME)).all())
    return state, _read(baseline, state, same)


def statistics(windowed: Floats, groups: tuple[Group, ...]) -> Floats:
    """Turn sums of e over w batches, divided by sqrt(w), (.., components) into z, (.., groups)."""
    width = np.array([len(group.parts) for group in groups])
    start = np.concatenate([[0], np.cumsum(width)[:-1]])
    total = np.add.reduceat(windowed * windowed, start, axis=-1)
    bias = 2.0 / (9.0 * width)
    return np.asarray((np.cbrt(total / width) - 1.0 + bias) / np.sqrt(bias))


def _read(baseline: Baseline, state: Scan, same: bool) -> Reading:
    windows = [w for w in WINDOWS if w <= state.count]
    before = state.sums[[(state.count - w) % _RING for w in windows]]
    windowed = (state.sums[state.count % _RING] - before) / np.sqrt(windows)[:, None]
    z = statistics(windowed, baseline.groups)
    row, column = np.unravel_index(int(z.argmax()), z.shape)
    group = baseline.groups[column]
    start = sum(len(other.parts) for other in baseline.groups[:column])
    parts = windowed[row, start : start + len(group.parts)]
    part = int(np.abs(parts).argmax())
    greatest = float(z[row, column])
    return Reading(
        says="alarm" if greatest > baseline.threshold else "no data" if same else "quiet",
        means="moved",
        statistic=greatest,
        threshold=baseline.threshold,
        window=windows[row],
        where=group.name,
        how=f"{group.parts[part]} {'up' if parts[part] > 0 else 'down'}",
    )
