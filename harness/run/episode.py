"""One episode: record the undo, inject, prove the effect, watch, undo, prove clean; each step is an event.

A sham episode walks the same path with an effect of size zero, and without a record.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import NothingToHit, PartGone, Unsafe
from harness.faults.effects import Hook, Kill, Pause, WorldEffect, lasts_s, place
from harness.guard.records import Record
from harness.history import events
from harness.history.events import Acted, Clean, Cleared, Guarded, HitAgain, Injected, NotClean, Undone
from harness.plan.model import PlannedEpisode
from harness.run.harm import HarmWatch
from harness.run.records import Line, RecordsTarget, ends_at_s
from harness.run.safety import MustStop, is_urgent, store_problem
from harness.run.settle import rows_of
from harness.run.stage import PUMP_EVERY_S, Recorded, Stage
from harness.targets.base import Applied, NullTarget, Target, WithoutEffect
from harness.units import seconds_text

STEP_S = 60.0
"""A step without a fault in force may take this long (a service that starts slowly)."""
APPLY_S = 8.0
"""To inject and prove: 5 s for the proof, and its last look."""
SERVICE_UP_S = 20.0
EXPLAINED_WITHIN_S = 1.0
"""The platform's ledger may tell of an act so much later than the act is seen."""


@dataclass(slots=True)
class _Course:
    """How far it has come. ``over``: the fault is gone, and that is told; ``exercised``: it was met.

    ``watch``: who looks at what it costs.
    """

    over: bool = False
    exercised: bool = True
    watch: HarmWatch | None = None


def run_episode(stage: Stage, episode: PlannedEpisode) -> None:
    """Run one planned episode to its end.

    Raises Recorded where the fault had no proven effect, Unsafe where a clean state could not
    be proven; whatever else is raised inside, the fault is undone first.
    """
    stage.wait_until(episode.inject_at_s)
    target = _target(stage, episode)
    record = _open(stage, episode, target)
    applied, course = None, _Course()
    stage.alarms.in_force = True
    stage.alarms.guardian.allow(STEP_S if isinstance(episode.effect, Hook) else APPLY_S)
    try:
        asked_at_s = stage.clock.now_s()
        applied = target.apply(episode.effect)
        injected = _injected(stage, episode, applied, asked_at_s)
        stage.evidence.append(injected)
        course.watch = None if stage.allowance is None else HarmWatch(stage.allowance, injected)
        _watch(stage, episode, applied, course)
    except WithoutEffect as error:
        stage.evidence.append(events.WithoutEffect(episode=episode.index, why=str(error)))
        _end_by_record(stage, episode, record)
        raise Recorded(f"{episode.kind} had no effect: {error}") from error
    except BaseException as error:
        if applied is None or is_urgent(error):
            _end_at_once(stage, episode)
        else:
            _end(stage, episode, applied, course=course, record=record)
        raise
    _end(stage, episode, applied, course=course, record=record)


def _target(stage: Stage, episode: PlannedEpisode) -> Target:
    """The sham's clean proofs are real looks at the system, the same as after a fault."""
    target = stage.target
    if isinstance(episode.effect, WorldEffect):
        line = Line(stage.witness, stage.hear_records, stage.clock)
        target = RecordsTarget(line, episode.index, stage.plan.profile)
    return NullTarget(target, clock=stage.clock) if stage.plan.sham else target


def _open(stage: Stage, episode: PlannedEpisode, target: Target) -> Record | None:
    """Make the undo record durable before the act; None for a sham, which does nothing.

    A target that cannot say how its act is undone is guarded by the record of the whole run.
    """
    undo = None if stage.plan.sham else _undo_of(stage, episode, target)
    if undo is None:
        return None
    verb, arguments = undo
    record = stage.alarms.guardian.open(
        verb,
        arguments,
        episode=episode.index,
        fault=episode.kind,
        promise_s=SERVICE_UP_S,
        within_s=episode.undo_at_s - episode.inject_at_s + STEP_S,
    )
    _guarded(stage, record, "opened")
    return record


def _undo_of(
    stage: Stage, episode: PlannedEpisode, target: Target
) -> tuple[str, Mapping[str, int | str]] | None:
    """The verb and the arguments that undo what ``target`` will do next."""
    if isinstance(episode.effect, WorldEffect):
        return stage.witness.undo()
    prepare = getattr(target, "prepare", None)
    if prepare is None or isinstance(episode.effect, Hook):
        return None  # the record of the whole run stands for it: with the system, what a hook did is gone
    prepared = prepare(episode.effect)
    return prepared.verb, prepared.arguments


