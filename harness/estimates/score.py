"""R: how many percent of good service were kept in the horizon after a fault. Formulas: docs/score.md.

In: facts of all runs, how points are counted, what the instrument found against itself. Out: one ``Score``
an arm and restart profile. A class is (fault, what it hit); of one that is twice in a run, that run's mean.
All sums are of whole microseconds or fractions, so the parts of the loss add up to 100 - R as written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import msgspec

from harness.episodes.model import NOT_EXERCISED, RunFacts
from harness.episodes.trust import STALLED, WITHOUT_EFFECT
from harness.estimates.bounded import LEVEL_RATIO, betting, interval
from harness.estimates.estimate import counted
from harness.estimates.gains import gain_of
from harness.estimates.implied import implied_availability
from harness.estimates.lost import MILLION, ClassLosses, Scale, Seen, apportioned, rounded
from harness.estimates.model import Mean
from harness.estimates.points import PHASE_NAMES, RUNS_MIN, ClassScore, Part, Score
from harness.experiment.model import Profile
from harness.experiment.rules import ImpliedRules, ScoreRules
from harness.faults.catalog import is_placebo

VOID_RATIO_MAX = Fraction(1, 20)
SHAM = "sham"
DIGITS = 6  # a millionth of a point, the unit in which parts are whole numbers
_ALL = 100 * MILLION  # all points, in millionths


def scores(
    facts: Sequence[RunFacts],
    profile: Profile,
    rules: ScoreRules,
    *,
    planned_runs: int,
    doubts: Sequence[str] = (),
) -> tuple[Score, ...]:
    """Score every arm and restart profile in which a fault was to be measured, in the order of their names.

    ``doubts``: what the instrument found against itself; with any, and where more than 5 % of the
    ``planned_runs`` are not there, no score is published.
    """
    arms: dict[tuple[str, str], list[RunFacts]] = defaultdict(list)
    for run in facts:
        arms[run.arm, run.restart_profile].append(run)
    missing = planned_runs - len(facts)
    gone = [f"{missing} of {planned_runs} planned runs were not recorded"]
    against = [*doubts, *(gone if missing > VOID_RATIO_MAX * planned_runs else [])]
    worth = 1.0 if rules.degraded_worth_ratio is None else rules.degraded_worth_ratio
    scale = Scale(round(profile.tau_s * MILLION), round(worth * MILLION))
    measured = [runs for _, runs in sorted(arms.items()) if _is_measured(runs)]
    return tuple(_score(runs, facts, scale, rules=rules, doubts=against) for runs in measured)


def score_name(tau_s: float, weights: Mapping[str, float]) -> str:
    """Name the score by what it depends on.

    >>> score_name(120.0, {}), score_name(10.0, {"process.hang": 2.0})
    ('R120/v1', 'R10/v1 process.hang=2')
    """
    told = "".join(f" {kind}={weight:g}" for kind, weight in sorted(weights.items()))
    return f"R{tau_s:g}/v1{told}"


def _is_measured(runs: Sequence[RunFacts]) -> bool:
    """Whether a fault was to be measured: not in sham runs, nor where all that was done are placebos."""
    kinds = [episode.kind for run in runs if not run.sham for episode in run.episodes]
    return any(not run.sham for run in runs) and not (kinds and all(map(is_placebo, kinds)))


def _score(
    runs: Sequence[RunFacts],
    facts: Sequence[RunFacts],
    scale: Scale,
    *,
    rules: ScoreRules,
    doubts: Sequence[str],
) -> Score:
    classes, nulls = _sorted_out(runs, rules.weights)
    void = _void(runs, doubts) or ("" if classes else "no class of fault was measured")
    few = [f"{c.fault} {c.service} needs {c.runs} / {RUNS_MIN}" for c in classes if c.runs < RUNS_MIN]
    empty = Score(
        name=score_name(scale.tau_us / MILLION, rules.weights),
        arm=runs[0].arm,
        restart_profile=runs[0].restart_profile,
        tau_s=scale.tau_us / MILLION,
        worth_ratio=scale.worth_ppm / MILLION,
        word="VOID" if void else "INCONCLUSIVE" if few else "",
        why=void or "; ".join(few),
        points=_untold(sum(not run.sham for run in runs)),
        classes=tuple(_class(c, facts, scale, void=bool(void)) for c in classes),
        nulls=tuple(_class(c, (), scale, void=bool(void)) for c in nulls),
    )
    return empty if empty.word else _published(empty, classes, scale, rules.implied)


def _published(
    empty: Score, classes: Sequence[ClassLosses], scale: Scale, implied: ImpliedRules | None
) -> Score:
    parts = _parts(classes, scale)
    return msgspec.structs.replace(
        empty,
        points=_points(classes, parts, scale),
        lost_points=_sum(parts),
        worth_0=_kept(_whole(classes, scale.at(0))),
        worth_1=_kept(_whole(classes, scale.at(MILLION))),
        worst=_worst(classes, scale),
        flips=_flips(classes, scale),
        classes=tuple(
            msgspec.structs.replace(
                c, lost_points=_sum(p for p in parts if (p.fault, p.service) == (c.fault, c.service))
            )
            for c in empty.classes
        ),
        parts=parts,
        implied=None if implied is None else implied_availability(classes, implied, scale),
    )


def _sum(parts: Iterable[Part]) -> float:
    """Add up points in whole millionths."""
    return sum(round(part.points * MILLION) for part in parts) / MILLION


def _sorted_out(
    runs: Iterable[RunFacts], weights: Mapping[str, float]
) -> tuple[list[ClassLosses], list[ClassLosses]]:
    """Counted episodes by class: of faults, and of what should lose nothing. A class may be empty.

    A fault that nothing met shows nothing: it is no episode that lost nothing.
    """
    found: dict[bool, dict[tuple[str, str], list[Seen]]] = {False: {}, True: {}}
    for run in runs:
        for episode in run.episodes:
            null = run.sham or is_placebo(episode.kind)
            key = (SHAM, "") if run.sham else (episode.kind, episode.service)
            seen = found[null].setdefault(key, [])
            met = null or episode.ended_by != NOT_EXERCISED
            if met and counted(run, episode) and episode.loss is not None:
                seen.append((run, episode))
    shares = {key: Fraction(str(weights.get(key[0], 1.0))) for key in found[False]}
    whole = sum(shares.values(), Fraction(0))
    classes = [ClassLosses(*key, shares[key] / whole, seen) for key, seen in sorted(found[False].items())]
    nulls = [ClassLosses(*key, Fraction(0), seen) for key, seen in sorted(found[True].items())]
    return classes, nulls


def _void(runs: Sequence[RunFacts], doubts: Sequence[str]) -> str:
    """Why nothing of this arm may be scored; empty = it may. Sham runs are part of it."""
    if doubts:
        return "; ".join(doubts)
    for run in runs:
        if run.unsafe:
            return f"{run.run_id}: {run.unsafe}"
        if WITHOUT_EFFECT in run.void or STALLED in run.void:
            return f"{run.run_id}: {run.void}"
    episodes = [counted(run, episode) for run in runs for episode in run.episodes]
    for what, kept in (("runs", [not run.void for run in runs]), ("episodes", episodes)):
        void = kept.count(False)
        if void > VOID_RATIO_MAX * len(kept):
            return f"{void} of {len(kept)} {what} are void, more than 5 %"
    return ""


def _class(one: ClassLosses, facts: Sequence[RunFacts], scale: Scale, *, void: bool) -> ClassScore:
    told = not void and one.runs >= RUNS_MIN
    losses = [float(lost) for lost in one.by_run(scale).values()]
    low, high, method = interval(losses)
    return ClassScore(
        fault=one.fault,
        service=one.service,
        weight_ratio=round(float(one.weight), DIGITS),
        points=_between(one.runs, _kept(one.mean(scale)), low, high) if told else _untold(one.runs),
        worth_0=_kept(one.mean(scale.at(0))) if told else None,
        worth_1=_kept(one.mean(scale.at(MILLION))) if told else None,
        method=method if told else "",
        sure_low=_kept(Fraction(betting(losses)[1])) if told else None,
        gain=None if void else gain_of(one, facts, scale),
    )


def _untold(n: int) -> Mean:
    return Mean(n=n, mean=None, low=None, high=None)


def _between(n: int, mean: float, low: float, high: float) -> Mean:
    """Points with their interval, from that of the share lost: its ends change places."""
    return Mean(n=n, mean=mean, low=_kept(Fraction(high)), high=_kept(Fraction(low)))


def _kept(lost: Fraction) -> float:
    """Points that are left of all, to the millionth."""
    return (_ALL - rounded(_ALL * lost)) / MILLION


def _whole(classes: Sequence[ClassLosses], scale: Scale) -> Fraction:
    return sum((c.weight * c.mean(scale) for c in classes), Fraction(0))


def _parts(classes: Sequence[ClassLosses], scale: Scale) -> tuple[Part, ...]:
    """Points lost by class and phase, in whole millionths of a point."""
    places = [(c, phase) for c in classes for phase in PHASE_NAMES]
    lost = apportioned(_ALL * c.weight * share for c in classes for share in c.phases(scale))
    return tuple(
        Part(fault=c.fault, service=c.service, phase=phase, points=points / MILLION)
        for (c, phase), points in zip(places, lost, strict=True)
    )


def _points(classes: Sequence[ClassLosses], parts: Sequence[Part], scale: Scale) -> Mean:
    """R with its interval: over runs where each holds all classes, else from the classes' own together.

    Classes of one run share its system and its machine, so their intervals are not put together as if they
    were independent: each is given its part of the level (Bonferroni).
    """
    of_classes = [c.by_run(scale) for c in classes]
    runs = sorted({run_id for of_class in of_classes for run_id in of_class})
    if all(len(of_class) == len(runs) for of_class in of_classes):
        both = zip(classes, of_classes, strict=True)
        weighted = [[c.weight * of_class[run_id] for run_id in runs] for c, of_class in both]
        low, high, _ = interval([float(sum(of_run, Fraction(0))) for of_run in zip(*weighted, strict=True)])
    else:
        level_ratio = 1 - (1 - LEVEL_RATIO) / len(classes)
        ends = [interval(list(map(float, of_class.values())), level_ratio) for of_class in of_classes]
        low = sum(float(c.weight) * end[0] for c, end in zip(classes, ends, strict=True))
        high = sum(float(c.weight) * end[1] for c, end in zip(classes, ends, strict=True))
    return _between(len(runs), (_ALL - round(_sum(parts) * MILLION)) / MILLION, low, high)


def _worst(classes: Sequence[ClassLosses], scale: Scale) -> int:
    """Place of the class that lost most; of equal ones the first by name."""
    lost = [c.mean(scale) for c in classes]
    return lost.index(max(lost))


def _flips(classes: Sequence[ClassLosses], scale: Scale) -> bool:
    """Whether another class is worst where degraded answers are worth nothing than where they are good."""
    nothing, full = scale.at(0), scale.at(MILLION)
    first, second = classes[_worst(classes, nothing)], classes[_worst(classes, full)]
    return first.mean(nothing) > second.mean(nothing) and first.mean(full) < second.mean(full)
