"""Positives that have gone from one part: its labels hold far fewer than the scores say, the rest does not.

Comes in: scores in [0, 1] and labels of rows, in the order in which the labels came, and which are of the
part. Goes out: whether its positives have gone, and whether they are back. Pure. Frauds that somebody lets be
told as none leave just this behind: orders that look like frauds still come, and none of them turns out to be
one. Where positives are missed everywhere it is the scores that are wrong, so what they say of the part is
worth only as much as it is of the rest.

A Shiryaev-Roberts sum, as in ``harm``. While positives come at least ``BORNE_RATIO`` times as often as the
scores say, each row is a losing game for who bets that they come ``BET_RATIO`` times as often; so a false
alarm takes at least ``RUN_LENGTH`` rows on average. Some 35 missing positives are enough for one. Scores
count up to ``SCORE_MOST``: a handful of rows that all are called sure to be positive proves nothing.

    >>> dice, inside = np.random.default_rng(1), np.arange(8000) % 2 == 0
    >>> scores = np.full(8000, 0.02)
    >>> labels = (dice.random(8000) < scores).astype(float)
    >>> part, said = look(Part(), scores, np.where(inside, 0.0, labels), inside)
    >>> said
    'gone'
    >>> look(part, scores, labels, inside)[1]
    'back'
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Says = Literal["", "gone", "back"]

BORNE_RATIO, BET_RATIO = 0.5, 0.05
RUN_LENGTH = 1e7
SCORE_MOST = 0.5
BACK_AFTER = 40.0  # positives that the scores say, of which the borne share has come
_MEMORY = 50.0  # positives that the scores say of the rest, and of which it is known how many came
_FEW = 2.0


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part of the rows: the sum, whether they are gone, and since then what was said and what came.

    ``rest_said``, ``rest_came``: of the rows that are not of this part, lately.
    """

    total: float = 0.0
    gone: bool = False
    said: float = 0.0
    came: float = 0.0
    rest_said: float = 0.0
    rest_came: float = 0.0


def look(part: Part, scores: Floats, labels: Floats, inside: NDArray[np.bool_]) -> tuple[Part, Says]:
    """Take rows in, of which those ``inside`` are of the part; says ``gone`` or ``back`` where that is new.

    A label may be a probability.
    """
    before = part.gone
    p, outside = np.minimum(np.maximum(scores, 0.0), SCORE_MOST), ~inside
    part, right = _rest(part, float(p[outside].sum()), float(labels[outside].sum()))
    for score, label in zip((right * p[inside]).tolist(), labels[inside].tolist(), strict=True):
        part = _watched(part, score, label) if part.gone else _missed(part, score, label)
    said: Says = "" if part.gone == before else "gone" if part.gone else "back"
    return part, said


def _rest(part: Part, said: float, came: float) -> tuple[Part, float]:
    """Remember what came of the rest; gives how right the scores are there, at most 1, now and lately."""
    kept = max(0.0, 1.0 - said / _MEMORY)
    part = replace(part, rest_said=kept * part.rest_said + said, rest_came=kept * part.rest_came + came)
    lately = (part.rest_came + _FEW) / (part.rest_said + _FEW)
    return part, min(1.0, lately, (came + _FEW) / (said + _FEW))


def _missed(part: Part, score: float, label: float) -> Part:
    none = (1.0 - BET_RATIO * score) / (1.0 - BORNE_RATIO * score)
    total = (1.0 + part.total) * (label * BET_RATIO / BORNE_RATIO + (1.0 - label) * none)
    return replace(part, total=0.0, gone=True) if total >= RUN_LENGTH else replace(part, total=total)


def _watched(part: Part, score: float, label: float) -> Part:
    """Once they are gone: are they back, by what came of the last ``BACK_AFTER`` that were said?"""
    said, came = part.said + score, part.came + label
    if said < BACK_AFTER:
        return replace(part, said=said, came=came)
    return replace(part, gone=came < BORNE_RATIO * said, said=0.0, came=0.0)
