"""What degraded answers were worth: their share of the champion's gain over a constant decision.

In: the witness's rows of a fault run and of the sham run of the same pair, and what wrong decisions cost.
Out: ``Worth``. Only where the world knows P(y = 1 | x) of its rows; expected costs under it have none of
the noise of labels (docs/measurement.md).
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.history.observations import DECLINED_FLAG, DEGRADED, GOOD, WITNESS, Rows

Floats = NDArray[np.float64]


class Costs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a wrong decision costs, in any one unit: a fraud approved, a good one declined."""

    missed: float
    declined_good: float


class Worth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Expected costs a unit over ``n`` units that were answered degraded here and in full in the sham run.

    ``ratio`` = (prior - degraded) / (prior - champion); None where there is no unit, or the champion
    gains nothing. Signed: below 0 a constant decision would have been better.
    """

    n: int
    prior_cost: float
    degraded_cost: float
    champion_cost: float
    ratio: float | None


def worth(fault: Rows, sham: Rows, costs: Costs) -> Worth:
    """Compare the degraded decisions of ``fault`` with the champion's of ``sham`` on the same units.

    The prior's decision is the one constant decision that is cheaper on these units.
    """
    degraded = _witness(fault, DEGRADED)
    champion = _witness(sham, GOOD)
    _, here, there = np.intersect1d(degraded["unit"], champion["unit"], return_indices=True)
    degraded, champion = degraded[here], champion[there]
    same = degraded["posterior"] == champion["posterior"]  # else the world has moved: it is another record
    degraded, champion = degraded[same], champion[same]
    posterior = degraded["posterior"].astype(np.float64)
    if not posterior.size:
        return Worth(n=0, prior_cost=0.0, degraded_cost=0.0, champion_cost=0.0, ratio=None)
    missed, declined = posterior * costs.missed, (1.0 - posterior) * costs.declined_good
    prior_cost = float(min(missed.mean(), declined.mean()))
    degraded_cost = _cost(degraded, missed, declined)
    champion_cost = _cost(champion, missed, declined)
    gain = prior_cost - champion_cost
    return Worth(
        n=int(posterior.size),
        prior_cost=round(prior_cost, 6),
        degraded_cost=round(degraded_cost, 6),
        champion_cost=round(champion_cost, 6),
        ratio=round((prior_cost - degraded_cost) / gain, 4) if gain > 0 else None,
    )


def _witness(rows: Rows, outcome: int) -> Rows:
    known = np.isfinite(rows["posterior"])
    kept: Rows = rows[(rows["stream"] == WITNESS) & (rows["outcome"] == outcome) & known]
    return kept


def _cost(rows: Rows, missed: Floats, declined: Floats) -> float:
    says_no = (rows["flags"] & DECLINED_FLAG) > 0
    return float(np.where(says_no, declined, missed).mean())
