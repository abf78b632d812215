"""Which model served around a fault: versions seen in answers, changes of aliases, and what the healer says.

In: the witness's rows, what observers saw, the journal, the span. Out: ``ModelTimeline``. Versions and
changes are seen from outside; the words are the healer's, and only give reasons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.episodes.acts import of_others
from harness.episodes.log import RunLog
from harness.episodes.timeline import ModelChange, ModelTimeline, ModelTold, ServedVersion
from harness.history.model import Said
from harness.history.observations import GOOD, WITNESS, Rows

MODEL_ACTS = frozenset({"alias_changed", "canary_set"})
MODEL_TARGETS = frozenset({"model", "training"})
TOLD_MAX = 40
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
    """Each version with the first and the last answer of it, in the order of the first."""
    kept = rows[(rows["stream"] == WITNESS) & (rows["outcome"] == GOOD)]
    kept = kept[(kept["due"] >= span[0]) & (kept["due"] < span[1])]
    found = []
    for number in np.unique(kept["version"]).tolist():
        if not 0 < number <= len(names):
            continue
        due = kept["due"][kept["version"] == number]
        found.append(
            ServedVersion(
                version=names[number - 1],
                from_s=round(float(due.min()) - inject_s, _DIGITS),
                until_s=round(float(due.max()) - inject_s, _DIGITS),
                units=len(due),
            )
        )
    return tuple(sorted(found, key=lambda one: one.from_s))
