"""What the contract refused, by the hundred accepted records, as the learner tells and the healer reads it.

Comes in: the answers of ``learner_service``. Goes out: typed values, the same on both sides.
"""

from __future__ import annotations

import msgspec


class RefusedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """``counts``: how many of the batch, in the order of the page's names."""

    number: int
    counts: tuple[int, ...]


class RefusedBatches(msgspec.Struct, frozen=True, kw_only=True):
    """One page; ``names``: what is counted, ``last``: the number of the newest batch there is."""

    names: tuple[str, ...]
    batches: tuple[RefusedBatch, ...]
    last: int
