"""Decided rows as they are, as the learner gives them; the arm ``seed`` tests them one by one.

Comes in: the answers of ``learner_service``. Goes out: typed values.
"""

from __future__ import annotations

import msgspec


class RawBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A hundred decided rows as they are: watched features, None = missing, and scores as served."""

    number: int
    hour: int
    rows: tuple[tuple[float | None, ...], ...]
    scores: tuple[float, ...]


class RawBatches(msgspec.Struct, frozen=True, kw_only=True):
    """One page, of the newest batches only; ``last``: the number of the newest batch there is."""

    batches: tuple[RawBatch, ...]
    last: int
