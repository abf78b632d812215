"""The course of one run: the first slot, its own baseline, the episodes, the last answer.

Comes in: a ``Stage``, real or simulated. Goes out: events. The only clock is the stage's.
"""

from __future__ import annotations

from harness.episodes.baseline import baseline_of
from harness.history.events import BaselineMeasured, FirstDue
from harness.run.episode import run_episode
from harness.run.settle import rows_of
from harness.run.stage import Recorded, Stage

LEAD_S = 0.3
"""Between "go" and the first slot, so that the driver's loop runs before it is timed."""


class BaselineNotMet(Recorded):
    """Nothing was injected, so doing the same run again hides nothing."""


def keep_timetable(stage: Stage) -> None:
    """Let the run take its course, from the first slot to the last answer.

    Raises BaselineNotMet before anything is injected; Recorded, Unsafe and MustStop as the episodes do.
    """
    stage.first_due_s = stage.clock.now_s() + LEAD_S
    stage.witness.go(stage.first_due_s)
    stage.evidence.append(FirstDue(at_s=stage.first_due_s))
    _baseline_gate(stage)
    for episode in stage.plan.episodes:
        run_episode(stage, episode)
    stage.wait_until(stage.plan.duration_s)
    stage.witness.await_done(stage.note)


def _baseline_gate(stage: Stage) -> None:
    """Measure the run's own baseline; raises BaselineNotMet before anything is injected."""
    profile = stage.plan.profile
    first_fault_s = min((e.inject_at_s for e in stage.plan.episodes), default=stage.plan.duration_s)
    stage.wait_until(first_fault_s)
    rows = rows_of(stage.evidence)
    baseline = baseline_of(rows, until_s=stage.clock.now_s() - profile.deadline_s, profile=profile)
    measured = BaselineMeasured(units=baseline.units, bad=baseline.bad, why=baseline.why)
    stage.evidence.append(measured)
    if measured.why:
        raise BaselineNotMet(f"baseline not met: {measured.why}; nothing was injected")
