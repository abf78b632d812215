"""One run's facts from its history: the only door of this stage.

In: ``History``. Out: ``RunFacts``. Sham runs take the same way: an impact there is a false impact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from harness.episodes.acts import Act, effectful_acts, first_act, observed, of_others
from harness.episodes.backfills import Stretch, backfill_of, overdue_at, overdue_debt, with_backfill
from harness.episodes.baseline import BAD_RATIO_MAX, Baseline, judged
from harness.episodes.confidence import confidence_of
from harness.episodes.decided import Span, decided_of
from harness.episodes.dues import Debt
from harness.episodes.heals import false_heals, seconds_of, unbroken
from harness.episodes.learned import learned_of
from harness.episodes.log import RunLog, read_log
from harness.episodes.model import NOT_EXERCISED, Episode, Level, RunFacts
from harness.episodes.monitors import Confidence
from harness.episodes.owed import debt_of, risen_s, with_debt
from harness.episodes.phases import Course, loss_of
from harness.episodes.platform import PlatformHarm, platform_harms
from harness.episodes.recovery import DIGITS, ChangeBack, Units, Watch, find_level, outages_of
from harness.episodes.served import models_of
from harness.episodes.service import Service, availability, quality, send_lag_p99_ms, service_of, windows_met
from harness.episodes.trust import unsafe_reasons, void_reasons
from harness.experiment.model import Profile
from harness.faults.effects import Effect, Kill, Shift, lasts_s, place, subject_among
from harness.history.events import Audited, Blind, Cleared, HitAgain, Injected, Streamed, Touched
from harness.history.model import History, Said
from harness.history.observations import Rows
from harness.plan.model import Plan, PlannedEpisode

QUALITY_BINS = 200
QUALITY_BIN_S_MIN = 0.1


@dataclass(frozen=True, slots=True)
class _Seen:
    """What all episodes of a run are read from; both levels have their own bad share p0."""

    plan: Plan
    log: RunLog
    rows: Rows
    service: Service
    served: Units
    full: Units
    served_ratio: float
    full_ratio: float
    acts: tuple[Act, ...]
    journal: tuple[Said, ...]

    @property
    def first_s(self) -> float:
        """When the first fault was asked for; nothing before it is any fault's doing."""
        return min(event.asked_at_s for event in self.log.injected.values())


def facts(history: History, *, bad_ratio_max: float = BAD_RATIO_MAX) -> RunFacts:
    """Compute all that was seen in one run; never raises for what a history lacks, but says it.

    ``bad_ratio_max`` is the objective's bad share: a baseline that is worse is not met.
    """
    log = read_log(history.entries)
    service = service_of(history.rows)
    baseline, full_ratio = _baselines(history.plan, log, service, bad_ratio_max)
    acted = of_others(log.acted, log.injected.values(), log.cleared, log.undone)
    acts = () if log.first_due_s is None else effectful_acts(log.platform, acted, log.first_due_s)
    episodes: tuple[Episode, ...] = ()
    if baseline is not None:
        seen = _Seen(
            plan=history.plan,
            log=log,
            rows=history.rows,
            service=service,
            served=service.units(full=False),
            full=service.units(full=True),
            served_ratio=baseline.bad_ratio,
            full_ratio=full_ratio,
            acts=acts,
            journal=history.journal,
        )
        planned = [(e, log.injected[e.index]) for e in history.plan.episodes if e.index in log.injected]
        episodes = tuple(_with_loss(seen, _episode(seen, e, i), i.effective_at_s) for e, i in planned)
    unlisted = {one.observer for one in log.looked if not one.listed}
    quiet = unbroken(history.plan, log)
    met, windows = windows_met(service, history.plan.profile, log.first_due_s)
    return RunFacts(
        run_id=history.run_id,
        arm=history.plan.arm,
        restart_profile=history.plan.restart_profile,
        sham=history.plan.sham,
        pair=history.plan.pair,
        seed=history.plan.seed,
        complete=not history.cut and log.ended is not None,
        void="; ".join(void_reasons(history, log, service, baseline)),
        unsafe="; ".join(unsafe_reasons(history, log)),
        baseline_units=0 if baseline is None else baseline.units,
        baseline_bad=0 if baseline is None else baseline.bad,
        units=len(service.due),
        good_units=int(service.served.sum()),
        availability_ratio=availability(service),
        windows=windows,
        windows_met=met,
        send_lag_p99_ms=send_lag_p99_ms(service),
        stalls=len(log.stalls),
        audit_observable=log.audited is not None and log.audited.observable,
        exactly_once=_exactly_once(log.audited),
        audit_text=_audit_text(log.audited, log.streamed) + _touched_text(log.touched.values()),
        accepted=0 if log.audited is None else log.audited.accepted,
        acts=len(acts),
        blind_s=_blind_s(log.blind),
        unlisted_blind_s=_blind_s(one for one in log.blind if one.lost or one.observer in unlisted),
        observed=observed(history.plan.arm, log.platform, log.looked),
        degraded_units=int((service.served & ~service.full).sum()),
        unbroken_s=seconds_of(quiet, float(service.due.max(initial=-math.inf))),
        false_heals=false_heals(acts, quiet),
        platform_harms=_harms(log),
        history_sha256=history.sha256,
        episodes=episodes,
    )


