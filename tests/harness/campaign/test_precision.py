"""A campaign ends before its cap only when every class is known as well as was asked."""

from __future__ import annotations

from harness.campaign.precision import exact_enough
from harness.campaign.tally import Tally
from tests.harness.campaign.rows_kit import episode, row


def tallied(*found) -> Tally:
    tally = Tally()
    for pair, one in enumerate(found):
        tally.add_pair([row(pair, "none", one)])
    return tally


def test_nothing_is_known_of_nothing():
    assert not exact_enough(Tally(), 0.5)


def test_a_median_is_known_when_its_interval_is_narrow_enough():
    spread = [episode(4000 + 100 * step) for step in range(6)]
    assert exact_enough(tallied(*spread), 0.1)
    assert not exact_enough(tallied(*spread), 0.02)
    assert not exact_enough(tallied(*spread[:5]), 0.5)


def test_an_open_interval_is_not_narrow():
    assert not exact_enough(tallied(*[episode(4000)] * 6, *[episode(None)] * 3), 0.5)


def test_a_median_that_surely_lies_beyond_the_horizon_is_known():
    assert exact_enough(tallied(*[episode(None)] * 6), 0.1)
    assert not exact_enough(tallied(*[episode(None)] * 6, *[episode(4000)] * 3), 0.1)


def test_a_class_that_is_hurt_too_seldom_is_known_once_that_is_proven():
    """3 of 200 are below 5 % with 95 %; 1 of 60 may be more."""
    absorbed = episode(None, impact_ms=None, ended_by="absorbed")
    assert not exact_enough(tallied(*[absorbed] * 58), 0.1)
    assert exact_enough(tallied(*[absorbed] * 59), 0.1)
    assert not exact_enough(tallied(episode(), *[absorbed] * 59), 0.1)
    assert exact_enough(tallied(*[episode()] * 3, *[absorbed] * 197), 0.1)


def test_one_class_that_is_not_known_is_enough_to_go_on():
    tally = tallied(*[episode(4000)] * 20)
    assert exact_enough(tally, 0.1)
    tally.add_pair([row(20, "reference", episode(4000))])
    assert not exact_enough(tally, 0.1)
