"""The whole of STAGE 6: facts of all runs -> figures per fault class and per arm.

A class is (kind, service, arm, restart profile). Episodes that are void, and all of a void run, are
counted apart and enter no figure. Means are over runs: a class that occurs twice in a run gives
that run's mean, once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from harness.episodes.acts import sees_acts
from harness.episodes.model import NOT_EXERCISED, Episode, RunFacts
from harness.estimates.counts import Dependence, HarmCount, Rate
from harness.estimates.debts import debts
from harness.estimates.decisions import decisions
from harness.estimates.dependence import dependence
from harness.estimates.means import mean, of_runs, run_mean
from harness.estimates.model import ArmEstimate, ClassEstimate, Estimates, Mean, Share
from harness.estimates.quantiles import quantile
from harness.estimates.rates import rate
from harness.estimates.shares import share
from harness.estimates.training import training
from harness.experiment.model import Profile

ClassKey = tuple[str, str, str, str]
Seen = tuple[RunFacts, Episode]
Place = tuple[int, str, str, bool, int]
DIGITS = 6
HOUR_S = 3600.0


def estimate(facts: Sequence[RunFacts], profile: Profile) -> Estimates:
    """Estimate every class and arm that occurs in ``facts``, in the order of their names."""
    classes: dict[ClassKey, list[Seen]] = defaultdict(list)
    for run in facts:
        for episode in run.episodes if not run.sham else ():
            classes[episode.kind, episode.service, run.arm, run.restart_profile].append((run, episode))
    losses = _losses(facts)
    return Estimates(
        classes=tuple(_class(key, seen, losses, profile) for key, seen in sorted(classes.items())),
        arms=_arms(facts),
        runs=len(facts),
        void_runs=sum(bool(run.void) for run in facts),
        unsafe_runs=sum(bool(run.unsafe) for run in facts),
    )


def counted(run: RunFacts, episode: Episode) -> bool:
    """Whether an episode enters a figure."""
    return not run.void and not episode.void


def _place(run: RunFacts, episode: Episode) -> Place:
    return run.pair, run.restart_profile, run.arm, run.sham, episode.index


def _losses(facts: Iterable[RunFacts]) -> dict[Place, float]:
    """Served loss in seconds of every counted episode that shows something, by where it stands."""
    return {
        _place(r, e): e.served.lost_s
        for r in facts
        for e in r.episodes
        if counted(r, e) and e.ended_by != NOT_EXERCISED
    }


def _class(
    key: ClassKey, seen: Sequence[Seen], losses: Mapping[Place, float], profile: Profile
) -> ClassEstimate:
    kind, service, arm, restart_profile = key
    kept = [(run, episode) for run, episode in seen if counted(run, episode)]
    # A fault that nothing met shows nothing: it is no episode without impact.
    unmet = [e for _, e in kept if e.ended_by == NOT_EXERCISED]
    met = [(run, e) for run, e in kept if e.ended_by != NOT_EXERCISED]
    hurt = [e for _, e in kept if e.served.impact_s is not None]
    served = [e.served.recovered_s for e in hurt]
    less = [e for _, e in kept if e.full.impact_s is not None]
    full = [e.full.recovered_s for e in less]
    back = sum(t is not None for t in served)
    depends = _dependence(met)
    wide = depends.widened
    owed = debts(hurt)
    return ClassEstimate(
        fault=kind,
        service=service,
        arm=arm,
        restart_profile=restart_profile,
        n=len(kept),
        void=len(seen) - len(kept),
        impact=share(len(hurt), len(met), widened=wide),
        recovered=share(back, len(hurt), widened=wide),
        mitigated=share(sum(e.mitigated is True for e in hurt), len(hurt), widened=wide),
        never=share(len(hurt) - back, len(hurt), widened=wide),
        impaired=_impaired(served),
        acted=_acted(kept),
        full_impact=share(len(less), len(kept) - sum(e.full.impact_s is None for e in unmet), widened=wide),
        full_recovered=share(sum(t is not None for t in full), len(full), widened=wide),
        full_mitigated=share(sum(e.full_mitigated is True for e in less), len(less), widened=wide),
        served_median=quantile(served, 0.5, widened=wide),
        served_p90=quantile(served, 0.9, widened=wide),
        full_median=quantile(full, 0.5, widened=wide),
        lost_s=run_mean(((run.run_id, e.served.lost_s) for run, e in met), widened=wide),
        sham_lost_s=run_mean(_sham_losses(met, losses)),
        gain_s=run_mean(_gains(met, losses), widened=wide),
        ended_by=dict(sorted(Counter(e.ended_by for _, e in kept).items())),
        flaps=sum(e.served.flaps for _, e in kept),
        recovered_s=_ordered(served),
        full_recovered_s=_ordered(full),
        tau_s=max((e.horizon_s for _, e in seen), default=profile.tau_s),
        decisions=decisions(met),
        training=training(kept),
        dependence=depends,
        debt=owed,
        answered_median=None if owed is None else quantile(owed.answered_s, 0.5, widened=wide),
        paid_median=None if owed is None else quantile(owed.back_s, 0.5, widened=wide),
        lasts_s=max((e.lasts_s for _, e in seen if e.lasts_s is not None), default=None),
    )


def _dependence(met: Iterable[Seen]) -> Dependence:
    """Whether what a run lost tells what the next one loses; runs are numbered as they were done."""
    lost_s = of_runs((run.run_id, e.served.lost_s) for run, e in met)
    return dependence([lost_s[run_id] for run_id in sorted(lost_s)])


def _ordered(times: Iterable[float | None]) -> tuple[float | None, ...]:
    """Sort; what was not back within the horizon stands last."""
    return tuple(sorted(times, key=lambda t: (t is None, t or 0.0)))


def _impaired(times: Sequence[float | None]) -> tuple[tuple[float, Share], ...]:
    """Steps of the share that was not back yet; nobody is censored before the horizon, so each is exact."""
    n = len(times)
    back = Counter(t for t in times if t is not None)
    left, steps = n, [(0.0, share(n, n))] if n else []
    for at_s, count in sorted(back.items()):
        left -= count
        steps.append((at_s, share(left, n)))
    return tuple(steps)


def _acted(kept: Iterable[Seen]) -> Share:
    """Episodes with an act that answers the fault; where one could have stayed unseen, none is no zero."""
    seen = [episode.acted_s is not None for run, episode in kept if sees_acts(run)]
    return share(sum(seen), len(seen))


def _sham_losses(met: Iterable[Seen], losses: Mapping[Place, float]) -> Iterable[tuple[str, float]]:
    """What the sham run of the same pair, arm and profile lost in the same stretch of time."""
    for run, episode in met:
        sham = losses.get((run.pair, run.restart_profile, run.arm, True, episode.index))
        if sham is not None:
            yield run.run_id, sham


def _gains(met: Iterable[Seen], losses: Mapping[Place, float]) -> Iterable[tuple[str, float]]:
    """Loss prevented against the arm with the least help of the same pair; nothing for that arm itself."""
    for run, episode in met:
        for least in ("bare", "none"):
            loss = losses.get((run.pair, run.restart_profile, least, False, episode.index))
            if run.arm == least:
                break
            if loss is not None:
                yield run.run_id, loss - episode.served.lost_s
                break


def _arms(facts: Sequence[RunFacts]) -> tuple[ArmEstimate, ...]:
    runs: dict[tuple[str, str], list[RunFacts]] = defaultdict(list)
    for run in facts:
        if not run.void:
            runs[run.arm, run.restart_profile].append(run)
    return tuple(_arm(*key, of_arm) for key, of_arm in sorted(runs.items()))


def _arm(arm: str, restart_profile: str, runs: Sequence[RunFacts]) -> ArmEstimate:
    sham = [run for run in runs if run.sham]
    judged = [run.exactly_once for run in runs if run.exactly_once is not None]
    return ArmEstimate(
        arm=arm,
        restart_profile=restart_profile,
        runs=len(runs),
        sham_runs=len(sham),
        sham_availability=_availability(sham),
        fault_availability=_availability([run for run in runs if not run.sham]),
        sham_acts=sum(run.acts for run in sham),
        sham_units=sum(run.units for run in sham),
        sham_degraded=sum(run.degraded_units for run in sham),
        blind_s=round(sum(run.blind_s for run in runs), DIGITS),
        exactly_once=share(sum(judged), len(judged)),
        windows_met=_windows_met(sham),
        false_heals=_false_heals(runs),
        platform_harms=_platform_harms(runs),
        never=_never(runs),
    )


def _platform_harms(runs: Sequence[RunFacts]) -> tuple[HarmCount, ...]:
    harms = [(harm.service, harm.what, run.run_id) for run in runs for harm in run.platform_harms]
    return tuple(
        HarmCount(
            service=service,
            what=what,
            times=sum(harm[:2] == (service, what) for harm in harms),
            runs=len({run for *of, run in harms if tuple(of) == (service, what)}),
        )
        for service, what in sorted({harm[:2] for harm in harms})
    )


def _false_heals(runs: Sequence[RunFacts]) -> Rate:
    """False heals an hour; a run in which an act could have stayed unseen gives no hour."""
    seen = [run for run in runs if sees_acts(run)]
    return rate(
        [(len(run.false_heals), run.unbroken_s / HOUR_S) for run in seen],
        blind=[len(run.false_heals) for run in runs if not sees_acts(run)],
    )


def _never(runs: Iterable[RunFacts]) -> Share:
    hurt = [
        episode.served.recovered_s
        for run in runs
        if not run.sham
        for episode in run.episodes
        if counted(run, episode) and episode.served.impact_s is not None
    ]
    return share(sum(back_s is None for back_s in hurt), len(hurt))


def _availability(runs: Iterable[RunFacts]) -> Mean:
    return mean([r.availability_ratio for r in runs if r.availability_ratio is not None])


def _windows_met(sham: Sequence[RunFacts]) -> Share:
    """Windows of all sham runs that met 99 %; the interval is the runs' (t, clipped to [0, 1]).

    Windows of one run are not independent: an interval that took them so would be far too short.
    """
    ratios = mean([run.windows_met / run.windows for run in sham if run.windows])
    return Share(
        k=sum(run.windows_met for run in sham),
        n=sum(run.windows for run in sham),
        low_ratio=0.0 if ratios.low is None else max(0.0, ratios.low),
        high_ratio=1.0 if ratios.high is None else min(1.0, ratios.high),
    )
