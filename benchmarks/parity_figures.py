"""Rows of the same runs on two targets -> how far apart they are: pure.

Wanted. Of each class (fault, what it hits, arm) the medians of recovery on simulation and on processes differ
by at most 100 ms or a quarter, whichever is more; at most one class is excused, with its measured cause. A
class that is not noticed on one target is noticed as rarely on the other. Who acts does the same acts in the
same order: counted run by run. A void row is a missed one.
"""

from __future__ import annotations

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

ClassKey = tuple[str, str, str]


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
    keys = sorted({(row.fault, row.subject, row.arm) for row in rows})
    classes = {_name(key): _class([row for row in rows if _key(row) == key]) for key in keys}
    agreed, runs = _agreement(rows)
    apart = [name for name, one in classes.items() if not one["close"]]
    return {
        "classes": classes,
        "excused": dict(excused),
        "agreement": {"runs": runs, "agreed": agreed, **msgspec.to_builtins(share(agreed, runs))},
        "bars": {
            "medians are at most 100 ms or a quarter apart, but for an excused class": bool(rows)
            and set(apart) <= set(excused)
            and len(excused) <= EXCUSED_MAX,
            "the same acts in the same order in nine of ten runs": runs > 0
            and agreed >= AGREED_SHARE_MIN * runs,
            "no row is void": bool(rows) and not any(row.void for row in rows),
        },
    }


def _key(row: Row) -> ClassKey:
    return row.fault, row.subject, row.arm


def _name(key: ClassKey) -> str:
    fault, subject, arm = key
    return f"{fault} {subject}, {arm}"


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
    medians = [_median(target) for target in (local, simulated)]
    if medians == [None, None]:
        return True  # too few were noticed on either for a median, and about as few
    here, there = medians
    if here is None or there is None:
        return False
    return abs(here - there) <= max(APART_S_MAX, APART_RATIO_MAX * here)


def _noticed_ratio(one: Mapping[str, object]) -> float | None:
    n, noticed = one["n"], one["noticed"]
    return noticed / n if isinstance(n, int) and isinstance(noticed, int) and n else None


def _median(one: Mapping[str, object]) -> float | None:
    recovery = one["recovery"]
    value = recovery.get("value_s") if isinstance(recovery, Mapping) else None
    return float(value) if isinstance(value, float | int) else None


def _agreement(rows: Sequence[Row]) -> tuple[int, int]:
    """Runs that were made on both targets, and those of them with the same acts in the same order."""
    acts: dict[tuple[str, int, str], dict[str, tuple[str, ...]]] = {}
    for row in rows:
        acts.setdefault((row.experiment, row.repetition, row.arm), {})[row.target] = row.acts
    both = [one for one in acts.values() if set(one) == set(TARGETS)]
    return sum(one[LOCAL] == one[SIMULATION] for one in both), len(both)
