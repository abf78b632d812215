"""One episode: inject, prove the effect, watch, undo, prove clean; each step is an event.

A sham episode walks the same path with an effect of size zero.
"""

from __future__ import annotations

from harness import shell
from harness.errors import Unsafe
from harness.faults.effects import Pause
from harness.history import events
from harness.history.events import Clean, Cleared, Injected, NotClean, Undone
from harness.plan.model import PlannedEpisode
from harness.run.stage import Recorded, Stage
from harness.targets.base import Applied, NullTarget, Target, WithoutEffect
from harness.units import seconds_text


def run_episode(stage: Stage, episode: PlannedEpisode) -> None:
    """Run one planned episode to its end.

    Raises Recorded where the fault had no proven effect, Unsafe where a clean state could not
    be proven; whatever else is raised inside, the fault is undone first.
    """
    stage.wait_until(episode.inject_at_s)
    target = _target(stage)
    asked_at_s = shell.monotonic_s()
    try:
        applied = target.apply(episode.effect)
    except WithoutEffect as error:
        stage.folder.writer.append(events.WithoutEffect(episode=episode.index, why=str(error)))
        raise Recorded(f"{episode.kind} had no effect: {error}") from error
    cleared = False
    try:
        stage.folder.writer.append(_injected(stage, episode, applied, asked_at_s))
        cleared = _watch(stage, episode, applied)
    finally:
        _end(stage, episode, applied, cleared)


def _target(stage: Stage) -> Target:
    """The sham's clean proofs are real looks at the system, the same as after a fault."""
    return NullTarget(stage.target) if stage.plan.sham else stage.target


def _injected(stage: Stage, episode: PlannedEpisode, applied: Applied, asked_at_s: float) -> Injected:
    at_s = applied.effective_at_s - stage.first_due_s
    what = "sham, nothing done" if stage.plan.sham else "; ".join(applied.proof)
    stage.progress(f"  {at_s:5.1f} s  {episode.kind} {episode.effect.service}: {what}")
    return Injected(
        episode=episode.index,
        effect=episode.effect,
        sham=stage.plan.sham,
        asked_at_s=asked_at_s,
        effective_at_s=applied.effective_at_s,
        pid=applied.pid,
        proof=applied.proof,
    )


def _watch(stage: Stage, episode: PlannedEpisode, applied: Applied) -> bool:
    """Wait for the end of the episode; True when the fault was gone before it."""
    if stage.plan.sham:
        stage.wait_until(episode.undo_at_s)
        return True
    cleared = False
    ends_itself_s = _own_end_s(stage, applied)
    for offset_s in _looks(stage, episode):
        stage.wait_until(offset_s)
        if not cleared and ends_itself_s is not None and offset_s >= ends_itself_s:
            stage.target.undo(applied)
            _clear(stage, episode, shell.monotonic_s(), "itself")
            cleared = True
        back_at_s = None if cleared else _replaced_at_s(stage, applied)
        if back_at_s is not None:
            _clear(stage, episode, back_at_s, "platform")
            cleared = True
    return cleared


def _own_end_s(stage: Stage, applied: Applied) -> float | None:
    effect = applied.effect
    if isinstance(effect, Pause) and effect.duration_s is not None:
        return applied.effective_at_s - stage.first_due_s + effect.duration_s
    return None


def _looks(stage: Stage, episode: PlannedEpisode) -> list[float]:
    """Offsets at which the episode is looked at: every 0.1 s, and at its end."""
    now_s = shell.monotonic_s() - stage.first_due_s
    steps = int(max(0.0, episode.undo_at_s - now_s) / 0.1)
    return [now_s + 0.1 * i for i in range(1, steps + 1)] + [episode.undo_at_s]


def _replaced_at_s(stage: Stage, applied: Applied) -> float | None:
    """When the platform had another process of the service ready, or None."""
    for act in stage.acts:
        if act.act == "ready" and act.service == applied.effect.service and act.at_s > applied.effective_at_s:
            return act.at_s
    return None


def _clear(stage: Stage, episode: PlannedEpisode, at_s: float, by: str) -> None:
    stage.folder.writer.append(Cleared(episode=episode.index, at_s=at_s, by=by))
    offset_s = at_s - stage.first_due_s
    stage.progress(f"  {offset_s:5.1f} s  {episode.effect.service}: fault gone, by {by}")


def _end(stage: Stage, episode: PlannedEpisode, applied: Applied, cleared: bool) -> None:
    """Undo and prove clean. Nothing that goes wrong here may end as anything but UNSAFE."""
    target = _target(stage)
    record = stage.folder.writer.append
    try:
        needed = target.undo(applied)
        record(Undone(episode=episode.index, at_s=shell.monotonic_s(), needed=needed))
        proof = target.is_clean(applied)
    except Exception as error:
        # Broad on purpose: an undo that raises anything at all has left the state unproven.
        record(NotClean(episode=episode.index, why=f"{type(error).__name__}: {error}"))
        raise Unsafe(f"{episode.kind} {episode.effect.service}: clean state not proven: {error}") from error
    at_s = shell.monotonic_s()
    record(Clean(episode=episode.index, at_s=at_s, proof=proof))
    if stage.plan.sham:
        return
    if not cleared:
        _clear(stage, episode, at_s, "harness")
    stage.progress(f"  {seconds_text(at_s - stage.first_due_s):>7}  clean proven")
