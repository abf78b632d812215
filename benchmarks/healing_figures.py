"""Rows of episodes -> figures a class and the bars that are met: pure.

Wanted. On the request path, arm reference: served while the fault was there in all but one of 30 episodes a
class, a renamed or retyped field in full in all but three; arm none not once. A scorer that was killed or
hangs is back in full within tau in all but three. At the users' edge nobody is credited, off the path
nothing is felt though the fault was met, and both are back within the horizon; without delivery something is
owed meanwhile. Every record exactly once.
Where only degraded is possible, at most 5 % of the degraded answers are the prior's as long as features
arrive, and all of them together are worth at least half of the champion's gain. A look-alike column is never
mapped. A void row, and one whose fault nothing met, is a failed one for every bar, and so is one in which an
act could not have been seen for the bars on acts. A bar without data is missed, a class that was asked for
and has no row is a missed bar, and so is a row that is there twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from harness.estimates.shares import share
from harness.estimates.worth import Worth

OFF_THE_PATH, USERS_EDGE, WRONG_RENAME, PROCESSES = "off-path", "witness-edge", "wrong-rename", "kill-hang"
IN_FULL = ("data.rename_field", "data.change_type")
NO_FEATURES, OWES = "gateway-features", "delivery-gateway"
SERVED_LOST_MAX, FULL_LOST_MAX, MANY = 1, 3, 30
TAU_S, FAULT_S, WINDOW_S = 8.0, 8.0, 1.0
RESTARTED, NOT_MET = "process.kill", "not exercised"
NOTHING_LOST = " 0 lost, 0 refused"
RESAMPLES, PAIRS_MIN = 2000, 5
WORTH_MIN_RATIO, PRIOR_MAX_RATIO, DEGRADED_MAX_RATIO = 0.5, 0.05, 0.001


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One episode of a fault run, or one sham run (``fault`` is then ""). ``void`` "" = counted.

    ``repeated`` runs were done again for it, because their baseline was not met. ``hurt_degraded`` answers
    were degraded while the fault was there (-1: not counted). ``acts_seen``: an act would have been seen
    (``episodes.acts.sees_acts``). ``touched`` records were changed by the fault, and ``quarantined`` of them
    were still dead letters at the end of the run. ``owed_*``: ``episodes.model.Debt``;
    -1 = not seen.
    """

    experiment: str
    repetition: int
    arm: str
    seed: int
    commit: str
    history_sha256: str
    sham: bool
    void: str
    exactly_once: bool
    audit: str
    acts: int
    blind_s: float
    units: int
    degraded: int
    repeated: int
    flaps: int = 0
    full_relapsed_s: float | None = None
    hurt_degraded: int = -1
    fault: str = ""
    subject: str = ""
    absorbed: bool = False
    served_s: float | None = None
    served_held: bool = False
    full_s: float | None = None
    full_held: bool = False
    back: bool = False
    ended_by: str = ""
    acts_seen: bool = False
    lost_s: float = 0.0
    worth: Worth | None = None
    prior_ratio: float | None = None
    touched: int = 0
    quarantined: int = 0
    owed_peak: int = -1
    owed_band: int = -1
    owed_back_s: float | None = None


Class = tuple[str, str, str]


def figures(
    rows: Sequence[Row], *, least: int, expected: Collection[Class] = frozenset()
) -> dict[str, object]:
    """Compute every figure; ``least``: how many counted episodes a class of arm reference must have.

    A class of another arm must have a third of it. ``expected``: classes that must be there.
    """
    classes: dict[Class, list[Row]] = defaultdict(list)
    for row in rows:
        if not row.sham:
            classes[row.fault, row.subject, row.arm].append(row)
    shams = [row for row in rows if row.sham and not row.void]
    units, degraded = sum(row.units for row in shams), sum(row.degraded for row in shams)
    bars = {
        f"{', '.join(key)}: {words}": met
        for key, of_class in sorted(classes.items())
        for words, met in _bars(of_class, least)
    }
    return {
        "commits": dict(sorted(Counter(row.commit for row in rows).items())),
        "repeated_runs": sum(row.repeated for row in _of_different_runs(rows)),
        "classes": {", ".join(key): _class(of_class) for key, of_class in sorted(classes.items())},
        "sham": {
            "runs": len(shams),
            "acts": sum(row.acts for row in shams),
            "degraded_ratio": degraded / units if units else None,
        },
        "bars": bars
        | dict(_degraded(rows, least))
        | _of_runs(rows, shams, units, degraded)
        | {
            "every class was measured": not set(expected) - set(classes),
            "each episode once": _once(rows),
        },
    }