def _guarded(stage: Stage, record: Record, state: str) -> None:
    stage.evidence.append(Guarded(episode=record.episode, record=record.id, verb=record.verb, state=state))


def _injected(stage: Stage, episode: PlannedEpisode, applied: Applied, asked_at_s: float) -> Injected:
    at_s = applied.effective_at_s - stage.first_due_s
    what = "sham, nothing done" if stage.plan.sham else "; ".join(applied.proof)
    stage.progress(f"  {at_s:5.1f} s  {episode.kind} {place(episode.effect)}: {what}")
    return Injected(
        episode=episode.index,
        effect=episode.effect,
        sham=stage.plan.sham,
        asked_at_s=asked_at_s,
        effective_at_s=applied.effective_at_s,
        pid=applied.pid,
        proof=applied.proof,
        shows=applied.shows,
    )


def _watch(stage: Stage, episode: PlannedEpisode, applied: Applied, course: _Course) -> None:
    """Wait for the end of the episode; Recorded where the fault vanished and nobody's act explains it."""
    if stage.plan.sham:
        stage.wait_until(episode.undo_at_s)
        course.over = True
        return
    if isinstance(applied.effect, Kill) and applied.effect.times > 1:
        applied = _hit_again(stage, episode, applied, applied.effect)
    ends_itself_s = _own_end_s(stage, episode, applied)
    for offset_s in _looks(stage, episode, ends_itself_s):
        stage.wait_until(offset_s)
        _stop_beyond_budget(stage, course)
        if not course.over:
            is_due = ends_itself_s is not None and offset_s >= ends_itself_s
            _look(stage, episode, applied, course, is_due=is_due)


def _hit_again(stage: Stage, episode: PlannedEpisode, first: Applied, effect: Kill) -> Applied:
    """Do the further kills of a succession, each on its beat and proven by itself; gives the last one.

    A beat at which the service has no process hits nothing, and that is recorded: it is down already.
    """
    one, last = Kill(service=effect.service), first
    for number in range(2, effect.times + 1):
        stage.wait_until(first.effective_at_s - stage.first_due_s + (number - 1) * effect.every_s)
        stage.alarms.guardian.allow(APPLY_S)
        asked_at_s = stage.clock.now_s()
        try:
            hit = last = stage.target.apply(one)
            at_s, pid, proof = hit.effective_at_s, hit.pid, hit.proof
        except NothingToHit as nothing:
            at_s, pid, proof = asked_at_s, 0, (str(nothing),)
        stage.evidence.append(
            HitAgain(
                episode=episode.index,
                number=number,
                asked_at_s=asked_at_s,
                effective_at_s=at_s,
                pid=pid,
                proof=proof,
            )
        )
        stage.progress(f"  {at_s - stage.first_due_s:5.1f} s  {number} of {effect.times}: {'; '.join(proof)}")
    return last


def _stop_beyond_budget(stage: Stage, course: _Course) -> None:
    """Raise MustStop where the episode has cost more than the experiment allows."""
    if course.watch is None:
        return
    why = course.watch.exceeded(stage.acts, lambda: rows_of(stage.evidence), stage.clock.now_s())
    if why:
        raise MustStop("harm", f"harm beyond the budget of the experiment: {why}")


def _look(stage: Stage, episode: PlannedEpisode, applied: Applied, course: _Course, *, is_due: bool) -> None:
    """See whether the fault is still there, and undo it once its own end ``is_due``."""
    back = _replaced(stage, applied)
    if back is None and is_due:
        there = _undo(stage, episode, applied, course)
        stage.hear()
        back = None if there else _replaced(stage, applied)
        back = back or (_ended_at_s(stage, episode, applied), "itself")
    else:
        there = back is not None or _holds(stage, applied)
    if not there and not _explained(stage, applied):
        course.over = True
        _vanished(stage, episode, applied)
    if back is not None:
        _clear(stage, episode, *back)
        course.over = True


def _undo(stage: Stage, episode: PlannedEpisode, applied: Applied, course: _Course) -> bool:
    """Undo, once it is known whether anything met the fault; True if there was something to undo."""
    exercised = getattr(stage.target, "exercised", None)
    # An edge's counters go with its toxic; of a process it stays known, whoever was quicker than we are.
    known = not course.over or isinstance(applied.effect, Kill | Pause)
    if exercised is not None and not stage.plan.sham and known:
        course.exercised = bool(exercised(applied))
    slow = isinstance(
        applied.effect, Kill | Pause | WorldEffect | Hook
    )  # a service is waited for, or the driver
    stage.alarms.guardian.allow(STEP_S if slow else APPLY_S)
    needed = _target(stage, episode).undo(applied)
    stage.alarms.guardian.allow(STEP_S)
    return needed


