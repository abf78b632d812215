"""R of a campaign of pairs: percent of good service kept in the horizon. Formulas: docs/score.md. Pure.

Comes in: a tally, weights. Goes out: points of a class, and one line an arm and restart
profile. Points are kept by thousandths of all service, so that they add up in integers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from harness.campaign.tally import PLACEBO, ArmTally, ClassKey, ClassTally, Tally
from harness.estimates.bounded import LEVEL_RATIO, interval
from harness.estimates.model import Mean
from harness.estimates.points import RUNS_MIN
from harness.estimates.score import score_name
from harness.estimates.shares import lower_bound
from harness.report.compose import FALSE_IMPACT_MAX
from harness.units import named

VOID_MAX_RATIO = 0.05
DIGITS = 6


class ScoreLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """R of one arm on one restart profile, and its floor: the class that kept least. ``why`` there is none.

    ``points``: the weighted mean of classes; its ends are theirs together (Bonferroni).
    """

    name: str
    arm: str
    restart_profile: str
    why: str
    points: Mean
    floor: Mean
    worst: str = ""


def points_of(one: ClassTally, level_ratio: float = LEVEL_RATIO) -> Mean:
    """R_c: the mean over runs, with an interval; nothing where it was not measured."""
    values = [thousandths / 1000 for thousandths, runs in sorted(one.kept.items()) for _ in range(runs)]
    if not values:
        return Mean(n=0, mean=None, low=None, high=None)
    low, high, _ = interval(values, level_ratio)
    centre = 100 * sum(k * runs for k, runs in one.kept.items()) / 1000 / len(values)
    return Mean(n=len(values), mean=_rounded(centre), low=_rounded(100 * low), high=_rounded(100 * high))


def score_lines(tally: Tally, weights: Mapping[str, float]) -> Iterator[ScoreLine]:
    """Score every arm and restart profile in which something was broken, in the order of their names.

    ``weights`` by kind of fault, 1 where none is given.
    """
    arms: dict[tuple[str, str], dict[ClassKey, ClassTally]] = defaultdict(dict)
    for key, one in sorted(tally.classes.items()):
        if not key[0].startswith(PLACEBO):
            arms[key[2], key[3]][key] = one
    doubt = outages(*tally.shams())
    for (arm, restart_profile), classes in sorted(arms.items()):
        tau_s = max(one.tau_ms for one in classes.values()) / 1000
        line = ScoreLine(
            name=score_name(tau_s, weights),
            arm=arm,
            restart_profile=restart_profile,
            why=f"VOID: {doubt}" if doubt else _void(tally.arms[arm, restart_profile]) or _why(classes),
            points=Mean(n=0, mean=None, low=None, high=None),
            floor=Mean(n=0, mean=None, low=None, high=None),
        )
        yield line if line.why else _scored(line, classes, weights)


def outages(hurt: int, shams: int) -> str:
    """What it says of all figures that in ``hurt`` of ``shams`` episodes service was lost; "" = nothing.

    >>> outages(1, 40), outages(4, 20)
    ('', 'outages were seen in 4 of 20 sham episodes, where nothing was done')
    """
    if lower_bound(hurt, shams) <= FALSE_IMPACT_MAX:
        return ""
    return f"outages were seen in {hurt} of {shams} sham episodes, where nothing was done"


def _void(arm: ArmTally) -> str:
    """Why runs of an arm leave no score; of one that raised there is no episode that could be void."""
    if arm.unsafe:
        return f"VOID: a clean state was not proven in {arm.unsafe} runs"
    if arm.unproven:
        return f"VOID: a fault was not proven effective, or the witness stalled, in {arm.unproven} runs"
    share = arm.void / max(1, arm.void + arm.runs)
    if share > VOID_MAX_RATIO:
        return f"VOID: {100 * share:.1f} % of the runs are void, and at most 5 % may be"
    return ""


def _why(classes: Mapping[ClassKey, ClassTally]) -> str:
    """Why no score is told, "" = it is."""
    void = sum(one.void for one in classes.values())
    share = void / max(1, void + sum(one.n for one in classes.values()))
    if share > VOID_MAX_RATIO:
        return f"VOID: {100 * share:.1f} % of the faults are void, and at most 5 % may be"
    few = [(key, one.kept.total()) for key, one in classes.items() if one.kept.total() < RUNS_MIN]
    return named([f"{key[0]} {key[1]} needs {runs} / {RUNS_MIN}" for key, runs in few])


def _scored(
    line: ScoreLine, classes: Mapping[ClassKey, ClassTally], weights: Mapping[str, float]
) -> ScoreLine:
    level = 1 - (1 - LEVEL_RATIO) / len(classes)
    shares = {key: weights.get(key[0], 1.0) for key in classes}
    together = {key: points_of(one, level) for key, one in classes.items()}
    worst = min(classes, key=lambda key: together[key].mean or 0.0)

    def mean(end: str) -> float:
        sums = (shares[key] * getattr(one, end) for key, one in together.items())
        return _rounded(sum(sums) / sum(shares.values()))

    return msgspec.structs.replace(
        line,
        points=Mean(
            n=min(one.n for one in together.values()), mean=mean("mean"), low=mean("low"), high=mean("high")
        ),
        floor=points_of(classes[worst]),
        worst=f"{worst[0]} {worst[1]}",
    )


def _rounded(points: float) -> float:
    return round(points, DIGITS)
