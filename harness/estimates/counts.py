"""What rates and counts are: the types alone, so that whoever reads reports needs no library of statistics.

Comes in: nothing. ``estimates.rates`` and ``estimates.debts`` compute them.
"""

from __future__ import annotations

import msgspec


class Rate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``k`` events in ``hours`` that were looked at; ``upper_per_h``: one-sided 95 % bound.

    None = no hour was looked at, or the events come in clusters (``clustered``). In ``blind`` further runs
    not each event could have been seen; ``blind_k`` were. Neither their hours nor these are in the rest.
    """

    k: int
    hours: float
    per_h: float | None
    upper_per_h: float | None
    clustered: bool = False
    blind: int = 0
    blind_k: int = 0


class HarmCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often, and in how many runs, the platform did ``what`` (``episodes.model.PlatformHarm``)."""

    service: str
    what: str
    times: int
    runs: int


class Dependence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether ``n`` runs of a class depend on each other (``estimates.dependence``).

    ``lag1``: correlation of each with the next, None below ``needs_n`` runs or where all are alike; chance
    gives as much with probability ``p``. Intervals are those of n / ``widened`` runs; 1 = of all.
    """

    n: int
    needs_n: int
    lag1: float | None = None
    p: float | None = None
    widened: float = 1.0


class DebtCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was owed in the ``n`` episodes with impact of a class whose recovery asks for it, in records.

    ``answered_s``: when decisions came in time again, ``back_s``: when no more was owed than before; both in
    seconds after the fault, None = not by its horizon. ``band``, ``peak``: the most of any episode.
    """

    n: int
    band: int
    peak: int
    answered_s: tuple[float | None, ...]
    back_s: tuple[float | None, ...]
