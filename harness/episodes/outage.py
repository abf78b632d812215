"""One of the outages of an episode that has several (``recovery.outages_of``); seconds after t_inj."""

from __future__ import annotations

import msgspec


class Outage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One outage of several in an episode: an unbroken run of ``units`` bad ones, as of *served*.

    ``from_s``: due instant of the first of them, in seconds after t_inj. ``low_s`` and ``high_s`` bracket
    its length as the bounds of a ``Level`` do; ``high_s`` None: no good unit followed within the episode.
    """

    from_s: float
    units: int
    low_s: float
    high_s: float | None
