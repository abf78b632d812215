"""Rows of drift, labels and models -> figures a class and the bars that are met: pure.

Wanted. A changed concept: of the harm at most 0.25 is left over the last 500 decisions before tau in nine of
ten repetitions of arm reference, at most 0.15 in nine of ten of oracle, at least 0.95 in all of none; oracle
never costs more than reference, by more than eps a decision. Where nothing is harmed nobody changes what
serves. With labels that lie, or numbers that stand for missing ones and cost arm none something, reference
never costs more than none, by more than eps. A bad candidate never serves; a model that is confident and
wrong is rolled back by the healer, every time. Where it answered, a monitor of confidence stays quiet, and it
answered in at least three quarters of the rows: one that is rolled back before it answered says nothing of
the monitor. A void row is a failed one for every bar, and so is one that says nothing of decisions where they
are judged, or one in which an act could not have been seen where acts are. A pair is two arms of one
repetition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from harness.episodes.confidence import FALL_RATIO
from harness.episodes.monitors import Confidence
from harness.estimates.rates import rate
from harness.estimates.shares import share, upper_bound

CONCEPT, UNHARMED, POISON, CREEP, MODELS = "concept", "unharmed", "poison", "sentinel", "models"
OFFERED, CONFIDENT = "model.bad_candidate", "model.confident_wrong"
BETTER = "placebo.better_model"
QUIET = ("world.covariate_shift", "labels.delay", BETTER)
HARMLESS_MAX = 0.05
"""A move that costs a decision more than this is no harmless one; a changed concept costs 1.3."""
POISONED, SENTINEL = "labels.poison", "data.sentinel"
LIES = {POISON: POISONED, CREEP: SENTINEL}
TRIED_SHARE, SERVED_SHARE = 0.75, 0.5
JUDGED_S = 90.0
"""Decisions are judged until then: who lets another model serve later is not tried by its losses."""
CYCLE = "a daily cycle"
UNANSWERED_APART_MAX = 0.01
LEFT_MAX = {"reference": 0.25, "oracle": 0.15}
LEFT_NONE_MIN = 0.95
LOST_OF_TEN = 1
ANSWERED_RATIO_MIN = 0.75
EPS = 0.01
"""In the world's unit of cost a decision, where one good customer declined costs 1: a hundredth of one."""


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One episode, or one sham run (``fault`` is then ""). ``void`` "" = counted.

    ``model_acts``: changes of what serves that somebody else than the harness made, from the fault until the
    next one; ``first_act_s`` after it. ``served_offer``: what a hook offered or set has answered,
    ``judged_offer``: the healer has said what it thinks of it,
    ``served_before``: what answered last is what answered before the fault. ``why``:
    why decisions could not be judged. ``loss``: what was served cost a decision, above what the system as
    prepared costs in a world that had not moved. ``left``, ``back_s``, ``jump``: ``episodes.model.Decided``;
    ``confidence``: what a monitor of it would have said, None = no data; its ``there`` is of the answers by
    what a hook set, None = too few.
    ``cpu_s``: of the trainings that were over until the next fault, None = not told, or not to be seen.
    ``false_heals`` in the ``unbroken_s`` of its run in which nothing was broken: on its first row alone.
    """

    experiment: str
    repetition: int
    arm: str
    seed: int
    commit: str
    sham: bool
    void: str
    exactly_once: bool
    acts_seen: bool
    model_acts: int
    fault: str = ""
    first_act_s: float | None = None
    served_offer: bool = False
    judged_offer: bool = False
    served_before: bool = False
    cleared_by: str = ""
    cleared_s: float | None = None
    why: str = ""
    decisions: int = 0
    unanswered: int = 0
    jump: float | None = None
    loss: float | None = None
    left: float | None = None
    back_s: float | None = None
    cpu_s: float | None = None
    false_heals: int = 0
    unbroken_s: float = 0.0
    confidence: Confidence | None = None


def figures(rows: Sequence[Row], repetitions: Mapping[str, int]) -> dict[str, object]:
    """Compute figures and bars; a class without a row misses its bars like one with bad rows."""
    keys = Counter((row.experiment, row.repetition, row.arm, row.fault) for row in rows)
    bars = {
        **_concept(rows, repetitions[CONCEPT]),
        **_quiet(rows, repetitions[UNHARMED]),
        **_lies(rows, repetitions),
        **_models(rows, repetitions[MODELS]),
        "every record exactly once": bool(rows) and all(row.exactly_once for row in rows),
        "no row is there twice": max(keys.values(), default=1) == 1,
    }
    arms = sorted({row.arm for row in rows})
    classes = sorted({(row.experiment, row.fault, row.arm) for row in rows})
    return {
        "commits": dict(sorted(Counter(row.commit for row in rows).items())),
        "eps": EPS,
        "classes": {
            f"{experiment}, {fault or 'sham'}, {arm}": _class(
                [row for row in rows if (row.experiment, row.fault, row.arm) == (experiment, fault, arm)]
            )
            for experiment, fault, arm in classes
        },
        "false_heals": {arm: _heals([row for row in rows if row.arm == arm]) for arm in arms},
        "bars": bars,
    }


def _concept(rows: Sequence[Row], least: int) -> dict[str, bool]:
    def left(arm: str, holds: Callable[[float], bool], lost: int) -> bool:
        of_arm = _of(rows, CONCEPT, arm, "world.concept_change")
        held = sum(
            not row.void
            and row.left is not None
            and _unanswered(row) <= UNANSWERED_APART_MAX  # what is not decided is not won back
            and holds(row.left)
            for row in of_arm
        )
        return len(of_arm) >= least and held >= len(of_arm) - lost * len(of_arm) // 10

    bars = {
        f"concept: at most {most:g} of the harm left in arm {arm}, but for one of ten": left(
            arm, lambda value, most=most: value <= most, LOST_OF_TEN
        )
        for arm, most in LEFT_MAX.items()
    }
    bars[f"concept: at least {LEFT_NONE_MIN:g} of the harm left in arm none"] = left(
        "none", lambda value: value >= LEFT_NONE_MIN, 0
    )
    bars["concept: oracle never costs more than reference"] = _never_dearer(
        rows, (CONCEPT, "world.concept_change"), ("oracle", "reference"), least
    )
    return bars


def _quiet(rows: Sequence[Row], least: int) -> dict[str, bool]:
    def untouched(fault: str) -> bool:
        kept = _of(rows, UNHARMED, "reference", fault)
        clean = (_was_harmless(row) and row.acts_seen and row.model_acts == 0 for row in kept)
        return len(kept) >= least and all(clean)

    return {f"{fault or CYCLE}: nobody touches the model": untouched(fault) for fault in ("", *QUIET)}


def _was_harmless(row: Row) -> bool:
    """Whether there was what should be left alone: no harm by the truth, a better model that did serve."""
    if row.void or not row.fault:
        return not row.void
    if row.why or not row.decisions or row.jump is None or row.loss is None:
        return False
    served = row.fault != BETTER or row.served_offer
    return served and row.jump <= HARMLESS_MAX and (row.fault != BETTER or row.loss <= EPS)


def _lies(rows: Sequence[Row], repetitions: Mapping[str, int]) -> dict[str, bool]:
    bars: dict[str, bool] = {}
    for experiment, fault in LIES.items():
        least = repetitions[experiment]
        own = _of(rows, experiment, "reference", fault)
        taught = [not row.void and bool(row.cpu_s) for row in own]
        # Who learns nothing from lies is not tried by them.
        bars[f"{fault}: in three of four the healer trained meanwhile"] = _mostly(taught, least)
        served = [not row.void and row.first_act_s is not None and row.first_act_s < JUDGED_S for row in own]
        bars[f"{fault}: in half of the pairs another model served while decisions were judged"] = _mostly(
            served, least, SERVED_SHARE
        )
        bars[f"{fault}: reference never costs more than none"] = _never_dearer(
            rows, (experiment, fault), ("reference", "none"), least
        )
    # A number that stands for a missing one may do a system good by chance: then it is no harm to heal.
    harmed = [not row.void and (row.loss or 0.0) > 0.0 for row in _of(rows, CREEP, "none", SENTINEL)]
    bars[f"{SENTINEL}: in three of four it cost arm none something"] = _mostly(harmed, repetitions[CREEP])
    return bars


def _mostly(tried: Sequence[bool], least: int, share: float = TRIED_SHARE) -> bool:
    return len(tried) >= least and sum(tried) >= share * len(tried)


def _models(rows: Sequence[Row], least: int) -> dict[str, bool]:
    offered = _of(rows, MODELS, "reference", OFFERED)
    wrong = _of(rows, MODELS, "reference", CONFIDENT)
    refused = (
        not (row.void or row.served_offer) and row.judged_offer and row.acts_seen and row.model_acts == 0
        for row in offered
    )
    healed = (not row.void and row.cleared_by == "healer" and row.served_before for row in wrong)
    answered = sum(not row.void and _answered(row) for row in wrong)
    loud = any(row.void or _loud_monitor(row) for row in wrong)
    return {
        "a bad candidate is judged and never serves": len(offered) >= least and all(refused),
        "confident and wrong is rolled back by the healer": len(wrong) >= least and all(healed),
        "confident and wrong: it answered units in at least fifteen of twenty": (
            len(wrong) >= least and answered >= ANSWERED_RATIO_MIN * len(wrong) > 0
        ),
        "confident and wrong: a monitor of confidence stays quiet": (
            len(wrong) >= least and answered > 0 and not loud
        ),
    }


def _answered(row: Row) -> bool:
    """Whether the model that was set answered, and so often that its confidence is known."""
    return row.served_offer and row.confidence is not None and row.confidence.there is not None


def _loud_monitor(row: Row) -> bool:
    """Whether it fired at a model that answered, or would have, had all answers been that model's."""
    found = row.confidence
    if not row.served_offer or found is None:
        return False
    return found.fires or (found.there is not None and found.there < (1.0 - FALL_RATIO) * found.reference)


