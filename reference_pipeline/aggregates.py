"""Aggregates of history by customer and terminal, which the transaction features look up.

Comes in: columns of past transactions with their labels. Goes out: :class:`Tables`, stored in the
template as ``features.npz``. Pure; numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.records import DAY_S

Floats: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Mapping[str, NDArray[np.generic]]

RECENT_DAYS = 10.0  # of the tables' window; compromised terminals last weeks, so ten days tell
_PRIOR_ROWS = 5.0  # pseudo-rows at the overall rate: a single fraud does not condemn a terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What history tells about each customer and terminal.

    Customer arrays have one entry more than there are customers, terminal arrays likewise: the
    last entry stands for an id that history does not know.
    """

    customer_x: Floats
    customer_y: Floats
    customer_mean: Floats
    customer_log_mean: Floats
    customer_log_sd: Floats
    customer_count_log: Floats
    customer_fraud_rate: Floats
    customer_recent_fraud_rate: Floats
    terminal_x: Floats
    terminal_y: Floats
    terminal_count_log: Floats
    terminal_fraud_rate: Floats
    terminal_recent_fraud_rate: Floats


def learn_tables(
    columns: Columns,
    label: NDArray[np.int8],
    *,
    customer_xy: tuple[Floats, Floats],
    terminal_xy: tuple[Floats, Floats],
) -> Tables:
    """Aggregate history into tables; positions are reference data, everything else is learned.

    Rates are shrunk to the overall rate by a few pseudo-rows; "recent" is the last
    ``RECENT_DAYS`` before the latest event.
    """
    time_s = np.asarray(columns["event_time_s"], dtype=np.float64)
    recent = time_s >= (time_s.max(initial=0.0) - RECENT_DAYS * DAY_S)
    amount = np.asarray(columns["amount"], dtype=np.float64)
    customer = _Groups(columns["customer_id"], len(customer_xy[0]))
    terminal = _Groups(columns["terminal_id"], len(terminal_xy[0]))
    fraud = label == 1
    log_mean = customer.mean(np.log(amount))
    log_square = customer.mean(np.log(amount) ** 2)
    return Tables(
        customer_x=_with_unknown(customer_xy[0]),
        customer_y=_with_unknown(customer_xy[1]),
        customer_mean=customer.mean(amount),
        customer_log_mean=log_mean,
        customer_log_sd=np.sqrt(np.maximum(log_square - log_mean**2, 0.01)),
        customer_count_log=np.log1p(customer.count),
        customer_fraud_rate=customer.rate(fraud),
        customer_recent_fraud_rate=customer.rate(fraud, recent),
        terminal_x=_with_unknown(terminal_xy[0]),
        terminal_y=_with_unknown(terminal_xy[1]),
        terminal_count_log=np.log1p(terminal.count),
        terminal_fraud_rate=terminal.rate(fraud),
        terminal_recent_fraud_rate=terminal.rate(fraud, recent),
    )


class _Groups:
    """Sums by id with one group more, for unknown ids, that holds the overall figure."""

    def __init__(self, ids: NDArray[np.generic], size: int) -> None:
        self._ids = np.asarray(ids, dtype=np.int64)
        self._size = size
        self.count = _with_unknown(np.bincount(self._ids, minlength=size).astype(np.float64), 0.0)

    def mean(self, values: Floats) -> Floats:
        """Return the mean by group; the overall mean where a group has no rows."""
        overall = float(values.mean()) if len(values) else 1.0
        sums = np.bincount(self._ids, weights=values, minlength=self._size)
        counts = self.count[:-1]
        means = np.divide(sums, counts, out=np.full(self._size, overall), where=counts > 0)
        return _with_unknown(means, overall)

    def rate(self, hit: NDArray[np.bool_], among: NDArray[np.bool_] | None = None) -> Floats:
        """Return the share of hits by group, shrunk to the overall share."""
        within = np.ones(len(hit), dtype=np.bool_) if among is None else among
        overall = float(hit[within].mean()) if within.any() else 0.0
        hits = np.bincount(self._ids[within], weights=hit[within], minlength=self._size)
        rows = np.bincount(self._ids[within], minlength=self._size)
        return _with_unknown((hits + _PRIOR_ROWS * overall) / (rows + _PRIOR_ROWS), overall)


def _with_unknown(values: Floats, unknown: float | None = None) -> Floats:
    return np.append(values, values.mean() if unknown is None else unknown)
