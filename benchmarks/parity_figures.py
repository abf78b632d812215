"""Rows of the same runs on two targets -> how far apart they are: pure.

Wanted. Of each class (fault, what it hits, arm) the medians of recovery on simulation and on processes differ
by at most 100 ms or a quarter, whichever is more; at most one class is excused, with its measured cause. A
class that is not noticed on one target is noticed as rarely on the other. Who acts decides the same in the
same order, counted run by run: an act that is done again at once is the same decision still, for how often a
breaker opens while its callee hangs is a matter of milliseconds. What is void on one target is void on the
other, and in no median.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import msgspec

from harness.estimates.quantiles import quantile
from harness.estimates.shares import share

LOCAL, SIMULATION = TARGETS = ("local", "simulation")
APART_S_MAX, APART_RATIO_MAX = 0.1, 0.25
EXCUSED_MAX = 1
AGREED_SHARE_MIN = 0.9
NOTICED_APART_MAX = 0.34
"""Shares of so few runs as are made here are no closer than a third."""


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One episode of one run. ``recovered_s`` None: not within tau, or never noticed (``noticed`` False).

    ``acts``: all acts of its run, in order, each "by service act".
    """

    experiment: str
    repetition: int
    target: str
    commit: str
    arm: str
    fault: str
    subject: str
    void: str
    noticed: bool
    recovered_s: float | None
    lost_s: float
    acts: tuple[str, ...]


def figures(rows: Sequence[Row], excused: Mapping[str, str]) -> dict[str, object]:
    """Compare class by class and run by run; ``excused``: classes that may be further apart, and why."""
    sound = [row for row in rows if not row.void]
    names = sorted({class_name(row) for row in rows})
    classes = {name: _class([row for row in sound if class_name(row) == name]) for name in names}
    agreed, exactly, runs = _agreement(rows)
    apart = [name for name, one in classes.items() if not one["close"]]
    return {
        "classes": classes,
        "excused": dict(excused),
        "agreement": {
            "runs": runs,
            "agreed": agreed,
            "with_every_repetition": exactly,
            **msgspec.to_builtins(share(agreed, runs)),
        },
        "void": len(rows) - len(sound),
        "bars": {
            "medians are at most 100 ms or a quarter apart, but for an excused class": bool(rows)
            and set(apart) <= set(excused)
            and len(excused) <= EXCUSED_MAX,
            "the same acts in the same order in nine of ten runs": runs > 0
            and agreed >= AGREED_SHARE_MIN * runs,
            "what is void is so on both": bool(rows) and not _void_on_one(rows),
        },
    }


def class_name(row: Row) -> str:
    """What a row is compared with: the same fault on the same subject in the same arm."""
    return f"{row.fault} {row.subject}, {row.arm}"


def acts_on_both(rows: Sequence[Row]) -> dict[tuple[str, int, str], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Acts of each run (experiment, repetition, arm), on processes and simulated; on one alone it is none."""
    acts: dict[tuple[str, int, str], dict[str, tuple[str, ...]]] = {}
    for row in rows:
        acts.setdefault((row.experiment, row.repetition, row.arm), {})[row.target] = row.acts
    return {run: (one[LOCAL], one[SIMULATION]) for run, one in acts.items() if set(one) == set(TARGETS)}


def seconds_of(target: Mapping[str, object], key: str) -> float | None:
    """What ``key`` of the recovery of a class on one target is, in seconds; None where there is none."""
    recovery = target["recovery"]
    value = recovery.get(key) if isinstance(recovery, Mapping) else None
    return float(value) if isinstance(value, float | int) else None


def _class(rows: Sequence[Row]) -> dict[str, object]:
    found = {target: _of([row for row in rows if row.target == target]) for target in TARGETS}
    local, simulated = found[LOCAL], found[SIMULATION]
    return {**found, "close": _are_close(local, simulated)}


def _of(rows: Sequence[Row]) -> dict[str, object]:
    hurt = [row for row in rows if row.noticed]
    return {
        "n": len(rows),
        "noticed": len(hurt),
        "recovery": msgspec.to_builtins(quantile([row.recovered_s for row in hurt], 0.5)),
    }


def _are_close(local: Mapping[str, object], simulated: Mapping[str, object]) -> bool:
    shares = [_noticed_ratio(one) for one in (local, simulated)]
    if None in shares:
        return False
    one, other = (ratio or 0.0 for ratio in shares)
    if abs(one - other) > NOTICED_APART_MAX:
        return False
    medians = [seconds_of(target, "value_s") for target in (local, simulated)]
    if medians == [None, None]:
        return True  # too few were noticed on either for a median, and about as few
    here, there = medians
    if here is None or there is None:
        return False
    return abs(here - there) <= max(APART_S_MAX, APART_RATIO_MAX * here)


def _noticed_ratio(one: Mapping[str, object]) -> float | None:
    n, noticed = one["n"], one["noticed"]
    return noticed / n if isinstance(n, int) and isinstance(noticed, int) and n else None


def _agreement(rows: Sequence[Row]) -> tuple[int, int, int]:
    """Runs with the same decisions in the same order on both targets, with the very same acts, and all."""
    both = acts_on_both(rows).values()
    agreed = sum(_decisions(local) == _decisions(simulated) for local, simulated in both)
    return agreed, sum(local == simulated for local, simulated in both), len(both)


def _decisions(acts: Sequence[str]) -> list[str]:
    """Acts without those that only repeat the one before."""
    return [act for act, _ in itertools.groupby(acts)]


def _void_on_one(rows: Sequence[Row]) -> set[tuple[object, ...]]:
    """Episodes that are void on one target and not on the other, or were not made there."""
    void: dict[tuple[object, ...], set[str]] = {}
    for row in rows:
        if row.void:
            void.setdefault((row.experiment, row.repetition, class_name(row)), set()).add(row.target)
    return {key for key, targets in void.items() if targets != set(TARGETS)}
