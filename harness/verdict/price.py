"""How many pairs a gate takes at least until it has a word. Pure.

Comes in: what may be worse, and the classes of faults. Goes out: numbers of pairs. They are those of outcomes
without exception, fed to the gate's own scale; exceptions make them larger.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.experiment.model import Gate
from harness.verdict.baseline import Baseline, Kind
from harness.verdict.gate import Scale
from harness.verdict.outcomes import Recovery, RunOutcome

PAIRS_MAX = 10_000
BASELINE_N = 40
"""How many runs a stored baseline is taken to have, where it is not there yet."""
_KIND = Kind(pack_sha256="", system="", arm="none", target="", fidelity="", pace="dense", harness_version="")


def least_pairs(
    gate: Gate, labels: Sequence[str], *, quiet_h: float, is_beside: bool, passing: bool
) -> int | None:
    """Give the least number of pairs until PASS, or until FAIL; None = more than ``PAIRS_MAX``.

    ``quiet_h``: hours of a pair in which nothing is broken. ``is_beside``: both versions run beside each
    other, else there is a stored baseline.

    >>> asked = {"quiet_h": 0.01, "is_beside": True}
    >>> [least_pairs(Gate(), ["process.kill a, fast"], passing=word, **asked) for word in (True, False)]
    [21, 3]
    """
    before = tuple(1.0 + n for n in range(BASELINE_N))
    baseline = Baseline(kind=_KIND, campaign="", seed=0, made_utc="", times_s=dict.fromkeys(labels, before))
    scale = Scale(gate, baseline, is_beside=is_beside)
    ours = tuple(
        Recovery(label=label, time_s=0.0 if passing else None, kept_ratio=float(passing)) for label in labels
    )
    theirs = tuple(Recovery(label=label, time_s=1.0) for label in labels) if is_beside else ()
    for number in range(1, PAIRS_MAX + 1):
        scale.add(
            RunOutcome(
                name=str(number),
                recoveries=ours,
                beside=theirs,
                harmed=not passing,
                false_heals=0 if passing else 1,
                quiet_h=quiet_h,
            )
        )
        if scale.passed if passing else scale.failed:
            return number
    return None
