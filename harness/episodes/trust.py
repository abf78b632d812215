"""Whether a run may be counted, and whether it was left safe: reasons in words, none = trusted.

In: the log, the witness's service, the baseline. Out: reasons. Every doubt that is not listed here
would be a silent pass, so what is absent (an event, a unit, a row) is a reason as well.
"""

from __future__ import annotations

import msgspec
import numpy as np

from harness.episodes.baseline import Baseline
from harness.episodes.log import RunLog
from harness.episodes.service import Service, send_lag_p99_ms
from harness.experiment.model import Profile
from harness.faults.effects import Kill, Mutate, Relabel, Shift, place
from harness.history.model import History
from harness.plan.model import Plan

SEND_LAG_MS_MAX = 50.0
"""Allowed in any case: a fifth of the deadline of the default profile."""
LABELS_TOLD_LEAST = 0.5  # a fault on their way may hold some back
COMPLETE_STATE = "ended"
WITHOUT_EFFECT = "fault without effect"
STALLED = "the witness stalled"
"""Words in a reason that end a score, however few runs have it (``estimates.score``)."""


def send_lag_ms_max(profile: Profile) -> float:
    """What the witness's send lag may be at p99: a fifth of the deadline, 50 ms at least.

    >>> send_lag_ms_max(Profile(deadline_s=0.25)), send_lag_ms_max(Profile(deadline_s=1.0))
    (50.0, 200.0)
    """
    return max(SEND_LAG_MS_MAX, 200.0 * profile.deadline_s)


def void_reasons(history: History, log: RunLog, service: Service, baseline: Baseline | None) -> list[str]:
    """Why the run cannot be trusted, the first cause first.

    What follows from a step that failed (units that were then never offered) is not listed beside it.
    """
    causes = _broken(history, log)
    if baseline is not None and baseline.why and not (log.baseline and log.baseline.why):
        causes.append(f"baseline not met: {baseline.why}")
    if causes:
        return causes
    return (
        _not_injected(history.plan, log)
        + _unseen(history.plan, log, service)
        + _stalls(history.plan, log, service)
        + _untold(log)
        + _without_load(history.plan, log)
    )


def unsafe_reasons(history: History, log: RunLog) -> list[str]:
    """Why a clean state is not proven.

    In a run that was cut the missing proof is the guardian's matter, and the run is VOID.
    """
    reasons = [f"episode {event.episode}: {event.why}" for event in log.not_clean]
    if reasons or log.ended is None or history.cut:
        return reasons
    if log.ended.state == "unsafe":
        return ["the run ended unsafe"]
    return [
        f"episode {index}: {place(event.effect)} was hurt and no look found it clean"
        for index, event in sorted(log.injected.items())
        if not event.sham and (index not in log.undone or index not in log.clean)
    ]


def _broken(history: History, log: RunLog) -> list[str]:
    causes = [f"history cut: {history.cut}"] if history.cut else []
    causes += [f"{event.where} raised {event.error}" for event in log.raised]
    causes += [f"episode {event.episode}: {WITHOUT_EFFECT}: {event.why}" for event in log.without_effect]
    if log.baseline is not None and log.baseline.why:
        causes.append(f"baseline not met: {log.baseline.why}")
    if log.ended is None and not history.cut:
        causes.append("the history has no end")
    elif log.ended is not None and log.ended.state != COMPLETE_STATE and not causes:
        causes.append(f"the run ended {log.ended.state}")
    return causes


def _not_injected(plan: Plan, log: RunLog) -> list[str]:
    if not plan.episodes:
        return ["the plan has no episode"]
    missing = [str(e.index) for e in plan.episodes if e.index not in log.injected]
    other = [str(i) for i, event in log.injected.items() if event.sham != plan.sham]
    reasons = [f"episode {', '.join(missing)} was planned and never injected"] if missing else []
    untouched = [
        str(e.index)
        for e in plan.episodes
        if isinstance(e.effect, Mutate | Shift | Relabel) and not plan.sham and _touched(log, e.index) == 0
    ]
    if untouched and log.audited is not None:
        reasons.append(f"episode {', '.join(untouched)}: {WITHOUT_EFFECT}: no record was changed")
    reasons += [] if plan.sham else _not_hit_again(plan, log)
    return reasons + ([f"episode {', '.join(other)}: sham and fault are mixed up"] if other else [])


def _not_hit_again(plan: Plan, log: RunLog) -> list[str]:
    """A succession of which a beat is missing: it was neither done nor told to have met nobody."""
    counts = [
        (e.index, e.effect.times, 1 + len(log.hit_again.get(e.index, ())))
        for e in plan.episodes
        if isinstance(e.effect, Kill) and e.index in log.injected
    ]
    return [
        f"episode {index}: {done} of {times} kills are told" for index, times, done in counts if done != times
    ]


def _untold(log: RunLog) -> list[str]:
    """Labels that the system did not take: a learner that learns nothing can do no harm either."""
    told = log.labels
    if told is None or not told.failed or told.told >= LABELS_TOLD_LEAST * told.due:
        return []
    return [f"the system took {told.told} of {told.due} labels that were due; {told.failed} posts failed"]


def _without_load(plan: Plan, log: RunLog) -> list[str]:
    """A load that was asked for and was not there: what was measured is another question's answer."""
    if plan.background is msgspec.UNSET:
        return []
    if log.background is None:
        return ["background load was asked for, and nothing is known of it"]
    if log.background.requests == 0:
        return ["background load was asked for, and Locust made no request"]
    return []


def _touched(log: RunLog, index: int) -> int:
    return log.touched[index].touched if index in log.touched else 0


def _unseen(plan: Plan, log: RunLog, service: Service) -> list[str]:
    """Units that were due and have no row: a hole hides an outage as well as any other."""
    if log.first_due_s is None:
        return ["the witness never started"]
    if not service.due.size:
        return ["no data: the witness left no rows"]
    numbers = service.unit.astype(np.int64)
    holes = int(numbers.max()) + 1 - len(numbers)
    reasons = [f"{holes} units were due and have no row"] if holes else []
    slack_s = max(5 / plan.profile.rate_hz, plan.profile.deadline_s)
    seen_s = float(service.due[-1]) - log.first_due_s
    if seen_s < plan.duration_s - slack_s:
        reasons.append(f"units end after {seen_s:.1f} s of {plan.duration_s:.1f} s")
    return reasons


def _stalls(plan: Plan, log: RunLog, service: Service) -> list[str]:
    lag_ms = send_lag_p99_ms(service)
    if lag_ms is None:
        return ["no data: the witness sent nothing"]
    reasons = []
    if lag_ms > (most_ms := send_lag_ms_max(plan.profile)):
        reasons.append(f"{STALLED}: send lag p99 {lag_ms:.0f} ms, allowed {most_ms:.0f} ms")
    # A stall makes its own units late: one longer than a deadline looks like an outage, or hides one.
    allowed_s = min(plan.profile.window_length_s / 2, plan.profile.deadline_s)
    long = [
        s.lasted_s
        for s in log.stalls
        if s.lasted_s > allowed_s and _inside_episode(plan, log, s.since_s, s.lasted_s)
    ]
    if long:
        reasons.append(f"{STALLED} for {max(long):.2f} s inside an episode, allowed {allowed_s:.2f} s")
    return reasons


def _inside_episode(plan: Plan, log: RunLog, since_s: float, lasted_s: float) -> bool:
    first_s = log.first_due_s or 0.0
    return any(
        since_s < first_s + e.undo_at_s and since_s + lasted_s > first_s + e.inject_at_s
        for e in plan.episodes
    )
