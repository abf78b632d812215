"""Acts that changed the system and that the harness did not make, matched to a fault.

In: the supervisor's ledger and what observers saw, from a history. Out: effectful acts in order, and the
first one that answers a fault. In the ledger effectful is what replaces or ends a process: ``started`` and
``killed`` (by liveness); of what the user's own loop keeps, ``started`` is what was seen of it. What the
harness asked for itself stands there as ``asked`` before it, and is no act; what a healer asked for
(``restart by NAME``, ``stop by NAME``) is the healer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.episodes.model import RunFacts
from harness.experiment.places import JOURNAL, kind_of
from harness.faults.effects import Effect, Hook, Kill, Pause
from harness.history.events import Acted, Cleared, Injected, Looked, Platform, Undone

BY_OTHERS = " by "
SEEN_AFTER_S = 2.0
"""A look that finds what a hook changed comes so much later at most: a period, and one that fails."""

BLIND_S_MAX = 1.0
"""A look that came a second late still saw every act: they are listed by number. More is blindness."""

NO_HEALER = frozenset({"none", "bare"})


@dataclass(frozen=True, slots=True)
class Act:
    """One change of the system: when (monotonic seconds), on what, and by whom (platform, healer)."""

    at_s: float
    service: str
    act: str
    by: str


def effectful_acts(ledger: Sequence[Platform], acted: Sequence[Acted], since_s: float) -> tuple[Act, ...]:
    """Effectful acts from ``since_s`` on, in order, without the harness's own starts.

    A restart that a healer asked for is told twice, by the ledger's ``started`` and by an observer of the
    same ledger: the first is the act. Whether an act counts is decided by when we saw it, and where the
    system's own stamp lies outside of [``since_s``, seen], it is of another clock and ours stands for it.
    """
    other = [
        Act(_at_s(one, since_s), one.service, one.act, "healer")
        for one in acted
        if one.effect and one.received_s >= since_s and one.act != "asked"
    ]
    return tuple(sorted([*_of_ledger(ledger, since_s), *other], key=lambda act: act.at_s))


def of_others(
    acted: Sequence[Acted],
    injected: Iterable[Injected],
    cleared: Mapping[int, Cleared],
    undone: Mapping[int, Undone],
) -> list[Acted]:
    """Leave out what a hook of the harness changed: an alias that it set, and that it set back.

    On a route it is told by what was set, once each way: set back by the undo, or where a timed fault was
    over by itself. What a healer set back before that is the healer's. At a place outside of the services it
    is the first change within ``SEEN_AFTER_S`` of what the hook did, and the last one around its end: files
    and commits do not say what was set.
    """
    left = list(acted)
    for one in injected:
        place, _, value = one.shows.partition(" ")
        gone, end = cleared.get(one.episode), undone.get(one.episode)
        by_us = gone if gone is not None and gone.by == "itself" else end if end and end.needed else None
        end_s = None if by_us is None else by_us.at_s
        if isinstance(one.effect, Hook) and not one.sham:
            for where in {act.observer for act in left if kind_of(act.observer)}:
                left = _without(left, _own_outside([a for a in left if a.observer == where], one, end_s))
        if value:
            there = [act for act in left if act.observer == place]
            left = _without(left, _own_on_route(there, one, value, end_s))
    return left


def _own_on_route(
    there: Sequence[Acted], one: Injected, value: str, end_s: float | None
) -> Iterator[Acted | None]:
    until_s = one.effective_at_s + SEEN_AFTER_S
    made = (act for act in there if act.detail.endswith(f"-> {value}"))
    yield next((act for act in made if one.asked_at_s <= act.received_s <= until_s), None)
    if end_s is not None:
        back = (act for act in reversed(there) if f"{value} -> " in act.detail)
        until_s = end_s + SEEN_AFTER_S
        yield next((act for act in back if one.asked_at_s <= act.received_s <= until_s), None)


def _own_outside(there: Sequence[Acted], one: Injected, end_s: float | None) -> Iterator[Acted | None]:
    until_s = one.effective_at_s + SEEN_AFTER_S
    yield next((act for act in there if one.asked_at_s <= act.received_s <= until_s), None)
    if end_s is not None:
        around = (act for act in reversed(there) if abs(act.received_s - end_s) <= SEEN_AFTER_S)
        yield next(around, None)


def _without(acts: Sequence[Acted], own: Iterable[Acted | None]) -> list[Acted]:
    mine = [id(act) for act in own if act is not None]
    return [act for act in acts if id(act) not in mine]


def first_act(acts: Sequence[Act], effect: Effect, from_s: float, to_s: float) -> Act | None:
    """The first act in [from_s, to_s) that can answer ``effect``; None = nobody acted.

    A process fault is answered on its service, or by a healer anywhere; a fault on an edge or in the
    records only by a healer: what the platform restarts meanwhile is no answer to it.
    """
    service = effect.service if isinstance(effect, Kill | Pause) else None
    fits = (act for act in acts if act.by == "healer" or act.service == service)
    return next((act for act in fits if from_s <= act.at_s < to_s), None)


def observed(arm: str, ledger: Sequence[Platform], looked: Sequence[Looked]) -> bool:
    """Whether a run without a seen act may be one without acts.

    The platform's ledger must be there, and each declared place outside of the services must have been seen.
    Where a healer runs, so must each route, and there must be one place or route.

    >>> ledger = [Platform(at_s=0.0, service="gateway", act="started")]
    >>> observed("none", ledger, []), observed("reference", ledger, [])
    (True, False)
    """
    showing = [one for one in looked if kind_of(one.observer) != JOURNAL]
    if not ledger or any(one.looks == 0 and kind_of(one.observer) for one in showing):
        return False
    return arm in NO_HEALER or (bool(showing) and all(one.looks > 0 for one in showing))


def sees_acts(run: RunFacts) -> bool:
    """Whether each act of the run would have been seen.

    A listing may be read up to ``BLIND_S_MAX`` late; what is not listed must have been in sight all the time.
    """
    return run.observed and run.blind_s <= BLIND_S_MAX and not run.unlisted_blind_s > 0


def _at_s(one: Acted, since_s: float) -> float:
    return one.at_s if since_s <= one.at_s <= one.received_s else one.received_s


@dataclass(slots=True)
class _Books:
    """Which services run, and whose next start was asked for, by whom ("" = the harness)."""

    running: set[str] = field(default_factory=set)
    asked: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)  # by a restart that a healer asked for: told already

    def take(self, line: Platform) -> Act | None:
        """Keep the books by one line; gives the act that it tells of."""
        match line.act:
            case "asked":
                return self._asked(line)
            case "started":
                return self._started(line)
            case "exited":
                return self._exited(line)
            case "stopped" | "ended" | "gave_up" | "orphan":
                self.running.discard(line.service)
            case "killed" if line.service not in self.ended:
                return Act(line.at_s, line.service, line.act, "platform")
            case _:
                pass  # ready, backoff, liveness_failed: they change no process
        return None

    def _asked(self, line: Platform) -> Act | None:
        name, (what, _, who) = line.service, line.detail.partition(BY_OTHERS)
        self.ended.discard(name)
        # A start of what runs already owns nothing: else it would swallow the next restart.
        if what == "restart" or (what == "start" and name not in self.running):
            self.asked[name] = who
        else:
            self.asked.pop(name, None)
        # A stop of a service in back-off is an act too: it would have come back.
        return Act(line.at_s, name, "stopped", "healer") if what == "stop" and who else None

    def _started(self, line: Platform) -> Act | None:
        asked_by, told = self.asked.pop(line.service, None), line.service in self.ended
        self.ended.discard(line.service)
        self.running.add(line.service)
        if asked_by == "" or told:
            return None
        return Act(line.at_s, line.service, line.act, "healer" if asked_by else "platform")

    def _exited(self, line: Platform) -> Act | None:
        """The restart that a healer asked for has ended a process: an act, whether or not one starts."""
        self.running.discard(line.service)
        if not self.asked.get(line.service) or line.service in self.ended:
            return None
        self.ended.add(line.service)
        return Act(line.at_s, line.service, "restarted", "healer")


def _of_ledger(ledger: Sequence[Platform], since_s: float) -> list[Act]:
    books = _Books()
    told = [books.take(line) for line in ledger]
    return [act for act in told if act is not None and act.at_s >= since_s]
