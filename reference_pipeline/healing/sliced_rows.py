"""Labelled decisions by the parts of the rows that they are of, as the learner gives them.

Comes in: the answers of ``learner_service``. Goes out: typed values.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class SlicedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Labelled decisions, those left out as well, and which parts each is of: places in ``names``.

    A part is named as its column: ``channel=web``. ``last``, ``newest``: cursors as in
    ``model_ports.KnownRows``.
    """

    last: int
    newest: int
    names: tuple[str, ...]
    parts: tuple[tuple[int, ...], ...]
    score: tuple[_Share, ...]
    label: tuple[_Share, ...]
    degraded: tuple[bool, ...]
