"""Good service that one fault cost, as values; made by ``episodes.phases``."""

from __future__ import annotations

import msgspec


class Loss(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Equivalent microseconds of good service lost within the horizon, by what was being waited for.

    ``bad_us`` and ``degraded_us`` count bad and degraded answers, each over (detect, act, settle): until
    somebody was seen to notice, from then until the first act, after it. ``usual_bad_us`` and
    ``usual_degraded_us`` are what as much time costs at the run's own baseline.
    """

    bad_us: tuple[int, int, int]
    degraded_us: tuple[int, int, int]
    usual_bad_us: int
    usual_degraded_us: int
