"""Second bodies and extra parcels of a span, built beforehand; what could change nothing is refused."""

from __future__ import annotations

import json

import msgspec
import pytest
from outage_world import AmountWorld

from harness.driver.parcels import build_parcels
from harness.driver.spec import Span
from harness.driver.taint import read_taint
from harness.errors import Refused
from harness.experiment.model import Profile
from harness.faults.effects import Mutate, Surge
from harness.history.observations import LOAD, WITNESS

PROFILE = Profile(rate_hz=100.0, golden_every=20, load_batch=5, load_every_s=0.25)
PLAIN = build_parcels(7, PROFILE, 4.0, AmountWorld(7))


def span(effect, episode=0, from_s=1.0, until_s=3.0):
    return Span(episode=episode, from_s=from_s, until_s=until_s, effect=effect)


def build(*spans, profile=PROFILE):
    return build_parcels(7, profile, 4.0, AmountWorld(7), spans=spans)


def ids(body):
    return [record["id"] for record in json.loads(body)["records"]]


def test_a_span_adds_a_second_body_to_its_own_units_and_changes_nothing_else():
    parcels = build(span(Mutate(mutation="drop", field="amount")))
    assert [(p.units, p.body, p.fresh) for p in parcels] == [(p.units, p.body, p.fresh) for p in PLAIN]
    for parcel in parcels:
        assert (parcel.instead is not None) == (1.0 <= parcel.due_s < 3.0)
        if parcel.instead is not None:
            change = parcel.instead
            assert change.parcel.units == parcel.units
            assert change.parcel.fresh == parcel.fresh
            assert ids(change.parcel.body) == ids(parcel.body) == list(change.touched)
            assert b"amount" not in change.parcel.body
            assert [line.id for line in read_taint(change.taint).lines] == list(change.touched)


def test_golden_units_are_touched_like_others():
    parcels = build(span(Mutate(mutation="decoy", field="amount")))
    golden = [p for p in parcels if p.units[0].golden and 1.0 <= p.due_s < 3.0]
    assert len(golden) == 10
    assert all(p.instead is not None and p.instead.parcel.units[0].golden for p in golden)


def test_a_share_touches_some_records_of_a_batch_and_lists_only_them():
    parcels = build(span(Mutate(mutation="null", field="amount", share_ratio=0.5)))
    batches = [p.instead for p in parcels if p.instead and p.units[0].stream == LOAD]
    for change in batches:
        nulls = [r["id"] for r in json.loads(change.parcel.body)["records"] if r["amount"] is None]
        assert nulls == list(change.touched)
    assert 0 < sum(len(change.touched) for change in batches) < 5 * 8


def test_duplicates_are_extra_parcels_without_units_later_and_inside_the_span():
    parcels = build(span(Mutate(mutation="duplicate", lag_s=0.5, share_ratio=0.5)))
    plain = {name: (p.due_s, p.body) for p in parcels if p.body for name in ids(p.body)}
    extra = [p for p in parcels if not p.body]
    assert len(extra) > 40
    for parcel in extra:
        assert (parcel.units, parcel.instead.parcel.units) == ((), ())
        assert 1.5 <= parcel.due_s < 3.0
        for record in json.loads(parcel.instead.parcel.body)["records"]:
            due_s, body = plain[record["id"]]
            assert parcel.due_s == due_s + 0.5
            assert record in json.loads(body)["records"]


def test_a_cut_batch_keeps_its_first_share_and_single_units_stay_whole():
    parcels = build(span(Mutate(mutation="truncate", share_ratio=0.5)))
    for parcel in parcels:
        if parcel.instead is not None:
            assert parcel.units[0].stream == LOAD
            assert ids(parcel.instead.parcel.body) == ids(parcel.body)[:2]
            assert list(parcel.instead.touched) == ids(parcel.body)[2:]
    assert sum(p.instead is not None for p in parcels) == sum(
        p.units[0].stream == LOAD and 1.0 <= p.due_s < 3.0 for p in parcels
    )


