"""What a fault cost, by what was being waited for; sums known from the stories."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.episodes.facts import facts
from harness.episodes.loss import Loss
from harness.episodes.phases import Course, loss_of
from harness.episodes.service import service_of
from harness.history.observations import BAD, DEGRADED, DTYPE, GOOD, WITNESS
from tests.traps.histories import PROFILE, Outage, Story, history_of, killed, never_back

OUTCOMES = st.lists(st.sampled_from([GOOD, DEGRADED, BAD]), min_size=1, max_size=60)
MARK = st.one_of(st.none(), st.floats(0, 12))


def loss(story: Story) -> Loss:
    (episode,) = facts(history_of(story)).episodes
    assert episode.loss is not None
    return episode.loss


def service(outcomes: list[int]):
    """One unit every 0.1 s from 0 on."""
    rows = np.zeros(len(outcomes), dtype=DTYPE)
    rows["unit"] = np.arange(len(outcomes))
    rows["due"] = 0.1 * np.arange(len(outcomes))
    rows["weight"] = rows["attempt"] = 1
    rows["stream"] = WITNESS
    rows["outcome"] = outcomes
    return service_of(rows)


def course(**changes: object) -> Course:
    plain = {"inject_s": 0.0, "horizon_s": 6.0, "detected_s": None, "acted_s": None}
    return Course(**{**plain, "served_ratio": 0.0, "full_ratio": 0.0, **changes})


def test_an_outage_of_two_seconds_at_the_default_profile_costs_two_seconds() -> None:
    units = service([BAD] * 20 + [GOOD] * 1180)
    assert loss_of(units, course(horizon_s=120.0)).bad_us == (2_000_000, 0, 0)


def test_what_is_lost_before_the_act_is_told_from_what_is_lost_after_it() -> None:
    found = loss(killed(0.8))  # the platform acts after 10 ms
    assert found.bad_us == pytest.approx((10_000, 0, 790_000), abs=10_000)


def test_an_alarm_parts_noticing_from_acting() -> None:
    found = loss_of(service([BAD] * 40 + [GOOD] * 20), course(detected_s=1.0, acted_s=3.0))
    assert found.bad_us == (1_000_000, 2_000_000, 1_000_000)


def test_an_act_before_any_alarm_has_noticed() -> None:
    found = loss_of(service([BAD] * 40 + [GOOD] * 20), course(detected_s=3.0, acted_s=1.0))
    assert found.bad_us == (1_000_000, 0, 3_000_000)


def test_where_nobody_was_seen_to_notice_all_is_of_the_first_phase() -> None:
    assert loss(never_back()).bad_us == (int(PROFILE.tau_s * 1e6), 0, 0)


def test_degraded_answers_are_counted_beside_bad_ones() -> None:
    found = loss(Story(outages=(Outage(0.0, 1.0, outcome=DEGRADED),)))
    assert found.bad_us == (0, 0, 0)
    assert sum(found.degraded_us) == pytest.approx(1_000_000, abs=20_000)


def test_the_baseline_is_told_and_taken_off_in_the_loss_of_the_level() -> None:
    (episode,) = facts(history_of(killed(0.8, baseline_share=0.02))).episodes
    found = episode.loss
    assert found.usual_bad_us > 0
    assert sum(found.bad_us) - found.usual_bad_us == pytest.approx(episode.served.lost_s * 1e6, abs=3)


def test_no_unit_in_the_horizon_is_no_loss_of_nothing() -> None:
    assert loss_of(service([GOOD]), course(inject_s=50.0)) is None


@given(OUTCOMES, MARK, MARK)
def test_no_unit_is_in_two_phases_or_in_none(
    outcomes: list[int], detected_s: float | None, acted_s: float | None
) -> None:
    found = loss_of(service(outcomes), course(detected_s=detected_s, acted_s=acted_s))
    share = outcomes.count(BAD) / len(outcomes), outcomes.count(DEGRADED) / len(outcomes)
    assert sum(found.bad_us) == pytest.approx(6e6 * share[0], abs=2)
    assert sum(found.degraded_us) == pytest.approx(6e6 * share[1], abs=2)


def test_a_loss_reads_back_from_json() -> None:
    found = loss(killed())
    assert msgspec.json.decode(msgspec.json.encode(found), type=Loss) == found