def _never_dearer(rows: Sequence[Row], asked: tuple[str, str], arms: tuple[str, str], least: int) -> bool:
    """Whether the first arm's loss is in each pair at most the second's and eps."""
    experiment, fault = asked
    first, second = ({row.repetition: row for row in _of(rows, experiment, arm, fault)} for arm in arms)
    pairs = first.keys() | second.keys()
    return len(pairs) >= least and all(_at_most(first.get(one), second.get(one)) for one in pairs)


def _at_most(one: Row | None, other: Row | None) -> bool:
    if one is None or other is None or one.void or other.void or one.loss is None or other.loss is None:
        return False
    # Who answers fewer units is not cheaper for that.
    same = abs(_unanswered(one) - _unanswered(other)) <= UNANSWERED_APART_MAX
    return same and one.loss <= other.loss + EPS


def _unanswered(row: Row) -> float:
    whole = row.decisions + row.unanswered
    return row.unanswered / whole if whole else 1.0


def _of(rows: Sequence[Row], experiment: str, arm: str, fault: str) -> list[Row]:
    return [row for row in rows if (row.experiment, row.arm, row.fault) == (experiment, arm, fault)]


def _class(rows: Sequence[Row]) -> dict[str, object]:
    kept = [row for row in rows if not row.void]
    # An act that could not be seen is none, so a run that shows none says nothing.
    seen = [row for row in kept if row.acts_seen or row.model_acts]
    acting = sum(row.model_acts > 0 for row in seen)
    return {
        "n": len(kept),
        "void": len(rows) - len(kept),
        "not_judged": sum(bool(row.why) for row in kept),
        "left": _spread([row.left for row in kept]),
        "loss": _spread([row.loss for row in kept]),
        "jump": _spread([row.jump for row in kept]),
        "back_s": sorted(row.back_s for row in kept if row.back_s is not None),
        "cpu_s": _spread([row.cpu_s for row in kept]),
        "acting": msgspec.to_builtins(share(acting, len(seen))),
        "acting_upper_95": upper_bound(acting, len(seen)) if seen else None,
        "acts_not_observable": len(kept) - len(seen),
        "confidence": _confidences([row.confidence for row in kept if row.confidence is not None]),
        "first_act_s": sorted(row.first_act_s for row in kept if row.first_act_s is not None),
        "cleared_by": dict(Counter(row.cleared_by or "undo" for row in kept)),
    }


def _heals(rows: Sequence[Row]) -> dict[str, object]:
    """False heals an hour of one arm over all that it was asked; a run whose acts hide gives no hour."""
    found = rate(
        [(row.false_heals, row.unbroken_s / 3600.0) for row in rows if row.acts_seen],
        blind=[row.false_heals for row in rows if not row.acts_seen and row.unbroken_s],
    )
    told: dict[str, object] = msgspec.to_builtins(found)
    return told


def _confidences(found: Sequence[Confidence]) -> dict[str, object] | None:
    if not found:
        return None
    return {
        "n": len(found),
        "reference": _spread([one.reference for one in found]),
        "lowest": _spread([one.lowest for one in found]),
        "there": _spread([one.there for one in found]),
        "fired": sum(one.fires for one in found),
    }


def _spread(values: Sequence[float | None]) -> dict[str, float] | None:
    told = [value for value in values if value is not None]
    if not told:
        return None
    low, middle, high = np.quantile(told, [0.0, 0.5, 1.0]).round(4).tolist()
    return {"min": low, "median": middle, "max": high, "n": len(told)}