def _of_different_runs(rows: Sequence[Row]) -> Iterable[Row]:
    """One row of each measurement: all rows of one tell the same of it."""
    return {(row.experiment, row.repetition, row.arm): row for row in rows}.values()


def _once(rows: Sequence[Row]) -> bool:
    keys = [(r.experiment, r.repetition, r.arm, r.sham, r.fault, r.subject) for r in rows]
    return len(set(keys)) == len(keys)


def _counts(row: Row) -> bool:
    return not row.void and row.ended_by != NOT_MET


def _degraded(rows: Sequence[Row], least: int) -> Iterator[tuple[str, bool]]:
    """Bars of the degraded answers, by fault and place over all shares of the records.

    A tenth and all of the records get the same answers, and only some dozen of a thousand units tell a
    good decision from a bad one: 900 units of a true ratio of 0.55 show less than 0.5 one time in three.
    """
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        on_the_path = row.experiment not in (OFF_THE_PATH, USERS_EDGE)
        if on_the_path and not row.sham and _counts(row) and row.arm == "reference":
            groups[row.fault, row.subject.partition(" ")[0]].append(row)
    for key, kept in sorted(groups.items()):
        yield from ((f"{', '.join(key)}: {words}", met) for words, met in _degraded_bars(kept, least))


def _of_runs(rows: Sequence[Row], shams: Sequence[Row], units: int, degraded: int) -> dict[str, bool]:
    once = bool(rows) and all(row.exactly_once and not row.void for row in rows)
    bars = {"exactly once in every counted run": once}
    if any(row.sham for row in rows):
        bars["no act in a sham run"] = all(_without_act(row) for row in rows if row.sham)
        bars["at most 0.1 % degraded without a fault"] = 0 < units >= degraded / DEGRADED_MAX_RATIO
    return bars


def _without_act(row: Row) -> bool:
    return not row.void and row.acts_seen and row.acts == 0


