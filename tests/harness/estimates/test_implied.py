"""Implied availability: known answers, what was not back waits for the human, and coverage."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import numpy as np
import pytest

from harness.estimates.implied import implied_availability
from harness.estimates.lost import ClassLosses, Scale
from harness.estimates.points import ImpliedAvailability
from harness.experiment.rules import FaultRate, ImpliedRules, ScoreRules
from tests.harness.estimates.test_score import PROFILE, TAU_US, run, scored, seconds

HUMAN_S, MONTH_S = 7200.0, 30 * 86_400.0
SCALE = Scale(TAU_US, 1_000_000)


def rules(mean: float, low: float | None = None, high: float | None = None) -> ImpliedRules:
    rate = FaultRate(mean=mean, low=mean if low is None else low, high=mean if high is None else high)
    return ImpliedRules(human_repair_s=HUMAN_S, faults_per_30_days={"process.kill": rate})


def losses(back_s: list[float | None], *, impact_s: float = 0.0, share: float = 1.0) -> ClassLosses:
    """A class of outages from ``impact_s`` on that lasted so long; None = to the horizon and beyond."""
    seen = []
    for pair, length_s in enumerate(back_s):
        lost_s = PROFILE.tau_s - impact_s if length_s is None else length_s
        (episode,) = run(pair, {"process.kill": seconds(lost_s * share)}).episodes
        served = msgspec.structs.replace(
            episode.served, impact_s=impact_s, recovered_s=None if length_s is None else impact_s + length_s
        )
        episode = msgspec.structs.replace(episode, served=served, horizon_s=PROFILE.tau_s)
        seen.append((run(pair, {}), episode))
    return ClassLosses("process.kill", "scorer-a", Fraction(1), seen)


def implied(one: ClassLosses, asked: ImpliedRules) -> ImpliedAvailability:
    return implied_availability([one], asked, SCALE)


def test_two_seconds_a_day_are_a_minute_in_thirty_days() -> None:
    found = implied(losses([2.0] * 8), rules(30.0))
    assert found.down_min == pytest.approx(1.0)
    assert found.ratio == pytest.approx(1 - 60 / MONTH_S, abs=1e-6)


def test_what_was_not_back_waits_for_the_human_and_is_not_charged_tau() -> None:
    found = implied(losses([2.0] * 19 + [None]), rules(20.0))
    assert found.down_min == pytest.approx((19 * 2.0 + HUMAN_S) / 60)


def test_what_was_partly_out_and_not_back_stays_so() -> None:
    found = implied(losses([None] * 5, impact_s=20.0, share=0.1), rules(1.0))
    assert found.down_min == pytest.approx(0.1 * (HUMAN_S - 20.0) / 60)


def test_the_interval_takes_the_high_ends_together() -> None:
    narrow, wide = (
        implied(losses([2.0] * 50), rules(10.0)),
        implied(losses([2.0] * 50), rules(10.0, 5.0, 20.0)),
    )
    assert narrow.down_min == wide.down_min
    assert wide.down_high_min == pytest.approx(2 * narrow.down_high_min)
    assert wide.down_low_min == pytest.approx(narrow.down_low_min / 2)
    assert wide.low_ratio < narrow.low_ratio <= narrow.ratio <= wide.high_ratio


def test_a_rate_is_shared_by_what_its_kind_hits() -> None:
    one = losses([10.0] * 8)
    other = ClassLosses("process.kill", "gateway", Fraction(1), losses([20.0] * 8).seen)
    found = implied_availability([one, other], rules(2.0), SCALE)
    assert found.down_min == pytest.approx((10.0 + 20.0) / 60)


def test_no_rates_no_figure_and_no_score_no_figure() -> None:
    runs = [run(i, {"process.kill": seconds(2)}) for i in range(5)]
    asked = ScoreRules(implied=rules(1.0)).implied
    assert scored(runs).implied is None
    assert scored(runs, implied=asked).implied.down_min == pytest.approx(2 / 60, abs=1e-6)
    assert scored(runs[:4], implied=asked).implied is None


def test_the_rates_that_were_declared_stand_beside_the_figure() -> None:
    found = implied(losses([2.0] * 5), rules(2.0, 1.0, 4.0))
    assert (found.faults_per_30_days, found.human_repair_s) == ({"process.kill": (2.0, 1.0, 4.0)}, HUMAN_S)


@pytest.mark.parametrize("n", [10, 60])
def test_the_interval_covers_the_truth_where_one_in_ten_is_not_back(n: int) -> None:
    rng = np.random.default_rng(5)
    truth_min = (0.9 * 10.0 + 0.1 * HUMAN_S) / 60
    found = []
    for _ in range(100):
        back_s = [
            None if never else length
            for never, length in zip(rng.random(n) < 0.1, rng.uniform(5, 15, n).tolist(), strict=True)
        ]
        found.append(implied(losses(back_s), rules(1.0)))
    assert sum(f.down_low_min <= truth_min <= f.down_high_min for f in found) >= 95
