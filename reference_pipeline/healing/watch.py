"""What the version that serves loses, by the labels of its decisions: is it harm, and since when?

Comes in: pages of labelled decisions. Goes out: a reading. Pure. Nothing is concluded from labels that come
mostly of what was declined: what is not looked into has no label, and a model cannot be charged for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.detectors.harm import Harm, HarmState, update
from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.model_ports import KnownRows, ModelVersion
from reference_pipeline.records import Costs
from reference_pipeline.resilience.breaker import least_rejecting
from reference_pipeline.rollout import losses

_MARKS = 512  # pages of which the cursor is known, to find where a harm began
_HOLDOUT_ROWS = 1000  # of a version that does not say how many
_CLAIM_MOST = 2.0  # times what the best version lost: a bad model must not bear its own badness
_OBSERVED_MARGIN = 1.2
_LABELS_LOOKED_AT, _SELECTIVE_ALPHA = 500, 1e-6
NO_DATA = Reading(says="no data", means="harmed")


@dataclass(slots=True)
class Watch:
    """One version that serves. ``marks``: labels seen and cursor before each page."""

    version: str
    harm: Harm
    costs: Costs
    state: HarmState
    lost_sum: float = 0.0
    selective: bool = False
    _marks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_MARKS))
    _declined: deque[bool] = field(default_factory=lambda: deque(maxlen=_LABELS_LOOKED_AT))

    def take(self, page: KnownRows, before: int) -> Reading:
        """Take one page in that was read above the cursor ``before``."""
        self._declined.extend(page.declined)
        self.selective = _is_selective(self._declined, page.decided_declined)
        if self.selective:
            self.state = self.harm.fresh()
            self._marks.clear()
            return NO_DATA
        own = np.array([name == self.version for name in page.model], dtype=np.bool_)
        own &= ~np.array(page.degraded, dtype=np.bool_)
        lost = losses(
            np.array(page.declined, dtype=np.bool_),
            np.array(page.label, dtype=np.float64),
            missed=self.costs.missed_fraud,
            annoyed=self.costs.declined_good,
        )[own]
        self._marks.append((self.state.labels, before))
        self.lost_sum += float(lost.sum())
        self.state, reading = update(self.harm, self.state, lost)
        return reading

    def began(self, window: int) -> int:
        """Give the cursor before the page in which the last ``window`` labels began, or the oldest known."""
        first = self.state.labels - window
        oldest = self._marks[0][1] if self._marks else 0
        return max((cursor for labels, cursor in self._marks if labels <= first), default=oldest)

    def bear(self, mean_loss: float) -> None:
        """Bear a loss of ``mean_loss`` from now on, never less than before, and begin anew."""
        tolerated = max(self.harm.tolerated, min(0.5, _OBSERVED_MARGIN * mean_loss))
        self.harm = replace(self.harm, tolerated=tolerated)
        self.state = self.harm.fresh()
        self._marks.clear()


def watch(version: str, versions: Sequence[ModelVersion], costs: Costs, config: HealerConfig) -> Watch | None:
    """Begin to watch ``version``; None where no version says what it loses: nothing can be called harm.

    Borne is what it lost on its own holdout and two errors of that, but no more than twice what the best
    version lost with two errors of its own, and a margin: a small holdout with a lucky loss binds nobody.
    """
    most = max(costs.missed_fraud, costs.declined_good)
    known = {one.version: one for one in versions if one.metrics.get("cost", -1.0) >= 0}
    if not known:
        return None
    told = {name: one.metrics["cost"] / most for name, one in known.items()}
    upper = {name: lost + 2.0 * _error(lost, _holdout_rows(name, known)) for name, lost in told.items()}
    best = min(upper, key=lambda name: upper[name])
    own = version if version in told else best
    lost = min(told[own], _CLAIM_MOST * told[best])
    borne = min(upper[own], _CLAIM_MOST * upper[best])
    margin = max(config.harm_margin_ratio * lost, config.harm_margin_least)
    harm = Harm(tolerated=min(borne + margin, 0.5), run_length=config.harm_run_length)
    return Watch(version, harm, costs, harm.fresh())


def _error(lost: float, rows: int) -> float:
    """Of a mean of ``rows`` losses in [0, 1]: at most that of a share."""
    return float(((lost + 1.0 / rows) / rows) ** 0.5)


def _holdout_rows(version: str, known: Mapping[str, ModelVersion]) -> int:
    told = known[version].lineage.get("holdout_rows", "") if version in known else ""
    return int(told) if told.isdecimal() and int(told) else _HOLDOUT_ROWS


def _is_selective(declined: deque[bool], decided_declined: float) -> bool:
    """Tell whether labels come of declined rows far more often than rows are declined: exact, at 1e-6."""
    if len(declined) < _LABELS_LOOKED_AT:
        return False
    borne = round(min(1.0, 2.0 * decided_declined + 0.05), 2)
    return sum(declined) >= least_rejecting(len(declined), borne, _SELECTIVE_ALPHA)