def _holds(stage: Stage, applied: Applied) -> bool:
    """Ask the target whether the fault is there; a kill has nothing to hold, the driver keeps its own."""
    holds = getattr(stage.target, "holds", None)
    if holds is None or isinstance(applied.effect, Kill | WorldEffect):
        return True
    return bool(holds(applied))


def _explained(stage: Stage, applied: Applied) -> bool:
    """Whether platform or healer ended what was hit, or a healer what a hook set; nobody else may."""
    effect = applied.effect
    if isinstance(effect, Kill | WorldEffect):
        return True  # nothing to hold; a driver that has ended is told on its own
    if not isinstance(effect, Pause | Hook):
        return False
    until_s = stage.clock.now_s() + EXPLAINED_WITHIN_S
    while True:
        stage.hear()
        if isinstance(effect, Hook):
            # The act is seen later than the end; and one look at a busy route says nothing: it may be there.
            explained = bool(_answers(stage, applied)) or _holds(stage, applied)
        else:
            since = [a for a in stage.acts if a.service == effect.service and a.at_s > applied.effective_at_s]
            # "ended" is a process that the user's own loop keeps: nobody but that can have ended it.
            explained = any(
                a.act in ("killed", "ended") or a.detail.startswith(("restart", "stop")) for a in since
            )
        if explained:
            return True
        if stage.clock.now_s() > until_s:
            return False
        stage.clock.sleep_until(stage.clock.now_s() + PUMP_EVERY_S)


def _vanished(stage: Stage, episode: PlannedEpisode, applied: Applied) -> None:
    after_s = stage.clock.now_s() - applied.effective_at_s
    why = f"it was there and has vanished within {after_s:.2f} s; no act of platform or healer explains it"
    stage.evidence.append(events.WithoutEffect(episode=episode.index, why=why))
    raise Recorded(f"{episode.kind} {place(episode.effect)}: {why}")


def _own_end_s(stage: Stage, episode: PlannedEpisode, applied: Applied) -> float | None:
    """Offset from the first slot at which a timed fault is over; the driver ends its own by the plan."""
    if isinstance(applied.effect, WorldEffect):
        until_s = ends_at_s(applied.effect, episode.inject_at_s, episode.undo_at_s)
        return until_s if applied.effect.duration_s is not None else None
    lasting_s = lasts_s(applied.effect)
    return None if lasting_s is None else applied.effective_at_s - stage.first_due_s + lasting_s


def _ended_at_s(stage: Stage, episode: PlannedEpisode, applied: Applied) -> float:
    """When a timed fault was gone: what we undo now, the driver has ended at its own instant."""
    own_end_s = _own_end_s(stage, episode, applied)
    if own_end_s is None or not isinstance(applied.effect, WorldEffect):
        return stage.clock.now_s()
    return stage.first_due_s + own_end_s


def _looks(stage: Stage, episode: PlannedEpisode, ends_itself_s: float | None) -> list[float]:
    """Offsets at which the episode is looked at: every 0.1 s, when a timed fault is over, and at its end."""
    now_s = stage.clock.now_s() - stage.first_due_s
    steps = int(max(0.0, episode.undo_at_s - now_s) / 0.1)
    regular = [now_s + 0.1 * i for i in range(1, steps + 1)] + [episode.undo_at_s]
    return sorted(regular if ends_itself_s is None else [*regular, min(ends_itself_s, episode.undo_at_s)])


def _replaced(stage: Stage, applied: Applied) -> tuple[float, str] | None:
    """When another process of the service was ready, and on whose order it was started; None if none was."""
    effect = applied.effect
    if isinstance(effect, Hook):
        return _mended(stage, applied)
    if not isinstance(effect, Kill | Pause):
        return None
    since = [a for a in stage.acts if a.service == effect.service and a.at_s > applied.effective_at_s]
    ready = next((act.at_s for act in since if act.act == "ready"), None)
    if ready is None:
        return None
    asked = any(a.act == "asked" and " by " in a.detail and a.at_s <= ready for a in since)
    return ready, "healer" if asked else "platform"


