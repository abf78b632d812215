"""B over A: known answers, coverage by simulation, what must hold for any times."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.estimates.compared import Ratio
from harness.estimates.rank_cuts import PAIRS_MIN, SIDE_MIN, rank_sum_cut, signed_rank_cut
from harness.estimates.ratios import paired_ratio, unpaired_ratio

HORIZON_S, LEAST_S = 20.0, 0.02
TIME = st.one_of(st.none(), st.floats(0.05, 19.0))
PAIRS = st.lists(st.tuples(TIME, TIME), min_size=PAIRS_MIN, max_size=25)
SIDE = st.lists(TIME, min_size=SIDE_MIN, max_size=15)
REPEATS = 600


def paired(pairs, horizon_s: float = HORIZON_S) -> Ratio:
    return paired_ratio(pairs, horizon_s=horizon_s, least_s=LEAST_S)


def unpaired(a, b, horizon_s: float = HORIZON_S) -> Ratio:
    return unpaired_ratio(a, b, horizon_s=horizon_s, least_s=LEAST_S)


@pytest.mark.parametrize("n", [6, 9, 20, 60])
def test_cuts_of_signed_ranks_are_scipys(n: int) -> None:
    cut = signed_rank_cut(n)
    d = np.arange(1, n + 1, dtype=float)

    def p_value(statistic: int) -> float:
        """Two-sided, of a sample whose positive ranks sum up to ``statistic``."""
        signs, left = np.ones(n), statistic
        for rank in range(n, 0, -1):
            signs[rank - 1] = 1 if rank <= left else -1
            left -= rank if rank <= left else 0
        return float(stats.wilcoxon(d * signs, method="exact").pvalue)

    assert p_value(cut.rank - 1) <= 0.05 < p_value(cut.rank)
    assert cut.coverage_ratio == pytest.approx(1 - p_value(cut.rank - 1), abs=1e-6)


@pytest.mark.parametrize(("m", "n"), [(4, 4), (3, 8), (12, 7), (40, 40)])
def test_cuts_of_rank_sums_are_scipys(m: int, n: int) -> None:
    cut = rank_sum_cut(m, n)

    def p_value(statistic: int) -> float:
        """Two-sided, of two samples of which ``statistic`` pairs stand the other way round."""
        x, y = list(range(m)), [float(m)] * n
        for i in range(n):
            below = min(m, statistic)
            statistic -= below
            y[i] = m - below - 0.5 + i * 1e-3
        return float(stats.mannwhitneyu(y, x, method="exact").pvalue)

    assert p_value(cut.rank - 1) <= 0.05 < p_value(cut.rank)


def test_cuts_beyond_the_exact_range_differ_from_those_before_by_two_ranks_at_most() -> None:
    assert 1990 <= signed_rank_cut(101).rank <= 2010
    assert signed_rank_cut(100).rank < signed_rank_cut(101).rank
    assert rank_sum_cut(50, 50).rank < rank_sum_cut(50, 51).rank < rank_sum_cut(51, 51).rank
    for found in (signed_rank_cut(400), rank_sum_cut(80, 90)):
        assert found.coverage_ratio == pytest.approx(0.95, abs=1e-3)


def test_the_interval_of_pairs_is_that_of_all_averages_written_down() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.lognormal(0, 0.5, 12), rng.lognormal(0.3, 0.5, 12)
    d = np.log(b / a)
    averages = np.sort([(d[i] + d[j]) / 2 for i in range(12) for j in range(i, 12)])
    found = paired(list(zip(a, b, strict=True)))
    cut = signed_rank_cut(12).rank
    expected = [math.exp(v) for v in (np.median(averages), averages[cut - 1], averages[-cut])]
    assert [found.ratio, found.low, found.high] == pytest.approx(expected, abs=1e-5)


def test_the_interval_without_pairs_is_that_of_all_differences_written_down() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.lognormal(0, 0.5, 9), rng.lognormal(0.3, 0.5, 7)
    differences = np.sort(np.subtract.outer(np.log(b), np.log(a)).ravel())
    found = unpaired(list(a), list(b))
    cut = rank_sum_cut(9, 7).rank
    expected = [math.exp(v) for v in (np.median(differences), differences[cut - 1], differences[-cut])]
    assert [found.ratio, found.low, found.high] == pytest.approx(expected, abs=1e-5)


def test_too_few_give_no_figure_and_say_how_many_are_needed() -> None:
    few = paired([(1.0, 2.0)] * 5)
    assert (few.n, few.needs_n, few.ratio, few.tells()) == (5, 6, None, False)
    few = unpaired([1.0] * 3, [2.0] * 3)
    assert (few.n, few.n_b, few.needs_n, few.ratio, few.tells()) == (3, 3, 4, None, False)
    assert paired([(1.0, 2.0)] * 6).tells()
    assert unpaired([1.0] * 4, [2.0] * 4).tells()


def test_pairs_that_are_back_on_neither_side_are_counted_and_say_nothing_of_a_ratio() -> None:
    pairs = [(1.0 + i / 10, 2.0 + i / 7) for i in range(8)]
    with_lost = paired([*pairs, (None, None), (None, None)])
    assert with_lost.apart == 2
    assert (with_lost.ratio, with_lost.low) == (paired(pairs).ratio, paired(pairs).low)


def test_a_side_that_never_comes_back_opens_the_interval_and_is_not_left_out() -> None:
    found = paired([(1.0 + i / 10, None) for i in range(8)])
    assert found.ratio is None
    assert found.high is None
    assert found.low is not None
    assert found.low >= HORIZON_S / 1.7, "each of B lies beyond the horizon"
    found = unpaired([None] * 8, [1.0 + i / 10 for i in range(8)])
    assert (found.ratio, found.low) == (None, None)
    assert found.high is not None
    assert found.high <= 1.7 / HORIZON_S


def test_nothing_is_told_where_nobody_was_back() -> None:
    assert not unpaired([None] * 9, [None] * 9).tells()
    assert not paired([(None, None)] * 9).tells()


def test_times_shorter_than_two_units_apart_are_not_told_apart() -> None:
    assert paired([(0.001, 0.02)] * 6).ratio == 1.0
    assert paired([(-0.004, 0.0)] * 6).ratio == 1.0


@pytest.mark.parametrize("time_s", [math.nan, math.inf])
def test_what_is_no_time_is_an_error(time_s: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        paired([(1.0, time_s)] * 6)
    with pytest.raises(ValueError, match="not finite"):
        unpaired([1.0] * 4, [time_s] * 4)


@given(PAIRS)
def test_pairs_the_other_way_round_give_the_inverse(pairs) -> None:
    one, other = paired(pairs), paired([(b, a) for a, b in pairs])
    _is_inverse(one, other)


@given(SIDE, SIDE)
def test_sides_the_other_way_round_give_the_inverse(a, b) -> None:
    _is_inverse(unpaired(a, b), unpaired(b, a))


def _is_inverse(one: Ratio, other: Ratio) -> None:
    for here, there in ((one.low, other.high), (one.high, other.low), (one.ratio, other.ratio)):
        assert (here is None) == (there is None)
        if here is not None and there is not None:
            assert here * there == pytest.approx(1.0, rel=1e-3, abs=1e-4)


@given(PAIRS, st.integers(0, 5))
def test_one_that_is_not_back_widens_the_upper_end_and_never_narrows_it(pairs, place) -> None:
    a, _ = pairs[place]
    if a is None:
        return
    lost = [*pairs[:place], (a, None), *pairs[place + 1 :]]
    before, after = paired([pair for pair in pairs if pair != (None, None)]), paired(lost)
    if before.coverage_ratio == after.coverage_ratio and before.n == after.n and after.high is not None:
        assert before.high is not None
        assert after.high >= before.high * (1 - 1e-6)


@given(PAIRS)
def test_the_ratio_lies_in_its_interval(pairs) -> None:
    found = paired(pairs)
    if found.ratio is not None:
        assert (found.low or 0.0) <= found.ratio * (1 + 1e-5)
        assert found.ratio <= (found.high or math.inf) * (1 + 1e-5)


def drawn(rng, n: int, ratio: float, *, shared: float, horizon_s: float, lost: float):
    """``n`` lognormal times a side, a part ``shared`` of their spread common to a pair; some are not back."""
    common = rng.normal(size=n) * math.sqrt(shared)
    sides = []
    for times in (1.0, ratio):
        logs = math.log(4 * times) + 0.5 * (common + rng.normal(size=n) * math.sqrt(1 - shared))
        gone = (rng.random(n) < lost) | (logs > math.log(horizon_s))
        sides.append([None if away else math.exp(log) for log, away in zip(logs, gone, strict=True)])
    return sides


CASES = [
    (12, 1.5, 1e6, 0.0),  # all back
    (20, 1.0, 6.5, 0.0),  # about one in six lies beyond the horizon
    (20, 1.5, 1e6, 0.1),  # one in ten never is back, whatever the horizon
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shared", [0.8, 0.0])
def test_intervals_hold_the_truth_as_often_as_they_say(shared: float, case) -> None:
    """Paired where a pair shares most of its spread, unpaired where it shares none; within three points."""
    n, ratio, horizon_s, lost = case
    rng, held, said = np.random.default_rng(17), 0, 0.0
    for _ in range(REPEATS):
        a, b = drawn(rng, n, ratio, shared=shared, horizon_s=horizon_s, lost=lost)
        found = paired(list(zip(a, b, strict=True)), horizon_s) if shared else unpaired(a, b, horizon_s)
        held += (found.low or 0.0) <= ratio <= (found.high or math.inf)
        said += found.coverage_ratio or 1.0
    assert held / REPEATS == pytest.approx(said / REPEATS, abs=0.03)


@pytest.mark.parametrize("shared", [0.8, 0.0])
def test_where_a_third_is_not_back_intervals_are_wider_than_need_be_never_narrower(shared: float) -> None:
    rng, held = np.random.default_rng(18), 0
    for _ in range(REPEATS):
        a, b = drawn(rng, 20, 1.5, shared=shared, horizon_s=6.0, lost=0.0)
        found = paired(list(zip(a, b, strict=True)), 6.0) if shared else unpaired(a, b, 6.0)
        held += (found.low or 0.0) <= 1.5 <= (found.high or math.inf)
    assert held / REPEATS >= 0.95


def test_pairs_see_what_two_sides_do_not() -> None:
    """x1.25 between pairs that share most of their spread: seen by pairs at least twice as often."""
    rng, seen = np.random.default_rng(19), [0, 0]
    for _ in range(200):
        a, b = drawn(rng, 20, 1.25, shared=0.8, horizon_s=1e6, lost=0.0)
        for which, found in enumerate((paired(list(zip(a, b, strict=True)), 1e6), unpaired(a, b, 1e6))):
            seen[which] += (found.low or 0.0) > 1
    assert seen[0] >= 2 * seen[1] > 0
