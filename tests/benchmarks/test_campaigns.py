"""Which rows of the four ways are one table, and what makes them none."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from benchmarks.campaigns import MEMORY, SLOPE_KB_MAX, WAYS, Row, figures

SAME, AT_WORK, SMALL = (
    "the same table byte for byte in four ways",
    "whoever was to be killed was at work",
    f"memory grows by less than {SLOPE_KB_MAX:g} kB an episode",
)
ROW = Row(item="", commit="c", episodes=2000, took_s=1.0, table_sha256="a", killed=True, parts_before=9)
WHOLE = [*(replace(ROW, item=way) for way in WAYS), replace(ROW, item=MEMORY, episodes=20_000, slope_kb=0.01)]


def missed(rows: list[Row]) -> list[str]:
    bars = figures(rows, memory=20_000, episodes=2000)["bars"]
    assert isinstance(bars, dict)
    return [words for words, met in bars.items() if not met]


def test_rows_of_one_table_meet_every_bar() -> None:
    assert missed(WHOLE) == []


def test_no_rows_meet_none() -> None:
    assert missed([]) == [SAME, AT_WORK, SMALL]


@pytest.mark.parametrize(
    ("number", "change", "bar"),
    [
        (1, {"table_sha256": "b"}, SAME),
        (0, {"void": 1}, SAME),
        (3, {"episodes": 1999}, SAME),
        (2, {"killed": False}, AT_WORK),
        (2, {"parts_before": 0}, AT_WORK),
        (3, {"killed": False}, AT_WORK),
        (4, {"slope_kb": SLOPE_KB_MAX}, SMALL),
        (4, {"slope_kb": None}, SMALL),
        (4, {"episodes": 300}, SMALL),
        (4, {"void": 1}, SMALL),
        (4, {"void": 20_000}, SMALL),
    ],
)
def test_what_misses_a_bar(number: int, change: dict[str, object], bar: str) -> None:
    rows = [*WHOLE]
    rows[number] = replace(rows[number], **change)
    assert bar in missed(rows)


def test_a_second_row_of_memory_does_not_stand_in_for_one_that_is_worth_nothing() -> None:
    assert missed([*WHOLE, replace(WHOLE[4], void=1)]) == [SMALL]
    assert missed([*WHOLE, replace(WHOLE[4], slope_kb=None)]) == [SMALL]