def _harms(log: RunLog) -> tuple[PlatformHarm, ...]:
    again = (one for hits in log.hit_again.values() for one in hits)
    return platform_harms(log.platform, log.injected.values(), again)


def _blind_s(gaps: Iterable[Blind]) -> float:
    return round(sum(one.until_s - one.since_s for one in gaps), DIGITS)


def _baselines(
    plan: Plan, log: RunLog, service: Service, bad_ratio_max: float
) -> tuple[Baseline | None, float]:
    """The served baseline and the full level's bad share; None where the witness never started."""
    if log.first_due_s is None:
        return None, 1.0
    asked = [event.asked_at_s for event in log.injected.values()]
    planned = [log.first_due_s + e.inject_at_s for e in plan.episodes]
    until_s = min(asked or planned, default=math.inf) - plan.profile.deadline_s
    served = judged(
        service.units(full=False), until_s=until_s, profile=plan.profile, bad_ratio_max=bad_ratio_max
    )
    full = service.units(full=True).between(-math.inf, until_s).bad_ratio()
    return served, 1.0 if full is None else full


def _episode(seen: _Seen, planned: PlannedEpisode, injected: Injected) -> Episode:
    inject_s, end_s = injected.effective_at_s, _end_s(seen, planned)
    profile, lasting_s = seen.plan.profile, lasts_s(planned.effect)
    horizon_s = profile.tau_s + (lasting_s or 0.0)
    hits_s = _hits_s(injected, seen.log.hit_again.get(planned.index, ()))
    stretch = Stretch(before_s=seen.first_s, inject_s=inject_s, end_s=end_s)
    debt = _debt(seen, stretch)
    watch, full_watch = _watches(seen, injected, end_s, horizon_s=horizon_s, hits_s=hits_s)
    served, full = (
        _owing(seen, find_level(units, profile, one), debt, stretch=stretch, horizon_s=horizon_s)
        for units, one in ((seen.served, watch), (seen.full, full_watch))
    )
    act = first_act(seen.acts, planned.effect, injected.asked_at_s, end_s)
    cleared = seen.log.cleared.get(planned.index)
    cleared_s = None if cleared is None else round(cleared.at_s - inject_s, DIGITS)
    gone_s = end_s if cleared is None else min(cleared.at_s, end_s)
    bin_s, lead_s, bins = _bins(seen.plan, horizon_s)
    undone = seen.log.undone.get(planned.index)
    exercised = undone is None or undone.exercised
    ended_by = _ended_by(served, injected, cleared, act=act, window_s=profile.window_length_s)
    if _orphan_serves(seen.log, planned.effect, injected, served, end_s=end_s):
        ended_by = "orphan"
    shares, full_shares = (quality(u, inject_s + lead_s, bin_s, bins) for u in (seen.served, seen.full))
    return Episode(
        index=planned.index,
        kind=planned.kind,
        service=_subject(seen.plan, planned),
        name=planned.name,
        effective_s=round(inject_s - (seen.log.first_due_s or 0.0), DIGITS),
        lasts_s=None if isinstance(planned.effect, Kill) else lasting_s,
        horizon_s=horizon_s,
        mitigated=_mitigated(served, cleared_s, profile),
        full_mitigated=_mitigated(full, cleared_s, profile),
        served=served,
        full=full,
        acted_s=None if act is None else round(act.at_s - inject_s, DIGITS),
        act="" if act is None else act.act,
        cleared_s=cleared_s,
        cleared_by="" if cleared is None else cleared.by,
        ended_by=NOT_EXERCISED if ended_by == "absorbed" and not exercised else ended_by,
        exercised=exercised,
        void=_episode_void(seen, injected, end_s, horizon_s) or _debt_void(seen, debt),
        quality_from_s=lead_s,
        quality_bin_s=bin_s,
        quality=shares,
        full_quality=() if full_shares == shares else full_shares,
        decided=decided_of(seen.rows, seen.log.priced, _decided_span(seen, planned, inject_s, end_s)),
        models=models_of(
            seen.rows, seen.log, seen.journal, inject_s=inject_s, from_s=inject_s + lead_s, until_s=end_s
        ),
        learned=learned_of(
            seen.log, seen.journal, asked_s=injected.asked_at_s, inject_s=inject_s, end_s=end_s
        ),
        hits_s=tuple(round(at_s - inject_s, DIGITS) for at_s in hits_s),
        missed_hits=sum(one.pid == 0 for one in seen.log.hit_again.get(planned.index, ())),
        outages=outages_of(seen.served, profile, watch) if hits_s else (),
        debt=debt,
        backfill=None if seen.log.twin is None else backfill_of(seen.log.partitions, stretch),
        confidence=_confidence(seen, injected, gone_s=gone_s, end_s=end_s),
    )


