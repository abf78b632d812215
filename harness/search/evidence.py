"""What an episode shows, read from what it left: units lost, restarts and acts of the healer, faults then.

Comes in: ``Played``. Goes out: answers that invariants are made of. Acts are seen from outside; what a hook
of ours did is nobody's act.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from harness.faults.effects import EdgeEffect, Effect, Hook, Kill, Pause
from harness.history.events import Acted
from harness.history.observations import BAD, UNKNOWN, WITNESS, Rows
from harness.search.hand import Held
from harness.search.limits import Limits
from harness.search.player import Played

ALIAS = "alias_changed"
_RESTART = "restart by "


@dataclass(frozen=True, slots=True)
class Case:
    """One episode with all that it is judged by. ``ends``: edge -> the services at both ends.

    ``healer``: the service whose journal is read; "" if none is.
    """

    played: Played
    limits: Limits
    ends: Mapping[str, tuple[str, ...]]
    healer: str = ""

    @property
    def held(self) -> tuple[Held, ...]:
        """The faults that began and were met, in order."""
        return tuple(one for one in self.played.hand.held.values() if one.met)


@dataclass(frozen=True, slots=True)
class Restarted:
    """A restart that a healer asked the platform for."""

    at_s: float
    service: str


def lost(rows: Rows) -> Rows:
    """The units of the witness that were not served."""
    witness = rows[rows["stream"] == WITNESS]
    kept: Rows = witness[(witness["outcome"] == BAD) | (witness["outcome"] == UNKNOWN)]
    return kept


def recovered_s(case: Case) -> float:
    """Seconds from the end of the last fault until no unit is lost for ``hold_s``; infinity if never."""
    due_s = np.sort(lost(case.played.rows)["due"])
    since_s = case.played.end_s
    for at_s in due_s[due_s >= since_s].tolist():
        if at_s - since_s >= case.limits.hold_s:
            break
        since_s = at_s
    held = case.played.over_s - since_s >= case.limits.hold_s
    return since_s - case.played.end_s if held else float("inf")


def restarts(case: Case) -> tuple[Restarted, ...]:
    """Restarts that a service asked for, by the ledger of the platform, in order."""
    return tuple(
        Restarted(line.at_s, line.service)
        for line in case.played.ledger
        if line.act == "asked" and line.detail.startswith(_RESTART)
    )


def acts(case: Case) -> tuple[Acted, ...]:
    """Acts with an effect that were seen from outside, less what a hook of ours did, in order."""
    ours: dict[str, int] = {}
    for one in case.held:
        if isinstance(one.fault.effect, Hook):
            ours[one.shows] = ours.get(one.shows, 0) + 1
    return tuple(act for act in case.played.acted if act.effect and not _is_ours(case, act, ours))


def _is_ours(case: Case, act: Acted, left: dict[str, int]) -> bool:
    """Whether a hook moved the alias: each moved it there once, and back at its end if it was still there."""
    if act.act != ALIAS:
        return False
    was, _, now = act.detail.partition(" -> ")
    if left.get(now, 0) > 0:
        left[now] -= 1
        return True
    shown = was.rpartition(" ")[2]
    return any(one.shows == shown and _undone_at(one, act, case) for one in case.held if one.shows)


def _undone_at(one: Held, act: Acted, case: Case) -> bool:
    """Whether a move away from what a hook had set was seen when that hook undid it."""
    begun_s = _asked_to_end_s(one)
    ended_s = one.ended_s if one.ended_s is not None else case.played.over_s
    return begun_s <= act.received_s <= ended_s + 1.0


def _asked_to_end_s(one: Held) -> float:
    return one.began_s + one.fault.lasts_s


def before(case: Case, at_s: float) -> Iterator[Held]:
    """Faults that were met and had begun by then."""
    return (one for one in case.held if one.began_s <= at_s)


def places(effect: Effect, ends: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Services that an effect is on, or beside: both ends of an edge."""
    if isinstance(effect, Kill | Pause):
        return (effect.service,)
    return ends.get(effect.edge, ()) if isinstance(effect, EdgeEffect) else ()
