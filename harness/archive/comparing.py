"""B beside A, class by class: the one place in which two campaigns meet. Pure.

Comes in: two ``Side``. Goes out: ``Comparison``, without a verdict. Void runs and episodes enter no figure;
seconds of two classes are never put together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from harness.archive.changes import changes, tied
from harness.archive.comparison import ClassChange, Comparison, HealsChange, Named, PhaseChange
from harness.archive.model import Case, Key, Side
from harness.estimates.compared import Ratio
from harness.estimates.contrasts import difference, not_back, rate_ratio
from harness.estimates.quantiles import quantile
from harness.estimates.ratios import paired_ratio, unpaired_ratio
from harness.estimates.shares import share

ClassKey = tuple[str, str, str, str]
Place = tuple[Key, int]
"""An episode among those of a campaign: its run, its place in the plan."""
Seen = Mapping[Place, Case]
Pairs = Sequence[tuple[Case, Case]]
PHASES = ("detect", "act", "settle")
OTHER_HORIZON = "watched for {} s in A and {} s in B: what is not back then is not the same"
UNTRUSTED = frozenset({"VOID", "UNSAFE"})
"""Words of campaigns of which no figure counts."""


def compare(a: Side, b: Side) -> Comparison:
    """Compare; where that is not allowed, the comparison says why in ``refused`` and holds no figure."""
    told = changes(a.identity, b.identity)
    void = [
        f"{name} is {side.word}, no figure of it counts: {side.why}"
        for name, side in (("A", a), ("B", b))
        if side.word in UNTRUSTED
    ]
    blocking = [f"{one.what}: {one.a} in A, {one.b} in B" for one in told if one.blocks]
    found = Comparison(a=_named(a), b=_named(b), changes=told, refused=(*void, *blocking))
    if found.refused:
        return found
    paired, how = _tied(a, b)
    classes_a, classes_b = _classes(a), _classes(b)
    heals = sorted(set(a.heals) & set(b.heals))
    both = sorted(set(classes_a) & set(classes_b))
    nothing = () if both or heals else ("they have no class and no arm in common",)
    least_s = max((1 / s.identity.profile.rate_hz for s in (a, b) if s.identity.profile), default=1e-3)
    return Comparison(
        a=found.a,
        b=found.b,
        changes=told,
        refused=nothing,
        paired=paired,
        pairing=how,
        classes=tuple(
            _class(key, classes_a[key], classes_b[key], paired=paired, least_s=least_s) for key in both
        ),
        only_a=tuple(" ".join(key) for key in sorted(set(classes_a) - set(classes_b))),
        only_b=tuple(" ".join(key) for key in sorted(set(classes_b) - set(classes_a))),
        heals=tuple(
            HealsChange(arm=key[0], restart_profile=key[1], rates=rate_ratio(a.heals[key], b.heals[key]))
            for key in heals
        ),
    )


def _named(side: Side) -> Named:
    return Named(
        name=side.name,
        kind=side.identity.kind,
        word=side.word,
        why=side.why,
        started_utc=side.identity.started_utc,
        runs=side.total,
    )


def _tied(a: Side, b: Side) -> tuple[bool, str]:
    """Whether every run of the smaller side has its counterpart on the other, and how that is known."""
    plans, how = tied(a.identity, b.identity)
    of_a, of_b = {run.key for run in a.runs}, {run.key for run in b.runs}
    both = of_a & of_b if plans is None else of_a & of_b & set(plans)
    fewer = min(len(of_a), len(of_b))
    if not both:
        return False, how if how.startswith("not") else "not paired: no run of one number and arm is in both"
    if len(both) < fewer:
        return False, f"not paired; {fewer - len(both)} of {fewer} runs have no counterpart"
    return True, f"{how} ({len(both)} runs; A has {len(of_a)}, B {len(of_b)})"


class _Class:
    """The episodes of a class on one side, those that count by their place; ``void`` others do not."""

    def __init__(self) -> None:
        self.seen: dict[Place, Case] = {}
        self.void = 0


def _classes(side: Side) -> dict[ClassKey, _Class]:
    found: dict[ClassKey, _Class] = defaultdict(_Class)
    for run in side.runs:
        _, arm, restart_profile, sham = run.key
        if sham:
            continue
        for case in run.cases:
            found[case.fault, case.subject, arm, restart_profile].seen[run.key, case.index] = case
        for fault, subject in run.void:
            found[fault, subject, arm, restart_profile].void += 1
    return found


def _class(key: ClassKey, a: _Class, b: _Class, *, paired: bool, least_s: float) -> ClassChange:
    horizons = _horizons(a.seen), _horizons(b.seen)
    why = "" if horizons[0] == horizons[1] else OTHER_HORIZON.format(*map(_lengths, horizons))
    why = why if a.seen and b.seen else "no episode counts on one side"
    pairs = _pairs(a.seen, b.seen) if paired and not why else None
    hurt_a, hurt_b = ([c for c in one.seen.values() if c.hurt] for one in (a, b))
    back_a, back_b = ([c.back_s for c in hurt] for hurt in (hurt_a, hurt_b))
    hurt_pairs = None if pairs is None else [(x, y) for x, y in pairs if x.hurt and y.hurt]
    horizon_s = min(horizons[0] | horizons[1], default=0.0)
    measured = _Measured(horizon_s, least_s, compared=not why)
    times = None if hurt_pairs is None else [(x.back_s, y.back_s) for x, y in hurt_pairs]
    return ClassChange(
        fault=key[0],
        subject=key[1],
        arm=key[2],
        restart_profile=key[3],
        why=why,
        horizon_s=horizon_s,
        n_a=len(a.seen),
        n_b=len(b.seen),
        void_a=a.void,
        void_b=b.void,
        impact_a=share(len(hurt_a), sum(c.met for c in a.seen.values())),
        impact_b=share(len(hurt_b), sum(c.met for c in b.seen.values())),
        median_a=quantile(back_a, 0.5),
        median_b=quantile(back_b, 0.5),
        ratio=measured.ratio(back_a, back_b, times),
        not_back=not_back(back_a, back_b, times),
        lost=difference(
            _by_run(a.seen),
            _by_run(b.seen),
            None if pairs is None else _lost_pairs(a.seen, b.seen),
            cut=(None in back_a, None in back_b),
        ),
        phases=tuple(_phases(hurt_a, hurt_b, hurt_pairs, measured=measured)),
    )


class _Measured:
    """How times of one class are compared; a class that cannot be gets a ratio without figures."""

    def __init__(self, horizon_s: float, least_s: float, *, compared: bool) -> None:
        self._horizon_s, self._least_s = horizon_s, least_s
        self._compared = compared

    def ratio(
        self,
        a: Sequence[float | None],
        b: Sequence[float | None],
        pairs: Sequence[tuple[float | None, float | None]] | None,
        *,
        watched_s: float | None = None,
    ) -> Ratio:
        """``watched_s``: how long what was not over was watched at least, None = to the horizon."""
        horizon_s = max(self._least_s, self._horizon_s if watched_s is None else watched_s)
        if not self._compared:
            return unpaired_ratio([], [], horizon_s=horizon_s, least_s=self._least_s)
        if pairs is None:
            return unpaired_ratio(a, b, horizon_s=horizon_s, least_s=self._least_s)
        return paired_ratio(pairs, horizon_s=horizon_s, least_s=self._least_s)


def _horizons(seen: Seen) -> set[float]:
    return {case.horizon_s for case in seen.values()}


def _lengths(horizons: Iterable[float]) -> str:
    return ", ".join(f"{length_s:g}" for length_s in sorted(horizons))


def _pairs(a: Seen, b: Seen) -> Pairs:
    """Episodes that count on both sides."""
    return [(a[place], b[place]) for place in sorted(a) if place in b]


def _by_run(seen: Seen) -> list[float]:
    """Service lost, a mean a run: runs are the statistical unit."""
    return list(_losses(seen).values())


def _losses(seen: Seen) -> dict[Key, float]:
    of_run: dict[Key, list[float]] = defaultdict(list)
    for (run, _), case in sorted(seen.items(), key=lambda item: item[0]):
        of_run[run].append(case.lost_s)
    return {run: sum(lost) / len(lost) for run, lost in of_run.items()}


def _lost_pairs(a: Seen, b: Seen) -> list[tuple[float, float]]:
    """The same within pairs, over the episodes that count on both sides."""
    of_a = _losses({place: case for place, case in a.items() if place in b})
    of_b = _losses({place: case for place, case in b.items() if place in a})
    return [(of_a[run], of_b[run]) for run in sorted(of_a)]


def _phases(
    a: Sequence[Case], b: Sequence[Case], pairs: Pairs | None, *, measured: _Measured
) -> Iterable[PhaseChange]:
    """Lengths of phases; none where no episode of either side tells any mark."""
    if not any(case.detected_s is not None or case.acted_s is not None for case in (*a, *b)):
        return
    for phase in PHASES:
        told_a, told_b = ([x for x in (_length(c, phase) for c in side) if x] for side in (a, b))
        both = [(_length(x, phase), _length(y, phase)) for x, y in pairs or ()]
        yield PhaseChange(
            phase=phase,
            told_a=len(told_a),
            told_b=len(told_b),
            a=quantile([x.length_s for x in told_a], 0.5),
            b=quantile([x.length_s for x in told_b], 0.5),
            ratio=measured.ratio(
                [x.length_s for x in told_a],
                [x.length_s for x in told_b],
                None if pairs is None else [(x.length_s, y.length_s) for x, y in both if x and y],
                watched_s=min((x.watched_s for x in (*told_a, *told_b) if x.length_s is None), default=None),
            ),
        )


class _Phase:
    """A phase that was told; None: it was not over after ``watched_s``, at the horizon."""

    def __init__(self, length_s: float | None, watched_s: float = 0.0) -> None:
        self.length_s, self.watched_s = length_s, watched_s


def _length(case: Case, phase: str) -> _Phase | None:
    """How long a phase of an episode took; None where its ends are not told, or stand in no such order.

    *detect*: from the injection to the healer's first new alarm. *act*: from there to the first act that was
    seen. *settle*: from the act until service was back; not back by the horizon: not over.
    """
    detected_s, acted_s = case.detected_s, case.acted_s
    if phase == "detect":
        return None if detected_s is None else _Phase(detected_s)
    if acted_s is None or (case.back_s is not None and acted_s > case.back_s):
        return None
    if phase == "settle":
        return _Phase(None if case.back_s is None else case.back_s - acted_s, case.horizon_s - acted_s)
    return None if detected_s is None or detected_s > acted_s else _Phase(acted_s - detected_s)