def _confidence(seen: _Seen, injected: Injected, *, gone_s: float, end_s: float) -> Confidence | None:
    return confidence_of(
        seen.rows,
        first_s=seen.first_s,
        inject_s=injected.effective_at_s,
        gone_s=gone_s,
        end_s=end_s,
        sets=injected.shows.partition(" ")[2],
        names=seen.log.versions,
    )


def _watches(
    seen: _Seen, injected: Injected, end_s: float, *, horizon_s: float, hits_s: Sequence[float]
) -> tuple[Watch, Watch]:
    """The episode's time at both levels: served and full."""
    inject_s = injected.effective_at_s
    from_s = seen.service.first_hurt_s(injected.asked_at_s, inject_s, seen.plan.profile.deadline_s)
    served, full = (
        Watch(inject_s, end_s, ratio, from_s, horizon_s, max(hits_s, default=None))
        for ratio in (seen.served_ratio, seen.full_ratio)
    )
    return served, full


def _hits_s(injected: Injected, again: Sequence[HitAgain]) -> tuple[float, ...]:
    """When each kill of a succession took effect; () = a single fault."""
    further = (one.effective_at_s for one in again if one.pid)
    return (injected.effective_at_s, *further) if again else ()


def _debt(seen: _Seen, stretch: Stretch) -> Debt | None:
    """What was owed: rows that are overdue where partitions land, else units that were accepted."""
    if seen.log.twin is not None:
        return overdue_debt(seen.log.partitions, stretch)
    return debt_of(seen.log.owed, before_s=stretch.before_s, inject_s=stretch.inject_s, end_s=stretch.end_s)


def _owing(seen: _Seen, level: Level, debt: Debt | None, *, stretch: Stretch, horizon_s: float) -> Level:
    """A level that is back no sooner than what was owed is paid."""
    if seen.log.twin is not None and debt is not None:
        return with_backfill(level, debt, seen.log.partitions, stretch, horizon_s=horizon_s)
    above_s = risen_s(seen.log.owed, debt, stretch.inject_s)
    return with_debt(level, debt, horizon_s, above_s=above_s)


