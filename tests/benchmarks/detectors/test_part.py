"""The bars of detectors: met and missed by figures that are made up, never met without a run length."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.detectors.measure import HORIZON, RUN_LENGTH
from benchmarks.detectors.part import KINDS, OWN, compared


def _figures(
    median: float | None, cpu_ms: float, *, length: float | None = RUN_LENGTH, blind: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "run_length": {"batches": length},
        "run_length_seasonal": {"batches": length},
        "cpu_ms": cpu_ms,
        "delays": {kind: {"median": HORIZON if kind in blind else median} for kind in KINDS},
    }


def test_all_bars_are_met_by_one_that_is_twice_as_fast_and_half_as_dear() -> None:
    told = compared({OWN: _figures(4.0, 0.5), "a": _figures(8.0, 1.0), "b": _figures(9.0, 7.0)})
    assert all(told["bars"].values())
    assert (told["delay_ratio"], told["cpu_ratio"]) == (0.5, 0.5)


def test_a_cheap_peer_that_is_blind_to_a_kind_of_move_is_no_yardstick_for_cost() -> None:
    cheap = _figures(8.0, 0.01, blind=("scale 1.25",))
    told = compared({OWN: _figures(4.0, 0.5), "cheap": cheap, "dear": _figures(9.0, 1.0)})
    assert (told["fastest_peer"], told["cheapest_peer"]) == ("cheap", "dear")
    assert all(told["bars"].values())


@pytest.mark.parametrize("length", [None, 0.69 * RUN_LENGTH, 1.51 * RUN_LENGTH])
def test_a_run_length_outside_the_range_or_without_any_alarm_misses_its_bar(length: float | None) -> None:
    bars = compared({OWN: _figures(4.0, 0.5, length=length), "a": _figures(9.0, 2.0)})["bars"]
    assert list(bars.values()) == [False, False, True, True]


def test_without_a_stream_that_began_quiet_a_delay_counts_as_missed() -> None:
    bars = compared({OWN: _figures(None, 0.5), "a": _figures(9.0, 2.0)})["bars"]
    assert list(bars.values()) == [True, True, False, True]
