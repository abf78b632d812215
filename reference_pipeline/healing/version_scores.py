"""How the scores of one version stand with the learner, as it tells them and as the healer reads them.

Comes in: a reference of scores, or the learner's answer. Goes out: one typed value, the same on both sides.
"""

from __future__ import annotations

import msgspec
import numpy as np

from reference_pipeline.healing.detectors.scan import Baseline, Group

Table = tuple[tuple[float, ...], ...]


class ScoreBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """A baseline of scores, its arrays row by row."""

    parts: tuple[str, ...]
    mean: Table
    lags: Table
    spread: Table
    constant: tuple[bool, ...]
    threshold: float
    run_length: float

    def as_baseline(self) -> Baseline:
        """Give it as the scan takes it.

        Raises:
            ValueError: the arrays do not fit together.
        """
        width = len(self.parts)
        if len(self.constant) != width or len(self.mean) != len(self.spread) or not self.mean:
            raise ValueError(f"a baseline of {width} parts whose arrays have other lengths")

        def array(rows: Table) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            return np.array(rows, dtype=np.float64).reshape(len(rows), width)

        return Baseline(
            groups=(Group("score", self.parts),),
            mean=array(self.mean),
            lags=array(self.lags),
            spread=array(self.spread),
            constant=np.array(self.constant, dtype=np.bool_),
            threshold=self.threshold,
            run_length=self.run_length,
        )


class VersionScores(msgspec.Struct, frozen=True, kw_only=True):
    """``sample``: scores of the stored sample, once there; ``waiting``: there will be more.

    ``baseline`` is there when nothing is left to wait for, unless ``why`` says why there is none.
    """

    version: str
    waiting: bool
    sample: tuple[float, ...] = ()
    baseline: ScoreBaseline | None = None
    why: str = ""


def as_told(found: Baseline) -> ScoreBaseline:
    """Write a baseline of scores as it goes over the wire."""
    return ScoreBaseline(
        parts=found.groups[0].parts,
        mean=_rows(found.mean),
        lags=_rows(found.lags),
        spread=_rows(found.spread),
        constant=tuple(found.constant.tolist()),
        threshold=found.threshold,
        run_length=found.run_length,
    )


def _rows(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Table:
    return tuple(tuple(row) for row in array.tolist())
