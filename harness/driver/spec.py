"""SPEC.json of the driver (docs/protocols/driver.md), decoded once and frozen."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.experiment.model import Profile, Source, Workload
from harness.faults.effects import WorldEffect


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault in the records: offsets in seconds from the first slot, until excluded.

    Outside of the span nothing is changed, whatever was ordered.
    """

    episode: int
    from_s: float
    until_s: float
    effect: WorldEffect

    def holds(self, offset_s: float) -> bool:
        """Whether a unit due at ``offset_s`` lies in the span."""
        return self.from_s <= offset_s < self.until_s


class LabelFeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where labels are posted ("": nobody takes any), and how long after due they are known, in run seconds.

    ``spread_s``: mean of what comes on top of ``delay_s``, exponential. ``known`` "declined": only of what
    was declined, and of the share ``explored_ratio`` of all units. ``truth_url``: where P(y = 1 | x) of each
    unit is told at once; "" in every arm but ``oracle``.
    """

    url: str
    delay_s: float
    spread_s: float
    known: Literal["all", "declined"] = "all"
    explored_ratio: float = 0.0
    truth_url: str = ""


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a driver needs; ``scenario`` goes to the world's opener as it is.

    ``url`` is the full address units are posted to; ``world`` is ``module:function``, found on
    ``world_path``, "" = the records of the file ``units`` and the golden ones of ``check``; ``duration_s``
    counts from the first slot to the end of the last. ``taint`` is the file of the touched records; it is
    needed where there are ``mutations``, and so is ``resends``, the file of what was answered to a record
    that was offered again, where one of them duplicates. Without ``labels`` nobody is told any. ``stream``:
    the file of what a stream took and decided, for that archetype. ``landing`` is the state folder of a job
    that scores partitions, ``twin`` the file of what is right there.
    """

    seed: int
    duration_s: float
    profile: Profile
    world: str
    units: Source | None = None
    check: Source | None = None
    world_path: tuple[str, ...] = ()
    scenario: dict[str, str | int | float | bool] = {}
    template: str = ""
    url: str
    workload: Workload
    observations: str
    mutations: tuple[Span, ...] = ()
    taint: str = ""
    resends: str = ""
    stream: str = ""
    labels: LabelFeed | None = None
    landing: str = ""
    twin: str = ""