def test_a_surge_adds_batches_of_new_records_behind_all_other_load():
    parcels = build(span(Surge(factor=3.0)))
    extra = [p.instead.parcel for p in parcels if not p.body]
    assert len(extra) == 2 * 8  # 8 batches fit into 2 s; a factor of 3 adds twice as many
    numbers = [unit.number for p in extra for unit in p.units]
    assert sorted(numbers) == list(range(16 * 5, 16 * 5 + 16 * 5))
    assert all(unit.id == f"l7-{unit.number}" and unit.stream == LOAD for p in extra for unit in p.units)
    assert all(1.0 <= p.due_s < 3.0 for p in extra)
    witness = [p.units for p in parcels if p.units and p.units[0].stream == WITNESS]
    assert len(witness) == 400


def test_a_surge_of_factor_one_and_a_share_of_zero_touch_nothing():
    quiet = [Surge(factor=1.0), Mutate(mutation="drop", field="amount", share_ratio=0.0)]
    for effect in quiet:
        assert not any(p.instead for p in build(span(effect)))


def test_spans_of_two_episodes_change_each_their_own_time():
    drop = span(Mutate(mutation="drop", field="amount"), 0, 0.0, 1.0)
    null = span(Mutate(mutation="null", field="amount"), 4, 1.0, 2.0)
    found = {(p.instead.episode, int(p.due_s)) for p in build(drop, null) if p.instead}
    assert found == {(0, 0), (4, 1)}


NO_LOAD = msgspec.structs.replace(PROFILE, load_batch=0)


@pytest.mark.parametrize(
    ("effect", "profile", "why"),
    [
        (
            Mutate(mutation="drop", field="amonut"),
            PROFILE,
            "no record has a field 'amonut'; there are: amount",
        ),
        (Mutate(mutation="drop"), PROFILE, "no record has a field ''"),
        (Mutate(mutation="rename", field="id"), PROFILE, "the driver's own"),
        (Mutate(mutation="add", field="amount"), PROFILE, "have a field 'amount' already"),
        (Mutate(mutation="new_category", field="amount"), PROFILE, "holds no strings"),
        (Mutate(mutation="unit", field="golden"), PROFILE, "holds no numbers"),
        (
            Mutate(mutation="sentinel", field="amount", ramp_s=2.5),
            PROFILE,
            "ramp_s 2.5 is longer than the 2 s",
        ),
        (
            Mutate(mutation="sentinel", field="amount", slice_field="amount", slice_level="none such"),
            PROFILE,
            r"no record's 'amount' is 'none such'; there are .* more",
        ),
        (Mutate(mutation="late", lag_s=0.0), PROFILE, "not above 0"),
        (Mutate(mutation="truncate", share_ratio=0.5), NO_LOAD, "no load batches"),
        (Surge(factor=2.0), NO_LOAD, "no load batches"),
        (Surge(factor=1e6), PROFILE, "a surge of more than"),
    ],
)
def test_a_fault_that_could_touch_nothing_is_refused_in_words(effect, profile, why):
    with pytest.raises(Refused, match=why):
        build(span(effect), profile=profile)


def test_spans_that_meet_or_share_a_number_are_refused():
    drop = Mutate(mutation="drop", field="amount")
    with pytest.raises(Refused, match="episodes 0 and 1"):
        build(span(drop, 0, 0.0, 2.0), span(drop, 1, 1.9, 3.0))
    with pytest.raises(Refused, match="one episode number"):
        build(span(drop, 0, 0.0, 1.0), span(drop, 0, 1.0, 2.0))


def test_labels_that_the_world_does_not_tell_refuse_nulls_by_label():
    class Silent(AmountWorld):
        def draw(self, due_s, /):
            drawn = super().draw(due_s)
            drawn.label[:] = -1
            return drawn

    with pytest.raises(Refused, match="no label"):
        build_parcels(
            7, PROFILE, 4.0, Silent(7), spans=[span(Mutate(mutation="null_by_label", field="amount"))]
        )