def _with_loss(seen: _Seen, episode: Episode, inject_s: float) -> Episode:
    """Add what the fault cost, split by the marks that the episode has."""
    course = Course(
        inject_s=inject_s,
        horizon_s=episode.horizon_s,
        detected_s=episode.learned.detected_s,
        acted_s=episode.acted_s,
        served_ratio=seen.served_ratio,
        full_ratio=seen.full_ratio,
    )
    return msgspec.structs.replace(episode, loss=loss_of(seen.service, course))


def _subject(plan: Plan, planned: PlannedEpisode) -> str:
    """Name what was hit; all runs of a campaign hold the same faults, so each says the same of a class."""
    return subject_among(planned.effect, (e.effect for e in plan.episodes if e.kind == planned.kind))


def _decided_span(seen: _Seen, planned: PlannedEpisode, inject_s: float, end_s: float) -> Span:
    """Judge decisions while the world is moved: what comes after its end is no healing of it."""
    effect = planned.effect
    ends = [end_s, inject_s + seen.plan.profile.tau_s + (lasts_s(effect) or 0.0)]
    if isinstance(effect, Shift) and planned.index in seen.log.cleared:
        ends.append(seen.log.cleared[planned.index].at_s)
    return Span(
        inject_s=inject_s,
        end_s=min(ends),
        first_s=seen.first_s,
        onset_s=(seen.log.first_due_s or 0.0) + planned.inject_at_s,
        period_s=effect.period_s if isinstance(effect, Shift) else 0.0,
    )


def _mitigated(level: Level, cleared_s: float | None, profile: Profile) -> bool | None:
    """Whether service was back within tau and a whole window before the fault went, and stayed so until then.

    None = no impact. The window is there because the accepted start of a recovery may lie up to a window
    before it.
    """
    if level.impact_s is None:
        return None
    if level.recovered_s is None or level.recovered_s > profile.tau_s:
        return False
    gone_s = math.inf if cleared_s is None else cleared_s
    relapsed = level.relapsed_s is not None and level.relapsed_s + profile.window_length_s <= gone_s
    return not relapsed and level.recovered_s + profile.window_length_s <= gone_s


def _end_s(seen: _Seen, planned: PlannedEpisode) -> float:
    """When the harness ended the episode; what is good after that is not the system's doing."""
    undone = seen.log.undone.get(planned.index)
    planned_s = (seen.log.first_due_s or 0.0) + planned.undo_at_s
    # The undo is stamped after it was done: service may be back between the plan's instant and it.
    return planned_s if undone is None else min(undone.at_s, planned_s)


def _ended_by(
    served: Level, injected: Injected, cleared: Cleared | None, *, act: Act | None, window_s: float
) -> str:
    """The cause that ended the outage; a cause must have come before service was back.

    The platform's cause is its act, not the sight of its success: where readiness is probed once a
    second, a replaced process has served long before it is seen ready. What ends within a window of
    the fault's own end is the fault's own end, whatever a healer did meanwhile.
    """
    if served.impact_s is None:
        return "absorbed"
    if served.recovered_s is None:
        return "undo"
    back_at_s = injected.effective_at_s + served.recovered_s
    if act is not None and act.by == "platform" and act.at_s <= back_at_s:
        return "platform"
    gone = cleared is not None and cleared.at_s <= back_at_s + window_s
    if cleared is not None and gone and cleared.by in ("platform", "itself"):
        return cleared.by
    return "itself" if injected.sham else "healed"


def _orphan_serves(log: RunLog, effect: Effect, injected: Injected, served: Level, *, end_s: float) -> bool:
    """Whether the service answered on, or again, by a process of a former life that kept its port.

    What was started then is no recovery by the platform: it could not have the port before it was ready.
    Where service was lost after the orphan was seen, that had ended, and whoever was started next is none.
    """
    lines = [
        one
        for one in log.platform
        if one.service == place(effect) and injected.asked_at_s <= one.at_s < end_s
    ]
    orphan_s = next((one.at_s for one in lines if one.act == "orphan"), None)
    if orphan_s is None or (served.impact_s is not None and served.recovered_s is None):
        return False
    lost_s = injected.effective_at_s + (served.impact_s or 0.0)
    words = ("started", "ready") if lost_s > orphan_s else ("ready",)
    since_s = max(orphan_s, lost_s)
    ready_s = next((one.at_s for one in lines if one.act in words and one.at_s > since_s), math.inf)
    return injected.effective_at_s + (served.recovered_s or 0.0) < ready_s


