"""Bars of the part on own systems: an interval that misses, a void run, a missing kill, another's act."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from benchmarks.own import ITEMS, Row, bars_and_figures, rows_of

GOOD = Row(
    platform=ITEMS[0][0],
    way=ITEMS[0][1],
    number=1,
    commit="abc",
    true_s=(0.31, 0.313),
    seen_s=(0.305, 0.315),
    ended_by="platform",
)


def rows(*changed: dict[str, object]) -> list[Row]:
    """Two kills of each item; ``changed``: of the first of them, in order."""
    found = [
        msgspec.structs.replace(GOOD, platform=platform, way=way, number=number)
        for platform, way in ITEMS
        for number in (1, 2)
    ]
    for place, change in enumerate(changed):
        found[place] = msgspec.structs.replace(found[place], **change)
    return found


def missed(found: list[Row]) -> list[str]:
    return [words for words, met in bars_and_figures(found, 2)["bars"].items() if not met]


def test_all_bracketed_and_credited_to_the_platform_meets_every_bar() -> None:
    assert missed(rows()) == []
    figures = bars_and_figures(rows(), 2)["platforms"]
    assert figures["a shell loop, succession"]["bracketed"] == 2
    assert figures["a shell loop, succession"]["midpoint_error_ms"] == {"median": 1.5, "max": 1.5}


@pytest.mark.parametrize(
    "change",
    [
        {"seen_s": (0.314, 0.4)},
        {"seen_s": (0.2, 0.309)},
        {"seen_s": (0.305, None)},
        {"seen_s": (None, None)},
        {"true_s": None},
        {"void": "the witness stalled"},
    ],
    ids=["begins late", "ends early", "no end", "not seen", "no truth", "void"],
)
def test_what_is_not_bracketed_misses_its_bar_and_is_listed(change) -> None:
    name = f"{GOOD.platform}, {GOOD.way}"
    assert missed(rows(change)) == [f"{name}: 2 of 2 outages bracketed"]
    (listed,) = bars_and_figures(rows(change), 2)["platforms"][name]["missed"]
    assert listed["number"] == 1


def test_an_end_by_somebody_else_and_a_kill_that_is_missing_miss_their_bars() -> None:
    name = f"{GOOD.platform}, {GOOD.way}"
    assert missed(rows({"ended_by": "undo"})) == [f"{name}: each ended by the platform"]
    assert len(missed(rows()[1:])) == 2
    assert len(missed([])) == 2 * len(ITEMS)


def test_a_kill_that_never_came_is_a_void_row_and_no_absent_one() -> None:
    episode = SimpleNamespace(ended_by="platform", void="")
    one = SimpleNamespace(true_s=(0.3, 0.31), seen_s=(0.29, 0.32), episode=episode)
    seen = SimpleNamespace(outages=[one], run=SimpleNamespace(void=""))
    found = rows_of(ITEMS[0], seen, 3)
    assert [row.void for row in found] == ["", "no such kill in the run", "no such kill in the run"]
    assert [row.bracketed for row in found] == [True, False, False]
