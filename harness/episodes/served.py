"""Which model served around a fault: versions seen in answers, changes of aliases, and what the healer says.

In: the witness's rows, what observers saw, the journal, the span. Out: ``ModelTimeline``. Versions and
changes are seen from outside; the words are the healer's, and only give reasons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.episodes.acts import of_others
from harness.episodes.log import RunLog
from harness.episodes.timeline import ModelChange, ModelTimeline, ModelTold, ServedVersion
from harness.history.model import Said
from harness.history.observations import GOOD, WITNESS, Rows

MODEL_ACTS = frozenset({"alias_changed", "canary_set"})
MODEL_TARGETS = frozenset({"model", "training"})
TOLD_MAX = 40
APART_UNITS = 150
"""So many full answers in a row by others, and a version's stretch has ended.

Units are counted, not seconds: while nobody answers, nobody else has come to serve. A canary of a tenth of
the units must stay one stretch: its gaps are 10 units on average, and one of 150 or more comes with 0.9^150,
which is 1e-7 a gap. A smaller number would show a shorter absence, but 50 breaks such a canary in one of 200
gaps. What is away for less, 3 s where the witness has 50 units a second, is drawn as if it had been there.
"""
_DIGITS = 3


def models_of(
    rows: Rows, log: RunLog, journal: Sequence[Said], *, inject_s: float, from_s: float, until_s: float
) -> ModelTimeline | None:
    """Tell which versions answered in [``from_s``, ``until_s``), and why; instants from ``inject_s``.

    None where one version answered all along and no alias moved: then there is nothing to tell.
    """
    served = _served(rows, log.versions, inject_s, (from_s, until_s))
    theirs = {id(act) for act in of_others(log.acted, log.injected.values(), log.cleared, log.undone)}
    changes = tuple(
        ModelChange(
            at_s=round(act.received_s - inject_s, _DIGITS),
            what=act.detail if act.act == "alias_changed" else f"share of the canary {act.detail}",
            by="healer" if id(act) in theirs else "harness",
        )
        for act in log.acted
        if act.effect and act.act in MODEL_ACTS and from_s <= act.received_s < until_s
    )
    if len(served) < 2 and not changes:
        return None
    told = tuple(
        ModelTold(at_s=round(one.received_s - inject_s, _DIGITS), what=one.kind, reason=one.reason)
        for one in journal
        if one.target in MODEL_TARGETS and from_s <= one.received_s < until_s
    )
    return ModelTimeline(served=served, changes=changes, told=told[:TOLD_MAX])


def _served(
    rows: Rows, names: Sequence[str], inject_s: float, span: tuple[float, float]
) -> tuple[ServedVersion, ...]:
    """The stretches in which each version answered, in the order of their first answers."""
    kept = rows[(rows["stream"] == WITNESS) & (rows["outcome"] == GOOD)]
    kept = kept[(kept["due"] >= span[0]) & (kept["due"] < span[1])]
    kept = kept[(kept["version"] > 0) & (kept["version"] <= len(names))]
    kept = kept[np.argsort(kept["due"], kind="stable")]
    found = [
        ServedVersion(
            version=names[number - 1],
            from_s=round(float(kept["due"][part[0]]) - inject_s, _DIGITS),
            until_s=round(float(kept["due"][part[-1]]) - inject_s, _DIGITS),
            units=len(part),
        )
        for number in np.unique(kept["version"]).tolist()
        for part in _stretches(np.flatnonzero(kept["version"] == number))
    ]
    return tuple(sorted(found, key=lambda one: one.from_s))


def _stretches(places: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Cut the places of one version among all answers where ``APART_UNITS`` or more of others lie between."""
    others = np.diff(places) - 1
    return np.split(places, np.flatnonzero(others >= APART_UNITS) + 1)