def _episode_void(seen: _Seen, injected: Injected, end_s: float, horizon_s: float) -> str:
    """Why this episode alone may not be counted."""
    profile = seen.plan.profile
    inject_s = injected.effective_at_s
    if end_s < inject_s + horizon_s:
        return f"ended {end_s - inject_s:.1f} s after the fault, before its horizon of {horizon_s:g} s"
    before_s = injected.asked_at_s - profile.deadline_s
    for name, units, ratio in (
        ("served", seen.served, seen.served_ratio),
        ("full", seen.full, seen.full_ratio),
    ):
        test = ChangeBack(units, profile, Watch(inject_s, before_s, ratio))
        if not test.healthy_until(before_s):
            return f"service ({name}) was not back to the baseline before this fault"
    if left := overdue_at(seen.log.partitions, injected.asked_at_s, seen.first_s):
        return f"{left} rows were still overdue before this fault"
    if seen.served.between(inject_s, inject_s + horizon_s).bad_ratio() is None:
        return "no units in the horizon"
    return ""


def _debt_void(seen: _Seen, debt: Debt | None) -> str:
    """A recovery that asks for the debt cannot be told where that was not seen."""
    unseen = debt is None and any(look.binds for look in seen.log.owed)
    return "what was owed was not looked at closely enough" if unseen else ""


def _bins(plan: Plan, horizon_s: float) -> tuple[float, float, int]:
    """Length of a bin, start and number of bins of the quality timeline."""
    profile = plan.profile
    bin_s = max(QUALITY_BIN_S_MIN, round(horizon_s / QUALITY_BINS, 3))
    lead = math.ceil(round(profile.window_length_s / bin_s, 9))
    watched_s = profile.observe_s + horizon_s - profile.tau_s
    bins = lead + math.floor(round(watched_s / bin_s, 9))
    return bin_s, round(-lead * bin_s, DIGITS), bins


def _exactly_once(audited: Audited | None) -> bool | None:
    """None where the system lists no ids, or accepted none: nothing may then be claimed."""
    if audited is None or not audited.observable or audited.accepted == 0:
        return None
    return not (audited.missing or audited.doubled or audited.foreign or audited.changed)


def _audit_text(audited: Audited | None, streamed: Streamed | None) -> str:
    if audited is None:
        return "no audit in the history"
    told = f" ({'; '.join(audited.examples)})" if audited.examples else ""
    if not audited.observable:
        return f"not observable{told}"
    ends = f"{audited.delivered_once} delivered once, {audited.dead_letters} dead letters"
    wrong = {
        "missing": audited.missing,
        "doubled": audited.doubled,
        "foreign": audited.foreign,
        "changed": audited.changed,
    }
    if streamed is not None:
        wrong |= {"decisions too many": streamed.surplus, "out of order": streamed.out_of_order}
    found = ", ".join(f"{count} {name}" for name, count in wrong.items() if count)
    return f"{audited.accepted} accepted: {ends}" + (
        f"; {found}{told}" if found else "; nothing lost or doubled"
    )


def _touched_text(touched: Iterable[Touched]) -> str:
    """Where the records ended that the harness changed, and untouched ones that went with them."""
    seen = list(touched)
    if not seen:
        return ""
    count = {
        "touched": sum(one.touched for one in seen),
        "delivered": sum(one.delivered for one in seen),
        "quarantined": sum(one.quarantined for one in seen),
        "lost": sum(one.lost for one in seen),
        "refused": sum(one.refused for one in seen),
        "not sent": sum(one.not_sent for one in seen),
        "untouched in dead letters": max(one.collateral for one in seen),
    }
    told = (f"{n} {name}" for name, n in count.items() if n or name != "not sent")
    return "; records changed by the harness: " + ", ".join(told)
