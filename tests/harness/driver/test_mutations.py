"""What a fault does to a record: hashed from seed, episode and unit, and nothing besides what was asked."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.driver.mutations import drawn_name, hashed_dice, is_touched, mutated
from harness.driver.offered import Offered, body_of
from harness.driver.workload import Unit
from harness.faults.effects import Mutate

OF_A_FIELD = ("rename", "drop", "type", "unit", "null", "null_by_label", "sentinel", "stuck", "decoy")
ALL = (*OF_A_FIELD, "new_category", "add", "late")
FIELD = {"new_category": "country", "add": "", "late": ""}

records = st.fixed_dictionaries(
    {"at_s": st.floats(0, 1e6), "amount": st.floats(0.01, 1e6) | st.integers(1, 10**6) | st.none()},
    optional={"country": st.sampled_from(["DE", "FR", "AT"]), "new": st.booleans()},
)
rows = st.lists(st.tuples(records, st.sampled_from([0, 1, -1])), min_size=1, max_size=40)
seeds = st.integers(0, 2**31 - 1)
efforts = st.sampled_from(ALL)


def offered(drawn, seed=7, step_s=0.02):
    return [
        Offered(Unit(n, f"w{seed}-{n}", 0, n * step_s, posterior=0.5, label=label), record)
        for n, (record, label) in enumerate(drawn)
    ]


def effect(mutation, **changes):
    fields = {"mutation": mutation, "field": FIELD.get(mutation, "amount"), "factor": 100.0, "lag_s": 0.4}
    return Mutate(**fields | changes)


def numbers(count, seed=7):
    return offered(
        [({"at_s": n * 0.02, "amount": n + 0.5, "country": "DE"}, n % 2) for n in range(count)], seed
    )


def test_a_mutated_record_is_what_its_mutation_says():
    before = Offered(Unit(0, "w7-0", 0, 0.0, label=1), {"amount": 12.5, "count": 5, "country": "DE"})

    def after(mutation, field, **changes):
        (changed,), _ = mutated([before], effect(mutation, field=field, **changes), seed=7, episode=0)
        return changed and dict(changed.record)

    name = drawn_name(7, 0, "field", ())
    assert after("rename", "amount") == {name: 12.5, "count": 5, "country": "DE"}
    assert after("drop", "amount") == {"count": 5, "country": "DE"}
    assert after("type", "amount")["amount"] == "12.5"
    assert after("type", "country")["country"] == ["DE"]
    assert after("unit", "amount")["amount"] == 1250.0
    assert after("null", "amount")["amount"] is None
    assert after("null_by_label", "amount")["amount"] is None
    assert after("sentinel", "amount")["amount"] == -1.0
    assert after("sentinel", "country")["country"] == "-1"
    assert after("add", "") == {**before.record, name: hashed_dice(7, 0, "w7-0", "value")}
    assert after("add", "extra").keys() - before.record.keys() == {"extra"}
    assert after("new_category", "country")["country"] == drawn_name(7, 0, "level", {"DE"})
    assert after("stuck", "amount") is None  # it holds the value at which the field is stuck


@pytest.mark.parametrize(("factor", "whole"), [(100.0, 500), (1.5, 7.5), (1e308, 5e308)])
def test_a_change_of_unit_keeps_the_type_and_stays_a_number(factor, whole):
    one = Offered(Unit(0, "w7-0", 0, 0.0), {"amount": 5})
    (changed,), _ = mutated([one], effect("unit", factor=factor), seed=7, episode=0)
    if math.isinf(whole):
        assert changed is None
    else:
        assert changed.record["amount"] == whole
        assert type(changed.record["amount"]) is type(whole)


@given(rows, seeds, efforts, st.floats(0, 1))
def test_what_is_not_touched_is_equal_to_the_byte_and_ids_stay(drawn, seed, mutation, share):
    batch = offered(drawn, seed)
    before = body_of(batch)
    changed, _ = mutated(batch, effect(mutation, share_ratio=share), seed=seed, episode=3)
    assert body_of(batch) == before  # the records of the plain run are those of before
    assert len(changed) == len(batch)
    for old, new in zip(batch, changed, strict=True):
        if new is not None:
            assert (new.unit.id, new.unit.due_s, new.unit.stream) == (old.unit.id, old.unit.due_s, 0)
            assert body_of([new]) != body_of([old])
            assert "id" not in new.record
            assert mutation == "late" or is_touched(effect(mutation, share_ratio=share), seed, 3, old)


@given(rows, seeds, efforts)
def test_the_same_seed_does_the_same_and_a_share_of_zero_nothing(drawn, seed, mutation):
    batch = offered(drawn, seed)
    first = mutated(batch, effect(mutation), seed=seed, episode=1)
    assert first == mutated(batch, effect(mutation), seed=seed, episode=1)
    assert set(mutated(batch, effect(mutation, share_ratio=0.0), seed=seed, episode=1)[0]) == {None}


@given(seeds, st.sampled_from(ALL), st.floats(0.05, 0.95))
def test_the_touched_share_lies_in_its_binomial_bounds(seed, mutation, share):
    batch = numbers(1500, seed)
    changed, _ = mutated(batch, effect(mutation, share_ratio=share), seed=seed, episode=0)
    touched = sum(new is not None for new in changed)
    count = len(batch) // 2 if mutation == "null_by_label" else len(batch)
    slack = 6 * math.sqrt(count * share * (1 - share)) + 1
    # A window with an odd number of late records keeps one of them.
    kept = 75 + 1 if mutation == "late" else 1
    assert count * share - slack - kept <= touched <= count * share + slack


@given(seeds, st.floats(0, 1), st.integers(1, 30))
def test_whether_a_unit_is_touched_does_not_depend_on_the_others(seed, share, cut):
    asked = effect("drop", share_ratio=share)
    whole, _ = mutated(numbers(30, seed), asked, seed=seed, episode=0)
    part, _ = mutated(numbers(30, seed)[-cut:], asked, seed=seed, episode=0)
    assert part == whole[-cut:]


def test_a_share_that_creeps_grows_evenly_from_none_and_stays():
    batch = numbers(3000)  # 60 s
    asked = effect("sentinel", share_ratio=0.4, ramp_s=20.0, value=9999.0)
    changed, _ = mutated(batch, asked, seed=7, episode=0, from_s=10.0)
    hit = np.array([new is not None for new in changed])
    parts = [hit[int(a * 50) : int(b * 50)].mean() for a, b in ((0, 10), (10, 20), (20, 30), (30, 60))]
    assert parts[0] == 0.0
    for seen, wanted, among in zip(parts[1:], (0.1, 0.3, 0.4), (500, 500, 1500), strict=True):
        assert abs(seen - wanted) < 5 * math.sqrt(wanted * (1 - wanted) / among)
    at_once, _ = mutated(batch, effect("sentinel", share_ratio=0.4, value=9999.0), seed=7, episode=0)
    assert all(whole is not None for whole, part in zip(at_once, changed, strict=True) if part is not None)


def test_a_fault_in_one_part_of_the_records_touches_no_other():
    batch = offered(
        [({"amount": n + 0.5, "country": ("DE", "FR")[n % 2], "tier": n % 3}, 0) for n in range(12)]
    )
    for name, level, own in (("country", "FR", [1, 3, 5, 7, 9, 11]), ("tier", "2", [2, 5, 8, 11])):
        asked = effect("sentinel", slice_field=name, slice_level=level)
        changed, _ = mutated(batch, asked, seed=7, episode=0)
        assert [place for place, new in enumerate(changed) if new is not None] == own


def test_episodes_and_seeds_choose_other_units():
    batch = numbers(200)

    def hits(seed, episode):
        changed, _ = mutated(batch, effect("drop", share_ratio=0.5), seed=seed, episode=episode)
        return [new is not None for new in changed]

    assert hits(7, 0) != hits(7, 1)
    assert hits(7, 0) != hits(8, 0)


@given(seeds, st.sets(st.text("abcdefgh", min_size=1, max_size=2)))
def test_a_drawn_name_is_letters_and_never_a_name_that_exists(seed, known):
    name = drawn_name(seed, 0, "field", known)
    assert name.isalpha()
    assert name not in known
    assert drawn_name(seed, 0, "field", known | {name}) not in known | {name}


def test_one_episode_renames_to_one_name():
    changed, detail = mutated(numbers(20), effect("rename"), seed=7, episode=0)
    new = {key for one in changed for key in one.record} - {"at_s", "country"}
    assert len(new) == 1
    assert detail == f"renamed to {new.pop()}"


def test_nulls_by_label_are_where_the_label_is_one_and_only_there():
    batch = numbers(10)
    changed, _ = mutated(batch, effect("null_by_label"), seed=7, episode=0)
    assert [new is not None for new in changed] == [one.unit.label == 1 for one in batch]


def test_a_stuck_field_repeats_the_first_touched_value():
    batch = numbers(10)
    changed, _ = mutated(batch, effect("stuck"), seed=7, episode=0)
    assert changed[0] is None
    assert {new.record["amount"] for new in changed[1:]} == {0.5}


@given(st.integers(2, 60), seeds)
def test_a_decoy_holds_values_of_other_records_under_a_name_of_its_own(count, seed):
    batch = numbers(count, seed)
    changed, detail = mutated(batch, effect("decoy"), seed=seed, episode=0)
    name = drawn_name(seed, 0, "field", {"at_s", "amount", "country"})
    assert name in detail
    values = {one.record["amount"] for one in batch}
    for old, new in zip(batch, changed, strict=True):
        assert new.record.keys() == {"at_s", "country", name}
        assert new.record[name] in values - {old.record["amount"]}


def test_decoys_have_the_mean_and_the_spread_of_the_field():
    batch = numbers(2000)
    changed, _ = mutated(batch, effect("decoy"), seed=7, episode=0)
    name = drawn_name(7, 0, "field", {"at_s", "amount", "country"})
    mean = sum(new.record[name] for new in changed) / 2000
    assert abs(mean - 1000) < 6 * 577 / math.sqrt(2000)


@given(st.integers(2, 200), seeds, st.floats(0.1, 1.0))
def test_late_records_come_out_of_order_by_at_most_the_lag_and_none_is_lost(count, seed, share):
    batch = numbers(count, seed)
    changed, _ = mutated(batch, effect("late", share_ratio=share), seed=seed, episode=0)
    sent = [new or old for old, new in zip(batch, changed, strict=True)]
    assert sorted(one.record["at_s"] for one in sent) == [one.record["at_s"] for one in batch]
    for new in filter(None, changed):
        assert 0 < abs(new.record["at_s"] - new.unit.due_s) <= 0.4


def test_what_is_known_of_a_late_record_goes_with_it():
    batch = [
        Offered(Unit(0, "w7-0", 0, 0.0, golden="decline"), {"at_s": 0}),
        Offered(Unit(1, "w7-1", 0, 0.1, posterior=0.25, label=1), {"at_s": 1}),
    ]
    (first, second), _ = mutated(batch, effect("late"), seed=7, episode=0)
    assert (first.unit.id, first.unit.golden, first.unit.posterior, first.unit.label) == ("w7-0", "", 0.25, 1)
    assert (second.unit.id, second.unit.golden, second.unit.label) == ("w7-1", "decline", -1)


def test_a_golden_record_is_not_exchanged_into_the_load():
    golden = Offered(Unit(0, "w7-0", 0, 0.0, golden="decline"), {"at_s": 0})
    load = Offered(Unit(0, "l7-0", 1, 0.1), {"at_s": 1})
    assert mutated([golden, load], effect("late"), seed=7, episode=0)[0] == [None, None]


def test_changed_records_are_json_that_reads_back():
    for mutation in ALL:
        changed, _ = mutated(numbers(6), effect(mutation), seed=7, episode=0)
        body = json.loads(body_of([one for one in changed if one is not None]))
        assert body["records"]
