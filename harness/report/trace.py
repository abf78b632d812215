"""One run told in words, one line an event, from its history alone.

Comes in: a ``History``. Goes out: lines in the order of their instants, in seconds after the first unit was
due: injected, noticed by whom, what platform and healer did and why, gone, served again, audited. What was
only counted (looks, what is owed, undo records) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import msgspec

from harness.episodes.facts import facts
from harness.episodes.model import Episode, Level
from harness.faults.effects import place
from harness.history import events
from harness.history.events import Event, FirstDue
from harness.history.model import History
from harness.report.missed import partition_text
from harness.report.words import ACTS, CLEARED, inert
from harness.units import seconds_text

_OURS = frozenset({"harness", "driver", "observer", "audit"})


class TraceLine(msgspec.Struct, frozen=True, kw_only=True):
    """``at_s`` seconds after the first unit was due; ``who``: harness, platform, healer, a service, world."""

    at_s: float
    who: str
    what: str


def trace_of(history: History) -> tuple[TraceLine, ...]:
    """Tell a run; a history that was cut is told up to there. Nothing is told before its first unit was due.

    >>> from harness.history.observations import read_rows
    >>> entry = events.Entry(seq=1, mono_s=5.0, wall="", event=FirstDue(at_s=5.0), chain="")
    >>> trace_of(History("r", None, (entry,), read_rows(b""), "torn", ""))[0].what
    'the first unit is due'
    """
    firsts = [entry.event.at_s for entry in history.entries if isinstance(entry.event, FirstDue)]
    if not firsts:
        return ()
    told = [*_events(history, firsts[0]), *_journal(history, firsts[0])]
    if any(isinstance(entry.event, events.Injected) for entry in history.entries):
        told += list(_noticed(told, history, firsts[0]))
        told += [line for episode in facts(history).episodes for line in _episode(episode, history.cut)]
    return tuple(sorted((line for line in told if line.at_s >= 0), key=lambda line: line.at_s))


def trace_text(line: TraceLine) -> str:
    """Write one line for a terminal.

    >>> trace_text(TraceLine(at_s=6.25, who="harness", what="clean proven"))
    '    6.250 s  harness     clean proven'
    """
    return f"{line.at_s:9.3f} s  {inert(line.who):<10}  {inert(line.what)}"


def _events(history: History, first_s: float) -> Iterator[TraceLine]:
    for entry in history.entries:
        told = event_words(entry.event)
        if told is None:
            continue
        at_s = getattr(entry.event, "effective_at_s", getattr(entry.event, "at_s", entry.mono_s))
        yield TraceLine(at_s=at_s - first_s, who=told[0], what=told[1])


def event_words(event: Event) -> tuple[str, str] | None:
    """Say who did what in an event; None for what is only counted or known before the first unit."""
    match event:
        case (
            events.RunStarted()
            | events.StateReset()
            | events.SystemReady()
            | events.Priced()
            | events.TwinMade()
            | events.Versions()
        ):
            return None
        case events.Guarded() | events.Looked() | events.Owed():
            return None
        case events.Acted(act="asked"):
            return None  # the platform says it itself
        case events.FirstDue():
            return "driver", "the first unit is due"
        case events.Platform():
            detail = f" ({event.detail})" if event.detail else ""
            return "platform", f"{event.service}: {ACTS.get(event.act, event.act)}{detail}"
        case events.Acted():
            word = ACTS.get(event.act, event.act)
            without = "" if event.effect else ", which changes nothing that serves"
            return event.service, f"{word}: {event.detail}{without}" if event.detail else word + without
        case events.Blind():
            lasted_s = event.until_s - event.since_s
            return "observer", f"{event.observer} could not be looked at for {lasted_s:.2f} s: {event.why}"
        case events.Stalled():
            return "driver", f"stood still for {seconds_text(event.lasted_s)}"
        case events.BackgroundLoad():
            return "load", _counted(event)
        case events.Partition():
            return "driver", partition_text(event)
        case events.Audited() | events.Streamed() | events.Touched() | events.LabelsTold():
            return "audit", _counted(event)
        case _:
            return "harness", _done(event)


_Counted = events.Audited | events.BackgroundLoad | events.Streamed | events.Touched | events.LabelsTold
_Done = (
    events.BaselineMeasured
    | events.Injected
    | events.HitAgain
    | events.WithoutEffect
    | events.Cleared
    | events.Undone
    | events.Clean
    | events.NotClean
    | events.ControlRaised
    | events.RunEnded
)


def _done(event: _Done) -> str:
    match event:
        case events.BaselineMeasured():
            met = f"not met: {event.why}" if event.why else "met"
            return f"baseline {met} ({event.bad} of {event.units} units bad)"
        case events.Injected():
            what = "sham, nothing done" if event.sham else "; ".join(event.proof)
            return f"injected: {_effect(event)}: {what}"
        case events.HitAgain():
            what = "hit again" if event.pid else "nothing to hit"
            return f"{what}, number {event.number}: {'; '.join(event.proof)}"
        case events.WithoutEffect():
            return f"without effect: {event.why}"
        case events.Cleared():
            return CLEARED.get(event.by, "fault gone, undone by the harness")
        case events.Undone():
            needed = "undone" if event.needed else "nothing was left to undo"
            return needed if event.exercised else f"{needed}; nothing of the system had met the fault"
        case events.Clean():
            return f"clean proven: {'; '.join(event.proof)}"
        case events.NotClean():
            return f"CLEAN NOT PROVEN: {event.why}"
        case events.ControlRaised():
            return f"raised in {event.where}: {event.error}"
        case events.RunEnded():
            return f"the run is over: {event.state}, {event.rows} units"
        case _:
            assert_never(event)


def _effect(event: events.Injected) -> str:
    tag = type(event.effect).__struct_config__.tag
    return f"{tag} {place(event.effect)}"


def _counted(event: _Counted) -> str:
    match event:
        case events.Audited():
            if not event.observable:
                return "the system lists no ids: exactly once was not observed"
            wrong = {
                "missing": event.missing,
                "twice": event.doubled,
                "foreign": event.foreign,
                "changed": event.changed,
            }
            ended = f"{event.delivered_once} delivered once, {event.dead_letters} dead letters"
            bad = ", ".join(f"{count} {word}" for word, count in wrong.items() if count)
            return f"of {event.accepted} accepted {ended}; {bad or 'none missing, twice, foreign or changed'}"
        case events.Streamed():
            return (
                f"{event.decisions} decisions, {event.surplus} beyond the first of a record, "
                f"{event.out_of_order} behind that of a later one"
            )
        case events.BackgroundLoad():
            return (
                f"background load: {event.requests} requests of {event.users} users, {event.failed} failed, "
                "by Locust, not measured with"
            )
        case events.Touched():
            return (
                f"of {event.touched} records touched {event.delivered} delivered, "
                f"{event.quarantined} in dead letters, {event.refused} refused, {event.lost} lost"
            )
        case events.LabelsTold():
            unheard = ", where nobody listens" if event.due and not (event.told or event.failed) else ""
            return f"{event.told} of {event.due} labels told{unheard}"
        case _:
            assert_never(event)


def _noticed(told: list[TraceLine], history: History, first_s: float) -> Iterator[TraceLine]:
    """Who was the first to say or do anything after each fault."""
    theirs = sorted((one for one in told if one.who not in _OURS), key=lambda one: one.at_s)
    for entry in history.entries:
        if not isinstance(entry.event, events.Injected) or entry.event.sham:
            continue
        at_s = entry.event.effective_at_s - first_s
        if (first := next((one for one in theirs if one.at_s >= at_s), None)) is not None:
            what = f"by {first.who}, {seconds_text(first.at_s - at_s)} after the fault: {first.what}"
            yield TraceLine(at_s=first.at_s, who="noticed", what=what)


def _journal(history: History, first_s: float) -> Iterator[TraceLine]:
    for said in history.journal:
        what = f"{said.kind} {said.target}: {said.reason}".strip(": ")
        yield TraceLine(at_s=said.received_s - first_s, who="healer", what=f"{what} (so its journal)")


def _episode(episode: Episode, cut: str) -> Iterator[TraceLine]:
    """What the rows show of one fault; what nobody felt is told, too, where it was seen to its end."""
    at_s = episode.effective_s
    yield from _level(at_s, episode.served, "service", cut)
    if episode.full != episode.served:
        yield from _level(at_s, episode.full, "full service", cut)


def _level(at_s: float, level: Level, name: str, cut: str) -> Iterator[TraceLine]:
    if level.impact_s is None:
        if not cut:
            yield TraceLine(at_s=at_s, who="units", what=f"{name} is not lost: no window of it is violated")
        return
    yield TraceLine(at_s=at_s + level.impact_s, who="units", what=f"{name} is lost")
    if level.recovered_s is not None:
        took = seconds_text(level.recovered_s)
        what = f"{name} is back, {took} after the fault"
        yield TraceLine(at_s=at_s + level.recovered_s, who="units", what=what)
    if level.relapsed_s is not None:
        yield TraceLine(at_s=at_s + level.relapsed_s, who="units", what=f"{name} is lost again")
