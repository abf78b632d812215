"""What a verdict costs: the least counts are those of the exact bounds that judge them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.estimates.shares import all_pass_n, lower_bound, upper_bound
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment, Objective
from harness.plan.price import Price, all_against, all_in_favour, prices, reaches_a_verdict
from harness.verdict.evidence import judge_share

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def experiment() -> Experiment:
    """One kill in one arm; claims are put in by the tests."""
    return load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml")


def priced(experiment: Experiment, *objectives: Objective, **changed: object) -> tuple[Price, ...]:
    return prices(msgspec.structs.replace(experiment, objectives=objectives, **changed))


@given(st.floats(0.01, 0.995))
def test_so_many_without_exception_and_no_fewer_are_judged_as_priced(share_ratio: float) -> None:
    passes, fails = all_in_favour(share_ratio), all_against(share_ratio)
    assert passes is not None
    assert judge_share(passes, passes, share_ratio).word == "PASS"
    assert passes == 1 or lower_bound(passes - 1, passes - 1) < share_ratio
    assert judge_share(0, fails, share_ratio).word == "FAIL"
    assert fails == 1 or upper_bound(0, fails - 1) >= share_ratio


def test_the_price_of_all_in_favour_is_that_of_the_estimates() -> None:
    for share_ratio in (0.1, 0.5, 0.9, 0.95, 0.99, 1.0):
        assert all_in_favour(share_ratio) == all_pass_n(share_ratio)


def test_a_share_of_nine_in_ten_costs_29_repetitions_and_is_refuted_by_two(experiment) -> None:
    (price,) = priced(experiment, Objective(fault="process.kill", served_within_s=5.0))
    assert (price.passes, price.fails) == (29, 2)
    assert price.claim == "process.kill scorer-a, arm none: in at least 90 % of episodes"


def test_a_fault_that_a_run_has_twice_costs_half_as_many_repetitions(experiment) -> None:
    twice = (experiment.steps[0], msgspec.structs.replace(experiment.steps[0], name="again"))
    (price,) = priced(experiment, Objective(served_within_s=5.0), steps=twice)
    assert (price.passes, price.fails) == (15, 1)


def test_certainty_is_out_of_reach_and_one_exception_refutes_it(experiment) -> None:
    (price,) = priced(experiment, Objective(served_within_s=5.0, share_ratio=1.0))
    assert (price.passes, price.fails) == (None, 1)


def test_each_part_of_an_objective_has_its_price(experiment) -> None:
    found = priced(
        experiment, Objective(availability_ratio=0.99), Objective(exactly_once=True), Objective(no_acts=True)
    )
    assert [(price.passes, price.fails) for price in found] == [(5, 5), (1, 1), (1, 1)]


def test_one_repetition_of_a_share_reaches_no_verdict_and_a_claim_on_every_run_does(experiment) -> None:
    share, once = Objective(served_within_s=5.0), Objective(exactly_once=True)
    assert not reaches_a_verdict(priced(experiment, share), 1)
    assert reaches_a_verdict(priced(experiment, share), 2)
    assert reaches_a_verdict(priced(experiment, share, once), 1)
