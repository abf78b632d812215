"""Fit a baseline on stored history, with a threshold for a declared run length.

Comes in: components of past batches in which nothing was wrong. Goes out: a
:class:`~reference_pipeline.healing.detectors.scan.Baseline`. Dice are an argument. Pure.

Mean and spread of each phase of the cycle, lags by Yule and Walker. Each is an estimate, and its errors cost
run length: with 28 cycles, a threshold that takes the fit for the truth alarms twice as often as asked. So
the whole procedure is repeated by bootstrap (Efron and Tibshirani, An introduction to the bootstrap, chapter
8): a past is drawn from the cycles of the history, fitted, and the scan run with that fit over further
cycles. The threshold is the one at which these runs, each cut off at ``HORIZON`` batches, have the wanted
mean length: batches lived through per alarm. Whole cycles are drawn, all components together, so that what
the lags do not catch stays as it is: variance, skewness and memory that change with the phase. Innovations
are smoothed (Silverman and Young, Biometrika 74, 1987), since a maximum over thousands of batches lies beyond
the greatest of a history.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import PipelineError
from reference_pipeline.healing.detectors.scan import SAME, WINDOWS, Baseline, Group, statistics

Floats = NDArray[np.float64]

ORDER = 4  # lags: sampling noise on top of a first-order process is no first-order process
CYCLES_LEAST, BATCHES_LEAST = 28, 500
HORIZON = 2000
EVENTS_WANTED = 100  # alarms that the threshold is set by: its run length is then known within some 10 %
_VALUES_AT_ONCE = 4_000_000  # drawn together: some 200 MB with what is made of them
_SMOOTHING = 0.3
_SPREAD_LEAST = 1.0  # that of independent rows: less is chance, or a part that was never seen


class TooLittleHistory(PipelineError):
    """The history cannot carry the run length asked for. Draw or keep a longer one."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """Of one or more series: (period, .., components), (order, .., components), (period, .., components)."""

    mean: Floats
    lags: Floats
    spread: Floats

    def innovations(self, series: Floats) -> Floats:
        """Give e of a series that begins with a cycle, without its first batches, which fill the lags."""
        left = _whiten(series - _repeated(self.mean, len(series)), self.lags)
        return left / _repeated(self.spread, len(series))[len(self.lags) :]


def fit_baseline(
    history: Floats,
    groups: tuple[Group, ...],
    *,
    period: int = 1,
    run_length: float,
    dice: np.random.Generator,
) -> Baseline:
    """Fit ``history`` (batches, components), which begins with a cycle of ``period`` batches.

    ``period`` 1: there is no cycle. ``run_length``: batches to a false alarm, on average, from a fresh state.

    Raises:
        TooLittleHistory: fewer than 28 cycles or 500 batches, one without data, or nothing that ever varied.

    Example: a thousand batches without anything, one component.

        >>> dice = np.random.default_rng(1)
        >>> noise = dice.standard_normal((1000, 1))
        >>> base = fit_baseline(noise, (Group("volume", ("count",)),), run_length=200.0, dice=dice)
        >>> 2.0 < base.threshold < 3.5
        True
    """
    _refuse_little(history, period)
    fit = _fit(history, period)
    cycles = _by_cycle(history, period) - fit.mean
    # Means that were fitted to the same cycles leave residuals too small by their degrees of freedom.
    cycles /= np.sqrt(1.0 - 1.0 / len(cycles))
    horizon, replicates = _effort(run_length)
    chunk = max(1, _VALUES_AT_ONCE // (max(len(history), horizon) * history.shape[1]))
    greatest = np.concatenate(
        [
            _one_chunk(cycles, groups, (horizon, min(chunk, replicates - done)), dice)
            for done in range(0, replicates, chunk)
        ],
        axis=1,
    )
    return Baseline(
        groups=groups,
        mean=fit.mean,
        lags=fit.lags,
        spread=fit.spread,
        constant=_never_varied(history),
        threshold=_threshold(greatest, run_length),
        run_length=run_length,
    )


def normal_baseline(
    groups: tuple[Group, ...], *, most: float, run_length: float, dice: np.random.Generator
) -> Baseline:
    """Give the baseline of components that are independent standard normal numbers, cut off at +-``most``.

    There is nothing to fit: the scan is run over such numbers, and the threshold set as for a fit.
    """
    width = sum(len(group.parts) for group in groups)
    numbers = np.clip(dice.standard_normal((*_effort(run_length), width)), -most, most)
    greatest = np.maximum.accumulate(_greatest(numbers, groups), axis=0)
    return Baseline(
        groups=groups,
        mean=np.zeros((1, width)),
        lags=np.zeros((0, width)),
        spread=np.ones((1, width)),
        constant=np.zeros(width, dtype=np.bool_),
        threshold=_threshold(greatest, run_length),
        run_length=run_length,
    )


def _effort(run_length: float) -> tuple[int, int]:
    """Batches of a run, and how many runs, that set the threshold."""
    horizon = min(HORIZON, max(int(run_length), WINDOWS[-1]))
    return horizon, int(np.ceil(EVENTS_WANTED * max(1.0, run_length / horizon)))


def _refuse_little(history: Floats, period: int) -> None:
    needed = max(BATCHES_LEAST, CYCLES_LEAST * period if period > 1 else 0)
    if len(history) < needed:
        why = f"; {CYCLES_LEAST} cycles of {period}" if needed > BATCHES_LEAST else ""
        raise TooLittleHistory(f"{len(history)} batches of history where {needed} are needed{why}")
    if not np.isfinite(history).all():
        raise TooLittleHistory("a batch of the history holds no data; leave such cycles out")
    if _never_varied(history).all():
        raise TooLittleHistory("nothing in the history ever varied: what is usual cannot be told from it")


def _never_varied(history: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.ptp(history, axis=0) <= SAME)


def _fit(series: Floats, period: int) -> _Fit:
    """Fit (batches, .., components); whole cycles only, so that no phase weighs more."""
    cycles = len(series) // period
    series = series[: cycles * period]
    mean = _by_cycle(series, period).mean(axis=0)
    residual = series - _repeated(mean, len(series))
    lags = _yule_walker(residual)
    square = np.square(_whiten(residual, lags))
    # Each phase mean took a degree of freedom, and is wrong by its own share of the spread.
    variance = _by_cycle(square[-ORDER % period :], period).mean(axis=0)
    variance *= (1.0 + 1.0 / cycles) / (1.0 - 1.0 / cycles)
    return _Fit(mean, lags, np.maximum(np.sqrt(_smoothed(variance)), _SPREAD_LEAST))


def _by_cycle(series: Floats, period: int) -> Floats:
    cycles = len(series) // period
    return series[: cycles * period].reshape(cycles, period, *series.shape[1:])


def _repeated(phases: Floats, length: int) -> Floats:
    return np.tile(phases, (-(-length // len(phases)), *[1] * (phases.ndim - 1)))[:length]


def _smoothed(variance: Floats) -> Floats:
    """Take the mean over a quarter of the cycle: a single phase has too few values for a variance."""
    half = len(variance) // 8
    return np.asarray(sum(np.roll(variance, k, axis=0) for k in range(-half, half + 1)) / (2 * half + 1))


def _yule_walker(residual: Floats) -> Floats:
    """Solve for the lags of each component; none where a component never varies."""
    length = len(residual)
    moments = np.stack(
        [(residual[k:] * residual[: length - k]).sum(axis=0) / length for k in range(ORDER + 1)], axis=-1
    )
    constant = moments[..., :1] <= np.finfo(float).tiny
    moments = np.where(constant, np.eye(1, ORDER + 1)[0], moments / np.where(constant, 1.0, moments[..., :1]))
    apart = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    # A nearly periodic component has a nearly singular matrix; a ridge of 1e-6 leaves the others alone.
    matrix = moments[..., apart] + 1e-6 * np.eye(ORDER)
    return np.moveaxis(np.linalg.solve(matrix, moments[..., 1:, None])[..., 0], -1, 0)


def _whiten(residual: Floats, lags: Floats) -> Floats:
    left = residual[len(lags) :].copy()
    for k, lag in enumerate(lags):
        left -= lag * residual[len(lags) - 1 - k : len(residual) - 1 - k]
    return left


def _one_chunk(
    cycles: Floats, groups: tuple[Group, ...], shape: tuple[int, int], dice: np.random.Generator
) -> Floats:
    """Draw a past, fit it and run with that fit; the greatest statistic so far, (horizon, replicates)."""
    horizon, replicates = shape
    period = cycles.shape[1]
    refit = _fit(_draw(cycles, (len(cycles) * period, replicates), dice), period)
    innovations = refit.innovations(_draw(cycles, (horizon + ORDER, replicates), dice))
    noise = dice.standard_normal(innovations.shape)
    smooth = (innovations + _SMOOTHING * noise) / np.sqrt(1.0 + _SMOOTHING**2)
    return np.maximum.accumulate(_greatest(smooth, groups), axis=0)


def _draw(cycles: Floats, shape: tuple[int, int], dice: np.random.Generator) -> Floats:
    """Draw (batches, replicates, components) in blocks of whole cycles, each at least the longest window."""
    batches, replicates = shape
    count, period = cycles.shape[:2]
    block = -(-WINDOWS[-1] // period)
    start = dice.integers(0, count, (-(-batches // (block * period)), 1, replicates))
    chosen = (start + np.arange(block)[:, None]) % count
    drawn = np.moveaxis(cycles[chosen.reshape(-1, replicates)], 1, 2)
    return np.asarray(drawn.reshape(-1, replicates, cycles.shape[2])[:batches])


def _greatest(innovations: Floats, groups: tuple[Group, ...]) -> Floats:
    """Give the statistic of every batch of runs that begin fresh, (batches, replicates)."""
    sums = np.concatenate([np.zeros_like(innovations[:1]), np.cumsum(innovations, axis=0)])
    greatest = np.full(innovations.shape[:2], -np.inf)
    for w in WINDOWS:
        z = statistics((sums[w:] - sums[:-w]) / np.sqrt(w), groups).max(axis=-1)
        np.maximum(greatest[w - 1 :], z, out=greatest[w - 1 :])
    return greatest


def _threshold(greatest: Floats, run_length: float) -> float:
    """Find the level at which batches lived through per alarm are ``run_length``, by bisection."""
    low, high = float(greatest[0].min()), float(greatest[-1].max())
    for _ in range(40):
        middle = (low + high) / 2
        if _mean_length(greatest, middle) < run_length:
            low = middle
        else:
            high = middle
    return high


def _mean_length(greatest: Floats, level: float) -> float:
    over = greatest > level
    alarms = over[-1]
    lived = np.where(alarms, over.argmax(axis=0) + 1, len(greatest)).sum()
    return float(lived / alarms.sum()) if alarms.any() else np.inf
