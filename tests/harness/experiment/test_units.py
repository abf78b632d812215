"""Files of units: every line is a record, or the file is refused with that line; decisions of three kinds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.units import UnitsProblem, decision_problem, read_golden, read_units

VALUES = st.one_of(
    st.text(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
)
RECORDS = st.lists(st.dictionaries(st.text(), VALUES), min_size=1, max_size=8)


@given(RECORDS)
def test_records_come_back_as_they_were_written(records: list[dict]) -> None:
    content = "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()
    assert list(read_units(content, is_csv=False)) == records


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"a": 1}\n[1]\n', 2),
        (b'{"a": 1}\n\n{"a": NaN}\n', 3),
        (b'{"a": 1}\n\xff\n', 2),
        (b"", 0),
        (b"\n \n", 0),
        (b"[" * 10_000, 1),
    ],
)
def test_a_line_that_is_no_record_is_named(content: bytes, line: int) -> None:
    with pytest.raises(UnitsProblem) as told:
        read_units(content, is_csv=False)
    assert told.value.line == line


def test_cells_are_taken_for_what_they_look_like() -> None:
    (record,) = read_units(b"a,b,c,d,e,f,g\n1,2.5,true,007,,x y,NaN\n", is_csv=True)
    assert record == {"a": 1, "b": 2.5, "c": True, "d": "007", "f": "x y", "g": "NaN"}


@pytest.mark.parametrize(
    ("content", "line"), [(b"a,a\n1,2\n", 1), (b"a,b\n1\n", 2), (b'a\n"x"y\n', 2), (b"a,b\n", 0), (b"", 0)]
)
def test_a_csv_that_cannot_be_read_is_named_by_its_line(content: bytes, line: int) -> None:
    with pytest.raises(UnitsProblem) as told:
        read_units(content, is_csv=True)
    assert told.value.line == line


def test_golden_units_hold_their_decision_as_the_system_answers_it() -> None:
    content = b'{"unit": {"a": 1}, "decision": 2.5}\n{"unit": {}, "decision": true}\n'
    assert [one.decision for one in read_golden(content)] == [2.5, True]
    with pytest.raises(UnitsProblem, match="decision"):
        read_golden(b'{"unit": {"a": 1}}')


@pytest.mark.parametrize(
    ("decision", "decides", "is_one"),
    [
        ("approve", "text", True),
        ("", "text", False),
        (1, "text", False),
        (None, "text", False),
        (2.5, "number", True),
        (0, "number", True),
        (float("nan"), "number", False),
        (float("inf"), "number", False),
        (10**400, "number", False),
        (True, "number", False),
        ("2.5", "number", False),
        (False, "bool", True),
        (0, "bool", False),
    ],
)
def test_a_decision_is_of_the_declared_kind(decision: object, decides: str, is_one: bool) -> None:
    assert (decision_problem(decision, decides, None) == "") is is_one


def test_a_number_lies_within_its_range_ends_included() -> None:
    outside = [value for value in (-0.1, 0, 0.5, 1, 1.1) if decision_problem(value, "number", (0.0, 1.0))]
    assert outside == [-0.1, 1.1]
