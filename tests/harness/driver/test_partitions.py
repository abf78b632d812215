"""A partition is judged row by row against the twin; what lands depends on seed and records alone."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from harness.driver.files import FileWorld
from harness.driver.partitions import Judged, build_partitions, judge, twin_problem
from harness.driver.schedule import witness_due
from harness.experiment.model import PROFILES
from harness.experiment.tables import Place, Table

TABLE = Table(
    rows=3,
    every_s=0.2,
    deadline_s=1.0,
    lands=Place(folder="in", name="day-{number}.csv"),
    results=Place(folder="out", name="{number}.csv"),
    columns=("score",),
)
PROFILE = PROFILES["table"]
EXPECTED = [(str(number), (number / 8, "a")) for number in range(6)]
KEYS = st.sampled_from([key for key, _ in EXPECTED] + ["x", "y"])
FOUND = st.lists(st.tuples(KEYS, st.sampled_from([(0.25, "a"), (0.5, "b"), (0.0, "a")])), max_size=12)


def test_what_is_there_as_the_twin_has_it_is_right_in_any_order_and_as_text_too() -> None:
    assert judge(EXPECTED, EXPECTED[::-1], 0.0) == Judged(rows=6, right=6)
    assert judge(EXPECTED, [(key, (str(one), two)) for key, (one, two) in EXPECTED], 0.0).state == "right"


def test_each_way_of_being_wrong_has_its_word_and_count() -> None:
    first, *rest = EXPECTED
    assert judge(EXPECTED, [], 0.0).state == "missing"
    assert (judge(EXPECTED, rest, 0.0).state, judge(EXPECTED, rest, 0.0).missing) == ("half", 1)
    assert judge(EXPECTED, [*EXPECTED, first], 0.0) == Judged(rows=6, right=5, doubled=1)
    assert judge(EXPECTED, [*EXPECTED, first], 0.0).state == "doubled"
    assert judge(EXPECTED, [("0", (9.0, "a")), *rest], 0.0).state == "wrong"
    assert judge(EXPECTED, [("0", (0.0, None)), *rest], 0.0).state == "wrong"
    assert judge(EXPECTED, [*EXPECTED, ("x", (0.0, "a"))], 0.0).state == "wrong"


def test_a_number_may_differ_by_the_tolerance_and_text_by_nothing() -> None:
    near = [(key, (one + 0.01, two)) for key, (one, two) in EXPECTED]
    assert judge(EXPECTED, near, 0.011).state == "right"
    assert judge(EXPECTED, near, 0.009).wrong == 6
    assert judge([("1", ("a",))], [("1", ("b",))], 1e9).wrong == 1
    assert judge([("1", (0.0,))], [("1", ("nan",))], 1e9).wrong == 1


def test_long_whole_numbers_are_compared_to_their_last_digit() -> None:
    for wanted, near in ((2**63, 2**63 + 1), (str(2**63), str(2**63 + 1)), (10**400, 0.5), ("1e999", 2)):
        assert judge([("1", (wanted,))], [("1", (near,))], 1e-9).wrong == 1
        assert judge([("1", (wanted,))], [("1", (wanted,))], 1e-9).right == 1


def test_results_in_which_nothing_could_be_compared_say_nothing() -> None:
    read = [[(str(key), (None,)) for key in range(3)], [("3", (None,))]]
    assert "'score': nothing" in twin_problem(read, TABLE)
    assert twin_problem([*read, [("4", (0.5,))]], TABLE) == ""
    assert "00001.csv holds row '3' more than once" in twin_problem([[("0", (1,))], [("3", (1,))] * 2], TABLE)


@given(FOUND)
def test_every_row_that_must_be_there_is_counted_once(found: list[tuple[str, tuple[float, str]]]) -> None:
    judged = judge(EXPECTED, found, 0.0)
    assert judged.right + judged.wrong + judged.doubled + judged.missing == judged.rows == 6
    assert min(judged.right, judged.wrong, judged.doubled, judged.missing, judged.foreign) >= 0
    strangers = sum(key in ("x", "y") for key, _ in found)
    assert judged.foreign == strangers
    assert (judged.state == "right") == (judged.right == 6 and not strangers)


def test_partitions_land_on_the_slots_of_the_seed_with_keys_that_count_on() -> None:
    world = FileWorld(({"a": 1, "id": "theirs"}, {"a": 2}), (), 1)
    parcels = build_partitions(5, PROFILE, 2.0, world=world, table=TABLE)
    assert [parcel.due_s for parcel in parcels] == witness_due(5, PROFILE.rate_hz, 2.0).tolist()
    assert [parcel.units[0].id for parcel in parcels[:2]] == ["day-00000.csv", "day-00001.csv"]
    assert {parcel.units[0].weight for parcel in parcels} == {3.0}
    rows = [row for parcel in parcels for row in msgspec.json.decode(parcel.body)]
    assert [row["id"] for row in rows] == list(range(30))
    assert [row["a"] for row in rows[:4]] == [2, 1, 2, 1]
