"""One episode from schedule to outcome: played, judged, and where service was lost compared with arm none.

Comes in: a schedule. Goes out: ``Outcome``. Whatever goes wrong in the harness itself makes an outcome that
is void and says why: it is no failure of the system, and hides no other episode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from harness.experiment.model import System
from harness.history.observations import WITNESS
from harness.run.material import Material
from harness.search.evidence import Case, acts, lost, restarts
from harness.search.invariants import broken, lost_more, near
from harness.search.limits import Limits
from harness.search.outcome import Met, Outcome, Seen
from harness.search.player import Played, play_out
from harness.search.schedule import Fault, Schedule, encode, schedule_of

NONE = "none"


class _Twin(NamedTuple):
    """The same faults in arm none: units lost, and faults that nothing met though their place was there."""

    lost: int
    unmet: frozenset[bytes]


@dataclass(slots=True)
class Player:
    """Plays schedules on one system with one seed: what is offered is the same in all of them."""

    material: Material
    seed: int
    arm: str
    limits: Limits = field(default_factory=Limits)
    _twins: dict[bytes, _Twin] = field(default_factory=dict)

    def play(self, schedule: Schedule) -> Outcome:
        """Play one; an error of the harness is told in ``void``."""
        try:
            played = play_out(self.material, schedule, self.limits, seed=self.seed, arm=self.arm)
            return self._judged(played, schedule)
        except Exception as error:  # noqa: BLE001 - told in the outcome: one episode must not end a search
            return _void(self.arm, f"{type(error).__name__}: {error}")

    def _judged(self, played: Played, schedule: Schedule) -> Outcome:
        case = case_of(played, self.limits, self.material.experiment.system)
        outcome = _outcome(case, self.arm, len(schedule.faults))
        if self.arm == NONE or outcome.lost <= self.limits.eps_units:
            return outcome
        try:
            twin = self._without(pinned(schedule, outcome))
        except Exception:
            if outcome.broken:  # what is proven without a comparison stays so
                return outcome
            raise
        met = {_key(fault, one) for fault, one in zip(schedule.faults, outcome.met, strict=True) if one.met}
        # A process that nobody has restarted cannot be hit again: then the two have not met the same.
        more = None if met & twin.unmet else lost_more(case, twin.lost)
        return msgspec.structs.replace(outcome, broken=(*outcome.broken, more)) if more else outcome

    def _without(self, schedule: Schedule) -> _Twin:
        """What arm none loses under the same faults at the same instants."""
        key = encode(schedule)
        if key not in self._twins:
            played = play_out(self.material, schedule, self.limits, seed=self.seed, arm=NONE)
            held = [one for one in played.hand.held.values() if not one.met and not one.absent]
            unmet = frozenset(encode(schedule_of([one.fault])) for one in held)
            self._twins[key] = _Twin(len(lost(played.rows)), unmet)
        return self._twins[key]


def case_of(played: Played, limits: Limits, system: System) -> Case:
    """Put what is judged beside what it is judged by."""
    ends = {name: (edge.source, edge.to) for name, edge in system.all_edges.items()}
    return Case(played, limits, ends, system.observe.journal.partition(":")[0])


def pinned(schedule: Schedule, outcome: Outcome) -> Schedule:
    """The same faults at the instants at which they began; those that never did are left out.

    What waits for a healer would wait for ever where there is none.
    """
    return schedule_of(
        msgspec.structs.replace(fault, at_s=met.began_s, after=None)
        for fault, met in zip(schedule.faults, outcome.met, strict=True)
        if met.began_s is not None
    )


def _key(fault: Fault, met: Met) -> bytes:
    return encode(schedule_of([msgspec.structs.replace(fault, at_s=met.began_s, after=None)]))


def _outcome(case: Case, arm: str, faults: int) -> Outcome:
    played = case.played
    said = [word for word in played.words if word.at_s >= played.start_s]
    return Outcome(
        arm=arm,
        transitions=tuple(word.transition for word in said),
        seen=tuple(
            Seen(event=word.event, at_s=_since(played, word.at_s)) for word in said if word.event is not None
        ),
        met=tuple(_met(played, number) for number in range(faults)),
        near=near(case),
        broken=broken(case),
        units=int((played.rows["stream"] == WITNESS).sum()),
        lost=len(lost(played.rows)),
        acts=len(acts(case)) + len(restarts(case)),
        void="",
        digest=played.digest,
        virtual_s=round(played.over_s, 2),
        events=played.events,
    )


def _met(played: Played, number: int) -> Met:
    held = played.hand.held.get(number)
    if held is None:
        return Met(began_s=None, ended_s=None, met=False, why="what it waits for never came")
    ended_s = None if held.ended_s is None else _since(played, held.ended_s)
    return Met(began_s=_since(played, held.began_s), ended_s=ended_s, met=held.met, why=held.why)


def _since(played: Played, at_s: float) -> float:
    return round(at_s - played.start_s, 3)


def _void(arm: str, why: str) -> Outcome:
    return Outcome(
        arm=arm,
        transitions=(),
        seen=(),
        met=(),
        near=(),
        broken=(),
        units=0,
        lost=0,
        acts=0,
        void=why,
        digest="",
        virtual_s=0.0,
        events=0,
    )
