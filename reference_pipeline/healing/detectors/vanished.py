"""Positives that have gone: labels of one part of the rows hold far fewer of them than the scores say.

Comes in: scores in [0, 1] and labels of that part, in the order in which the labels came. Goes out: whether
they have gone, and whether they are back. Pure. Frauds that somebody lets be told as none leave just this
behind: orders that look like frauds still come, and none of them turns out to be one.

A Shiryaev-Roberts sum, as in ``harm``. While positives come at least ``BORNE_RATIO`` times as often as the
scores say, each row is a losing game for who bets that they come ``BET_RATIO`` times as often; so a false
alarm takes at least ``RUN_LENGTH`` rows on average. Some 30 missing positives are enough for one.

    >>> p = np.full(4000, 0.02)
    >>> state, said = look(Part(), p, np.zeros(4000))
    >>> said
    'gone'
    >>> state, said = look(state, p, np.tile([0.0] * 49 + [1.0], 80))
    >>> said
    'back'
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Says = Literal["", "gone", "back"]

BORNE_RATIO, BET_RATIO = 0.5, 0.05
RUN_LENGTH = 1e7
BACK_AFTER = 40.0  # positives that the scores say, of which the borne share has come


class Part(NamedTuple):
    """One part of the rows: the sum, whether they are gone, and since then what was said and what came."""

    total: float = 0.0
    gone: bool = False
    said: float = 0.0
    came: float = 0.0


def look(part: Part, scores: Floats, labels: Floats) -> tuple[Part, Says]:
    """Take rows in; says ``gone`` or ``back`` where that has just become so, else "".

    A label may be a probability. A score of 1 would prove all at once: scores are cut at 0.99.
    """
    before = part.gone
    p = np.clip(scores, 0.0, 0.99)
    none = (1.0 - BET_RATIO * p) / (1.0 - BORNE_RATIO * p)
    factors = labels * (BET_RATIO / BORNE_RATIO) + (1.0 - labels) * none
    for score, label, factor in zip(p.tolist(), labels.tolist(), factors.tolist(), strict=True):
        part = _watched(part, score, label) if part.gone else _missed(part, factor)
    said: Says = "" if part.gone == before else "gone" if part.gone else "back"
    return part, said


def _missed(part: Part, factor: float) -> Part:
    total = (1.0 + part.total) * factor
    return Part(gone=True) if total >= RUN_LENGTH else Part(total=total)


def _watched(part: Part, score: float, label: float) -> Part:
    """Once they are gone: are they back, by what came of the last ``BACK_AFTER`` that were said?"""
    said, came = part.said + score, part.came + label
    if said < BACK_AFTER:
        return Part(gone=True, said=said, came=came)
    return Part() if came >= BORNE_RATIO * said else Part(gone=True)
