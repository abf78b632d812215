"""The one place that says "too little": counts and means against a claim, with exact intervals.

In: what was counted and what is claimed. Out: ``Judged``: a word with its evidence in words.
PASS needs the lower 95 % bound on the right side, FAIL the upper bound on the wrong one, both
one-sided; all else is INCONCLUSIVE, and no data is VOID, never PASS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.estimates.model import Mean
from harness.estimates.shares import all_pass_n, lower_bound, upper_bound
from harness.units import percent_text
from harness.verdict.model import Word

MEAN_RUNS_MIN = 5
"""Five runs on one side of a limit are what a sign test needs at 95 % (2^-5 = 3.1 %). A t interval
of fewer, or of equal figures, can be as narrow as it likes and has no honest coverage."""

_NEEDED_MAX = 100_000
_MORE_MAX = 2000  # nobody waits for more
_REACH = 10.0  # a mean so close to its limit that a hundred times the runs are needed is out of reach


@dataclass(frozen=True, slots=True)
class Judged:
    """A word and what it rests on; ``more`` as in ``Claim``."""

    word: Word
    evidence: str
    more: int | None = None


def judge_share(k: int, n: int, at_least_ratio: float, *, void: int = 0, widened: float = 1.0) -> Judged:
    """Judge "at least ``at_least_ratio`` of episodes" by ``k`` of ``n``.

    ``void`` episodes hide the worst cases: for PASS they count as failed, for FAIL as absent. ``widened``:
    runs depend on each other, so that n episodes tell as much as n / ``widened``.

    >>> judge_share(29, 29, 0.9).word, judge_share(28, 28, 0.9).word, judge_share(0, 0, 0.9).word
    ('PASS', 'INCONCLUSIVE', 'VOID')
    >>> judge_share(28, 28, 0.9).evidence
    '28 of 28, at least 89.9 % (95 %); needs 28 / 29'
    """
    if n <= 0:
        return Judged("VOID", "no episode was measured")
    low, high = lower_bound(k, n + void, widened=widened), upper_bound(k, n, widened=widened)
    seen = f"{k} of {n}" + (f" and {void} void" if void else "")
    seen += f" (runs depend on each other: as much as {n / widened:.1f})" if widened > 1 else ""
    if high < at_least_ratio:
        return Judged("FAIL", f"{seen}, at most {percent_text(high)} (95 %)")
    text = f"{seen}, at least {percent_text(low)} (95 %)"
    if low >= at_least_ratio:
        return Judged("PASS", text)
    more = settling_n(k, n, at_least_ratio, void=void, widened=widened)
    needs = _needs(n + void - k, n, at_least_ratio) if widened <= 1 else "needs runs that are independent"
    return Judged("INCONCLUSIVE", f"{text}; {needs}", more)


def settling_n(k: int, n: int, at_least_ratio: float, *, void: int = 0, widened: float = 1.0) -> int | None:
    """How many more episodes of which the same share holds would settle the claim; None = out of reach.

    >>> settling_n(28, 28, 0.9), settling_n(27, 30, 0.8), settling_n(5, 10, 0.9), settling_n(9, 10, 0.9)
    (1, 14, 0, None)
    """
    for more in range(_MORE_MAX + 1):
        held = k + round(more * k / n)
        if upper_bound(held, n + more, widened=widened) < at_least_ratio:
            return more
        if lower_bound(held, n + more + void, widened=widened) >= at_least_ratio:
            return more
    return None


def needed_n(failures: int, at_least_ratio: float) -> int | None:
    """How many episodes prove the share if no more than ``failures`` fail; None = out of reach.

    >>> needed_n(0, 0.9), needed_n(1, 0.9), needed_n(0, 1.0)
    (29, 46, None)
    """
    least = all_pass_n(at_least_ratio)
    if least is None or failures == 0:
        return least
    low, high = least, max(2 * least, 2 * failures + 1)
    while lower_bound(high - failures, high) < at_least_ratio:
        low, high = high, 2 * high
        if high > _NEEDED_MAX:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = middle >= failures and lower_bound(middle - failures, middle) >= at_least_ratio
        low, high = (low, middle) if enough else (middle, high)
    return high


def _needs(failures: int, n: int, at_least_ratio: float) -> str:
    needed = needed_n(failures, at_least_ratio)
    if needed is None:
        return f"no number of episodes within reach proves {percent_text(at_least_ratio)}"
    return f"needs {n} / {needed}" + (" with no further failure" if failures else "")


def judge_mean(figure: Mean, at_least_ratio: float) -> Judged:
    """Judge "at least ``at_least_ratio`` on the average of runs" by a t interval.

    >>> judge_mean(Mean(n=2, mean=1.0, low=1.0, high=1.0), 0.99)
    Judged(word='INCONCLUSIVE', evidence='mean 100.000 % of 2 runs; needs 2 / 5', more=3)
    """
    if figure.n == 0 or figure.mean is None:
        return Judged("VOID", "no run without a fault was measured")
    text = f"mean {percent_text(figure.mean, 3)} of {figure.n} runs"
    if figure.n < MEAN_RUNS_MIN or figure.low is None or figure.high is None:
        more = max(0, MEAN_RUNS_MIN - figure.n) or None
        return Judged("INCONCLUSIVE", f"{text}; needs {figure.n} / {MEAN_RUNS_MIN}", more)
    text += f", {percent_text(figure.low, 3)} to {percent_text(min(1.0, figure.high), 3)} (95 %)"
    if figure.high < at_least_ratio:
        return Judged("FAIL", text)
    if figure.low >= at_least_ratio:
        return Judged("PASS", text)
    apart, half = abs(figure.mean - at_least_ratio), (figure.high - figure.low) / 2
    # The interval shrinks with the root of the number of runs.
    more = math.ceil(figure.n * (half / apart) ** 2) - figure.n if apart * _REACH > half else None
    return Judged(
        "INCONCLUSIVE", f"{text}; the interval holds {percent_text(at_least_ratio, 3)}", more or None
    )


def doubted_availability(judged: Judged, counts: tuple[int, int], ratio: float, repeated: int) -> Judged:
    """Take back a PASS that a t interval gives for figures without spread, or for runs that were picked.

    ``counts``: good units and units of the same runs; their exact lower bound must reach the claim as
    well, which is necessary and not sufficient. ``repeated`` runs had the bad baselines.

    >>> perfect = Judged("PASS", "mean 100.000 % of 5 runs")
    >>> doubted_availability(perfect, (12_000, 12_000), 0.9999, 0).word
    'INCONCLUSIVE'
    >>> doubted_availability(perfect, (12_000, 12_000), 0.99, 0).word
    'PASS'
    """
    if judged.word != "PASS":
        return judged
    if repeated:
        return Judged(
            "INCONCLUSIVE", f"{judged.evidence}; {repeated} runs with a bad baseline were done again"
        )
    low = lower_bound(*counts)
    if low < ratio:
        return Judged("INCONCLUSIVE", f"{judged.evidence}; {counts[1]} units prove {percent_text(low, 3)}")
    return judged


def judge_all(outcomes: Sequence[bool | None]) -> Judged:
    """Judge "in every run": one violation is evidence, one run that cannot be observed is no proof.

    >>> judge_all([True, True]).word, judge_all([True, False]).word, judge_all([True, None]).word
    ('PASS', 'FAIL', 'VOID')
    >>> judge_all([]).word
    'VOID'
    """
    if not outcomes:
        return Judged("VOID", "no run was audited")
    broken, blind = outcomes.count(False), outcomes.count(None)
    if broken:
        return Judged("FAIL", f"violated in {broken} of {len(outcomes)} runs")
    if blind:
        return Judged("VOID", f"not observable in {blind} of {len(outcomes)} runs")
    return Judged("PASS", f"held in all {len(outcomes)} runs")
