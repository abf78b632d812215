"""Everything that will be offered is built from seed and world before the first slot."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from outage_world import LIMIT, AmountWorld, decide

from harness.driver.offered import FRESH_EVERY
from harness.driver.parcels import build_parcels
from harness.experiment.model import Profile
from harness.history.observations import LOAD, WITNESS

PROFILE = Profile(rate_hz=100.0, golden_every=20, load_batch=5, load_every_s=0.5)


@pytest.fixture(scope="module")
def parcels():
    return build_parcels(7, PROFILE, 4.0, AmountWorld(7))


def test_the_same_seed_gives_the_same_ids_bodies_and_offsets(parcels) -> None:
    assert build_parcels(7, PROFILE, 4.0, AmountWorld(7)) == parcels
    assert build_parcels(8, PROFILE, 4.0, AmountWorld(7)) != parcels


def test_ids_name_stream_seed_and_number(parcels) -> None:
    ids = [unit.id for parcel in parcels for unit in parcel.units]
    assert len(set(ids)) == len(ids) == 400 + 8 * 5
    assert {f"w7-{n}" for n in range(400)} | {f"l7-{n}" for n in range(40)} == set(ids)


def test_bodies_hold_the_records_of_their_units_in_order(parcels) -> None:
    for parcel in parcels:
        assert [r["id"] for r in json.loads(parcel.body)["records"]] == [unit.id for unit in parcel.units]


def test_parcels_stand_in_order_of_due_and_each_record_was_drawn_for_its_own_instant(parcels) -> None:
    dues = [parcel.due_s for parcel in parcels]
    assert dues == sorted(dues)
    for parcel in parcels:
        for unit, record in zip(parcel.units, json.loads(parcel.body)["records"], strict=True):
            assert unit.due_s == parcel.due_s
            assert "golden" in record or record["due_s"] == pytest.approx(unit.due_s)


def test_the_world_is_asked_once_for_all_instants_in_their_order() -> None:
    asked: list[np.ndarray] = []

    class Watched(AmountWorld):
        def draw(self, due_s, /):
            asked.append(due_s)
            return super().draw(due_s)

    build_parcels(7, PROFILE, 4.0, Watched(7))
    assert len(asked) == 1
    assert (np.diff(asked[0]) >= 0).all()
    assert len(asked[0]) == 440


def test_golden_units_are_witness_units_with_the_right_decision_of_their_record(parcels) -> None:
    golden = [parcel for parcel in parcels if parcel.units[0].golden]
    assert len(golden) == 20
    for parcel in golden:
        assert parcel.units[0].stream == WITNESS
        assert decide(json.loads(parcel.body)["records"][0]["amount"]) == parcel.units[0].golden


def test_units_know_the_posterior_of_their_record_and_golden_ones_none(parcels) -> None:
    for parcel in parcels:
        for unit, record in zip(parcel.units, json.loads(parcel.body)["records"], strict=True):
            if unit.golden:
                assert np.isnan(unit.posterior)
            else:
                assert unit.posterior == (0.9 if record["amount"] > LIMIT else 0.01)


def test_every_fourth_witness_unit_asks_for_a_fresh_connection(parcels) -> None:
    fresh = sorted(parcel.units[0].number for parcel in parcels if parcel.fresh)
    assert fresh == list(range(FRESH_EVERY - 1, 400, FRESH_EVERY))
    assert not any(parcel.fresh for parcel in parcels if parcel.units[0].stream == LOAD)


def test_without_load_and_golden_units_only_the_witness_is_offered() -> None:
    bare = msgspec.structs.replace(PROFILE, load_batch=0, golden_every=0)
    parcels = build_parcels(7, bare, 1.0, AmountWorld(7))
    assert len(parcels) == 100
    assert not any(parcel.units[0].golden for parcel in parcels)
