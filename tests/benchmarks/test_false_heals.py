"""Rates at two paces: when they agree, and what makes a table worth nothing."""

from __future__ import annotations

import json

import pytest

from benchmarks.false_heals import WITHIN_S, figures
from harness.campaign.table import Ending, Table, table_of
from harness.campaign.tally import Tally
from tests.harness.campaign.rows_kit import episode, question, row

AGREE, SOUND = "both rates agree within their intervals", "every run counts, every record exactly once"


def table(runs: int, heals: int, *, hours_a_run: float = 24.0, unseen: int = 0, **changes: bool) -> Table:
    """Sham runs of one arm, the first with all false heals; in the last ``unseen`` ones nobody sees acts."""
    tally = Tally()
    for pair in range(runs):
        quiet = row(
            pair,
            "reference",
            episode(None, impact_ms=None),
            sham=True,
            false_heals=heals if not pair else 0,
            unbroken_ms=int(hours_a_run * 3_600_000),
            sees_acts=pair < runs - unseen,
            **changes,
        )
        tally.add_pair([quiet])
    return table_of(question(), tally, Ending(stopped="all", digest=""))


def missed(sparse: Table, dense: Table, length_s: float = 100.0) -> list[str]:
    bars = figures({"sparse": sparse, "dense": dense}, length_s)["bars"]
    assert isinstance(bars, dict)
    return [words for words, met in bars.items() if not met]


def test_rates_that_agree_in_time_meet_every_bar() -> None:
    assert missed(table(30, 2), table(2, 0)) == []


@pytest.mark.parametrize(
    ("sparse", "dense", "length_s", "bar"),
    [
        (table(30, 0), table(2, 9), 1.0, AGREE),
        (table(30, 300), table(2, 0), 1.0, AGREE),
        (table(30, 0, unseen=30), table(2, 0), 1.0, AGREE),
        (table(30, 0), table(2, 0, unseen=2), 1.0, AGREE),
        (table(30, 0, unseen=1), table(2, 0), 1.0, AGREE),
        (table(30, 0), table(2, 0, hours_a_run=0.0), 1.0, AGREE),
        (table(30, 0, exactly_once=False), table(2, 0), 1.0, SOUND),
        (table(30, 0), table(0, 0), 1.0, SOUND),
        (table(30, 0), table(2, 0), WITHIN_S + 1, f"within {WITHIN_S:g} s"),
    ],
)
def test_what_misses_a_bar(sparse: Table, dense: Table, length_s: float, bar: str) -> None:
    assert bar in missed(sparse, dense, length_s)


def test_what_is_told_has_its_interval() -> None:
    runs = figures({"sparse": table(30, 3), "dense": table(2, 0)}, 1.0)["runs"]
    assert isinstance(runs, dict)
    (sparse,) = runs["sparse"]
    assert (sparse["false_heals"], sparse["hours"]) == (3, 720.0)
    assert sparse["low_per_h"] < 3 / 720 < sparse["high_per_h"]


def test_where_no_run_sees_acts_there_is_no_upper_end_and_the_result_can_be_written() -> None:
    told = figures({"sparse": table(30, 0, unseen=30), "dense": table(2, 0)}, 1.0)
    (sparse,) = json.loads(json.dumps(told, allow_nan=False))["runs"]["sparse"]
    assert (sparse["hours"], sparse["blind"], sparse["per_h"], sparse["high_per_h"]) == (0.0, 30, None, None)
