"""What was seen of partitions that were not right in time. Instants are seconds after t_inj."""

from __future__ import annotations

import msgspec


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class LatePartition(_Frozen, frozen=True, kw_only=True):
    """A partition that was not right when it was due to be, as it stood last before it was.

    Of ``rows`` rows ``right`` were there once and right; ``right_s``: seconds from the injection until all
    were, None = not by the end of the episode.
    """

    name: str
    state: str
    rows: int
    right: int
    wrong: int
    doubled: int
    foreign: int
    right_s: float | None


class Backfill(_Frozen, frozen=True, kw_only=True):
    """What a job missed in one episode: ``partitions`` of ``rows`` rows in all, ``open`` of them to its end.

    ``last_s``: seconds from the injection until the last one was right, 0 = none was late, None = not all
    were. ``late``: the first of them, those that stayed open before the others.
    """

    partitions: int
    rows: int
    open: int
    last_s: float | None
    late: tuple[LatePartition, ...]