def _bars(rows: Sequence[Row], least: int) -> Iterator[tuple[str, bool]]:
    """The bars of one class, over all its rows; a class without a counted episode meets none."""
    kept = [row for row in rows if _counts(row)]
    if len(kept) < (least if rows[0].arm == "reference" else max(1, least // 3)):
        yield "measured often enough", False
    if not kept:
        return
    first, n, sound = rows[0], len(rows), len(kept) == len(rows)
    held, many = sum(row.served_held for row in kept), n >= MANY
    if first.experiment == OFF_THE_PATH:
        met = sound and all(row.absorbed for row in kept)
        yield "served is absorbed, and the fault was met", met
        paid = all(row.owed_back_s is not None and row.owed_back_s <= FAULT_S + TAU_S for row in kept)
        yield "what is owed is back in its band within tau after the fault", sound and paid
        if first.subject.startswith(OWES):
            owed = all(row.owed_peak > row.owed_band >= 0 for row in kept)
            yield "what is owed had left its band", sound and owed
    elif first.experiment == USERS_EDGE:
        yield (
            "no arm is credited",
            sound and not any(row.served_held or row.ended_by in ("healed", "platform") for row in kept),
        )
        yield "back within tau after the fault", sound and all(row.back for row in kept)
    elif first.experiment == PROCESSES and first.arm == "reference":
        full, lost_max = sum(map(_full_in_tau, kept)), FULL_LOST_MAX if many else 0
        yield f"full within tau, but for {lost_max}", full >= n - lost_max
    elif first.arm == "none" and first.fault == RESTARTED:
        yield "the platform brings it back", sound and all(row.back for row in kept)
    elif first.arm == "none":
        yield "not back a window or more before the fault ends", sound and held == 0
    else:
        lost_max = SERVED_LOST_MAX if many else 0
        yield f"served while the fault is there, but for {lost_max}", held >= n - lost_max
    if first.experiment == WRONG_RENAME:
        yield "refused: no act in any run", all(_without_act(row) for row in rows)
        # A healer that reads the wrong column quietly is in full service.
        early_s = FAULT_S - WINDOW_S
        hidden = [r for r in kept if r.full_held or (r.full_s is not None and r.full_s < early_s)]
        yield "refused: no run was in full service", sound and not hidden
    if first.arm == "reference" and first.fault in IN_FULL:
        full = sum(row.full_held for row in kept)
        yield (
            f"full while the fault is there, but for {FULL_LOST_MAX}",
            full >= n - (FULL_LOST_MAX if many else 0),
        )
        delivered = all(row.touched and not row.quarantined and NOTHING_LOST in row.audit for row in kept)
        yield "all that can be repaired is delivered in the end", sound and delivered


def _full_in_tau(row: Row) -> bool:
    """Whether no window was worse than full, or full service was back within tau."""
    back = row.full_s is not None and row.full_s <= TAU_S and row.full_relapsed_s is None
    return row.full_held or back


def _degraded_bars(kept: Sequence[Row], least: int) -> Iterator[tuple[str, bool]]:
    """Bars of the degraded answers, over all episodes together: one has a few dozen rows that matter.

    None are wanted where none was degraded: known of a pair with its sham run (n = 0), or of the whole run.
    """
    total = pooled(row.worth for row in kept)
    in_full = kept[0].fault in IN_FULL or kept[0].experiment == PROCESSES
    if in_full or not any(_was_degraded(row) for row in kept):
        return
    ratio = None if total is None else total.ratio
    # A short try has a pair or two: their worth is chance, and is asked of full counts.
    if least >= MANY or sum(bool(row.worth and row.worth.n) for row in kept) >= PAIRS_MIN:
        yield "degraded answers worth half of the champion's gain", (ratio or 0.0) >= WORTH_MIN_RATIO
    prior = [row.prior_ratio for row in kept if _was_degraded(row)]
    if not kept[0].subject.startswith(NO_FEATURES):
        yield "at most 5 % of them the prior's", _is_rare(prior)


def _was_degraded(row: Row) -> bool:
    """Whether some answers were degraded while the fault was there; else by the prior's share."""
    return row.hurt_degraded > 0 or (row.hurt_degraded < 0 and row.prior_ratio is not None)


def _is_rare(prior: Sequence[float | None]) -> bool:
    """Whether the prior's share is small in every episode; an unknown one is not."""
    return bool(prior) and all(one is not None and one <= PRIOR_MAX_RATIO for one in prior)


def pooled(worths: Iterable[Worth | None]) -> Worth | None:
    """Put several episodes together, each weighted by its units; None where none has any."""
    seen = [one for one in worths if one is not None and one.n]
    n = sum(one.n for one in seen)
    if not n:
        return None
    prior, degraded, champion = (
        sum(one.n * cost for one, cost in zip(seen, costs, strict=True)) / n
        for costs in (
            [one.prior_cost for one in seen],
            [one.degraded_cost for one in seen],
            [one.champion_cost for one in seen],
        )
    )
    gain = prior - champion
    ratio = round((prior - degraded) / gain, 4) if gain > 0 else None
    return Worth(n=n, prior_cost=prior, degraded_cost=degraded, champion_cost=champion, ratio=ratio)


def interval(worths: Sequence[Worth]) -> tuple[float, float] | None:
    """95 % of the pooled ratio by resampling pairs, which are independent; None for too few or no gain."""
    seen = [one for one in worths if one.n]
    if len(seen) < PAIRS_MIN:
        return None
    dice = np.random.default_rng(0)
    chosen = dice.integers(0, len(seen), (RESAMPLES, len(seen)))
    drawn = [pooled(seen[i] for i in row) for row in chosen.tolist()]
    ratios = [one.ratio for one in drawn if one is not None and one.ratio is not None]
    if len(ratios) < len(drawn):
        return None  # a draw without a gain has no ratio, and leaving it out would shift the others
    low, high = np.quantile(ratios, [0.025, 0.975]).tolist()
    return round(low, 3), round(high, 3)


def _class(rows: Sequence[Row]) -> Mapping[str, object]:
    kept = [row for row in rows if _counts(row)]
    total = pooled(row.worth for row in kept)
    return {
        "experiment": rows[0].experiment,
        "n": len(kept),
        "void": len(rows) - len(kept),
        "absorbed": sum(row.absorbed for row in kept),
        "served_while_hurt": _share(row.served_held for row in kept),
        "full_while_hurt": _share(row.full_held for row in kept),
        "back": _share(row.back for row in kept),
        "exactly_once": _share(row.exactly_once for row in kept),
        "ended_by": dict(sorted(Counter(row.ended_by for row in kept).items())),
        "served_s": _ordered(row.served_s for row in kept if not row.absorbed),
        "full_s": _ordered(row.full_s for row in kept),
        "worth": None if total is None else msgspec.to_builtins(total),
        "worth_interval_95": interval([row.worth for row in kept if row.worth is not None]),
        "prior_ratio_max": max(
            (row.prior_ratio for row in kept if row.prior_ratio is not None), default=None
        ),
    }


def _share(hits: Iterable[bool]) -> Mapping[str, object]:
    seen = list(hits)
    found: dict[str, object] = msgspec.to_builtins(share(sum(seen), len(seen)))
    return found


def _ordered(values: Iterable[float | None]) -> list[float | None]:
    seen = list(values)
    known = sorted(value for value in seen if value is not None)
    return [*(round(value, 3) for value in known), *[None] * (len(seen) - len(known))]