def _mended(stage: Stage, applied: Applied) -> tuple[float, str] | None:
    """When an act of the healer ended what a hook did; None while it is there, or if nobody's act did."""
    if _holds(stage, applied):
        return None
    stage.hear()
    acts = _answers(stage, applied)
    return (acts[0].at_s, "healer") if acts else None


def _answers(stage: Stage, applied: Applied) -> list[Acted]:
    """Acts that ended what a hook did: where it shows, something else than what we set is there since."""
    where, _, ours = applied.shows.partition(" ")
    return [
        act
        for act in stage.acted
        if act.effect
        and act.at_s > applied.effective_at_s
        and (not ours or (act.observer == where and f"{ours} -> " in act.detail))
    ]


def _clear(stage: Stage, episode: PlannedEpisode, at_s: float, by: str) -> None:
    stage.evidence.append(Cleared(episode=episode.index, at_s=at_s, by=by))
    offset_s = at_s - stage.first_due_s
    stage.progress(f"  {offset_s:5.1f} s  {place(episode.effect)}: fault gone, by {by}")


def _end(
    stage: Stage, episode: PlannedEpisode, applied: Applied, *, course: _Course, record: Record | None
) -> None:
    """Undo and prove clean. Nothing that goes wrong here may end as anything but UNSAFE."""
    stage.ending = True
    target = _target(stage, episode)
    append = stage.evidence.append
    try:
        needed = _undo(stage, episode, applied, course)
        at_s = stage.clock.now_s()
        append(Undone(episode=episode.index, at_s=at_s, needed=needed, exercised=course.exercised))
        proof = target.is_clean(applied)
    except PartGone as error:
        _end_at_once(stage, episode)  # Unsafe where that is not proven
        raise MustStop("guard", f"{error}; everything was ended") from error
    except Exception as error:
        # Broad on purpose: an undo that raises anything at all has left the state unproven.
        if store_problem(error):
            raise  # the guardian's look proves it
        append(NotClean(episode=episode.index, why=f"{type(error).__name__}: {error}"))
        raise Unsafe(f"{episode.kind} {place(episode.effect)}: clean state not proven: {error}") from error
    at_s = stage.clock.now_s()
    append(Clean(episode=episode.index, at_s=at_s, proof=proof))
    stage.ending = stage.alarms.in_force = False
    if record is not None:
        _close(stage, record)
    if stage.plan.sham:
        return
    if not course.over:
        _clear(stage, episode, at_s, "harness")
    stage.progress(f"  {seconds_text(at_s - stage.first_due_s):>7}  clean proven")


def _close(stage: Stage, record: Record) -> None:
    if not stage.alarms.guardian.close(record):
        raise MustStop(
            "guard", f"{record.id} was undone by the guardian before its time: nothing of it holds"
        )
    _guarded(stage, record, "closed")


def _end_by_record(stage: Stage, episode: PlannedEpisode, record: Record | None) -> None:
    """Prove by its record that an effect that was not seen left nothing either."""
    stage.alarms.in_force = False
    if record is None:
        return
    stage.alarms.guardian.allow(STEP_S)
    outcome = stage.alarms.guardian.undo(record)
    if not outcome.clean:
        stage.evidence.append(NotClean(episode=episode.index, why=outcome.text))
        raise Unsafe(f"{episode.kind} {place(episode.effect)}: clean state not proven: {outcome.text}")
    _guarded(stage, record, "closed")


def _end_at_once(stage: Stage, episode: PlannedEpisode) -> None:
    """End the whole run with all its processes, and prove that: nothing is quicker, and no undo may wait."""
    stage.ending = True
    stage.alarms.guardian.allow(STEP_S)
    outcomes = stage.alarms.guardian.undo_everything()
    left = [f"{outcome.record.id}: {outcome.text}" for outcome in outcomes if not outcome.clean]
    at_s = stage.clock.now_s()
    with contextlib.suppress(OSError):  # a store that cannot be written is told by what is raised already
        if left:
            stage.evidence.append(NotClean(episode=episode.index, why="; ".join(left)))
        else:
            proof = tuple(outcome.text for outcome in outcomes)
            stage.evidence.append(Undone(episode=episode.index, at_s=at_s, needed=bool(outcomes)))
            stage.evidence.append(Clean(episode=episode.index, at_s=at_s, proof=proof))
    if left:
        raise Unsafe(f"{episode.kind} {place(episode.effect)}: clean state not proven: {'; '.join(left)}")
