"""Faults of the world: units of the span from the world as moved, under the names of what they are."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from moving_world import MovingWorld, Then
from outage_world import LIMIT, AmountWorld

from harness.driver.changes import CannotTouch
from harness.driver.parcels import build_parcels, check_spans
from harness.driver.spec import Span
from harness.driver.workload import Parcel, Unit
from harness.errors import Refused
from harness.experiment.model import Profile
from harness.faults.effects import Shift
from harness.history.observations import LOAD, WITNESS

PROFILE = Profile(rate_hz=100.0, golden_every=20, load_batch=5, load_every_s=0.5)
SEED, LASTS_S = 7, 4.0


def _span(
    knob: str, value: float, moves: str, *, episode: int = 0, from_s: float = 1.0, **more: float
) -> Span:
    effect = Shift(knob=knob, value=value, moves=moves, **more)
    return Span(episode=episode, from_s=from_s, until_s=from_s + 1.0, effect=effect)


def _built(*spans: Span) -> list[Parcel]:
    return build_parcels(SEED, PROFILE, LASTS_S, MovingWorld(SEED), spans=spans)


def _witness(parcels: Sequence[Parcel]) -> dict[str, Unit]:
    return {u.id: u for p in parcels for u in p.units if u.stream == WITNESS and not u.golden}


def _changed(parcels: Sequence[Parcel]) -> list[Parcel]:
    return [parcel.instead.parcel for parcel in parcels if parcel.instead]


def _amounts(parcels: Sequence[Parcel]) -> dict[str, float]:
    return {r["id"]: r["amount"] for p in parcels for r in json.loads(p.body)["records"]}


def test_a_move_changes_the_units_of_its_span_alone_and_all_keep_their_ids() -> None:
    parcels = _built(_span("scale", 2.0, "records"))
    changed = _changed(parcels)
    assert len(changed) > 90
    assert all(1.0 <= parcel.due_s < 2.0 for parcel in changed)
    plain = _amounts(parcels)
    for parcel in changed:
        for unit in parcel.units:
            assert _amounts([parcel])[unit.id] == pytest.approx(
                plain[unit.id] * (1.0 if unit.golden else 2.0)
            )


def test_without_a_move_a_unit_is_as_it_would_have_been() -> None:
    for unit in _witness(_built()).values():
        assert unit.posterior_before == unit.posterior
        assert unit.reference_before == unit.reference == (unit.posterior == 0.9)


def test_a_moved_unit_tells_what_is_true_now_what_was_and_what_the_system_as_prepared_would_say() -> None:
    plain = _witness(_built())
    amounts = _amounts(_built())
    for unit in _witness(_changed(_built(_span("scale", 2.0, "records")))).values():
        assert unit.posterior == (0.9 if amounts[unit.id] * 2 > LIMIT else 0.01)
        assert unit.posterior_before == plain[unit.id].posterior
        assert unit.reference == (amounts[unit.id] * 2 > LIMIT)
        assert unit.reference_before == (amounts[unit.id] > LIMIT)


def test_a_concept_change_sends_the_same_bytes_and_touches_only_what_is_true_otherwise() -> None:
    parcels = _built(_span("limit", 400.0, "truth"))
    amounts = _amounts(parcels)
    changes = [parcel.instead for parcel in parcels if parcel.instead]
    assert changes
    for parcel in parcels:
        assert parcel.instead is None or parcel.instead.parcel.body == parcel.body
    touched = {name for change in changes for name in change.touched}
    assert all(400.0 < amounts[name] <= LIMIT for name in touched)
    taint = [json.loads(line) for change in changes for line in change.taint.splitlines()]
    assert {line["id"] for line in taint} == touched
    assert {(line["mutation"], line["field"], line["detail"]) for line in taint} == {
        ("shift", "limit", "moved to 400")
    }


def test_golden_units_are_right_under_every_concept_and_stay() -> None:
    parcels = _built(_span("limit", 0.0, "truth"))
    golden = [(p, u) for p in parcels for u in p.units if u.golden and 1.0 <= p.due_s < 2.0]
    assert golden
    assert all(parcel.instead is None for parcel, _ in golden)
    assert all(np.isnan(unit.posterior) and unit.reference == -1 for _, unit in golden)


def test_what_the_system_as_prepared_would_say_is_asked_of_the_witness_alone() -> None:
    load = [u for p in _built() for u in p.units if u.stream == LOAD]
    assert load
    assert all(unit.reference == -1 and not np.isnan(unit.posterior) for unit in load)


@pytest.mark.parametrize("told", [[0, 1], [[0]], "wrong"])
def test_a_reference_of_another_form_is_refused(told: object) -> None:
    class Odd(MovingWorld):
        def reference(self, records: Sequence[dict], /) -> np.ndarray:
            return np.full(len(records), 2) if told == "wrong" else np.array(told)

    with pytest.raises(Refused, match="gave no 0 or 1 for each of"):
        build_parcels(SEED, PROFILE, LASTS_S, Odd(SEED))
    check_spans(SEED, PROFILE, LASTS_S, Odd(SEED), spans=[])


def test_two_moves_of_a_run_are_made_each_in_its_own_span() -> None:
    parcels = _built(_span("scale", 2.0, "records"), _span("limit", 100.0, "truth", episode=1, from_s=2.5))
    by_episode = {p.instead.episode: p.instead.parcel.body == p.body for p in parcels if p.instead}
    assert by_episode == {0: False, 1: True}


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (_span("scael", 2.0, "records"), "no knob 'scael' that moves; there are: scale, limit, odds, idle"),
        (_span("scale", 7.0, "records"), "scale goes from 1 to 3, not to 7"),
        (_span("idle", 0.5, "records"), r"idle 0.5 reaches 0 of \d+ units"),
        (_span("limit", 499.5, "truth"), r"limit 499.5 reaches 0 of|limit 499.5 reaches 1 of"),
        (_span("scale", 2.0, "records", ramp_s=1.5), "ramp_s 1.5 is longer than the 1 s for which"),
        (_span("scale", 2.0, "records", period_s=1.5), "period_s 1.5 is longer than the 1 s for which"),
        (_span("limit", 100.0, "records"), "limit is no such knob: .* that is world.concept_change"),
        (_span("scale", 2.0, "truth"), "scale is no such knob: .* that is world.covariate_shift"),
        (_span("odds", 2.0, "truth"), "odds is no such knob: .* that is world.label_shift"),
        (_span("scale", 2.0, "both"), "that is world.covariate_shift"),
        (_span("limit", 100.0, "both"), r"limit 100 exchanges no record of this seed's \d+ units"),
    ],
)
def test_a_move_that_is_not_what_it_is_called_is_refused(span: Span, words: str) -> None:
    with pytest.raises(CannotTouch, match=words):
        check_spans(SEED, PROFILE, LASTS_S, MovingWorld(SEED), spans=[span])


def test_golden_records_are_asked_for_once_also_where_the_world_moves() -> None:
    class Counting(MovingWorld):
        asked = 0

        def golden(self, count: int, /) -> tuple[list[dict], list[str]]:
            self.asked += 1
            return super().golden(count)

    world = Counting(SEED)
    build_parcels(SEED, PROFILE, LASTS_S, world, spans=[_span("limit", 100.0, "truth")])
    assert world.asked == 1


def test_a_world_that_cannot_move_is_refused() -> None:
    with pytest.raises(CannotTouch, match="this world cannot move"):
        check_spans(SEED, PROFILE, LASTS_S, AmountWorld(SEED), spans=[_span("scale", 2.0, "records")])


def test_a_world_that_does_not_know_its_truth_can_have_its_positives_moved_and_nothing_else() -> None:
    def check(span: Span) -> None:
        check_spans(SEED, PROFILE, LASTS_S, MovingWorld(SEED, knows_truth=False), spans=[span])

    check(_span("odds", 2.0, "both"))
    with pytest.raises(CannotTouch, match=r"odds 1 reaches 0 of \d+ units"):
        check(_span("odds", 1.0, "both"))
    for moves in ("records", "truth"):
        with pytest.raises(CannotTouch, match="does not know what is true of its records"):
            check(_span("scale", 2.0, moves))


def test_what_the_world_itself_refuses_is_told_in_its_words() -> None:
    class Choosy(MovingWorld):
        def moved(self, *_: object) -> Then:
            raise ValueError("no part of the records is channel=fax")

    with pytest.raises(CannotTouch, match="channel=fax"):
        check_spans(SEED, PROFILE, LASTS_S, Choosy(SEED), spans=[_span("limit", 100.0, "truth")])
