"""Rows that move are told with their column, and touch nothing; a usual day is not told at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_pipeline.healing.acts import MODEL
from tests.reference_pipeline.healing.worlds import run
from tests.reference_pipeline.learning import LearningPath, live, move, units


@pytest.mark.parametrize(
    ("knob", "value", "column"), [("phone_share", 0.4, "channel=phone"), ("amount_scale", 4.0, "log_amount")]
)
def test_a_covariate_shift_is_told_by_its_column(
    tmp_path: Path, whole_template: Path, knob: str, value: float, column: str
) -> None:
    given = units(whole_template, seed=21, length_s=30, moves=(move(knob, value, 10.0),))

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        told = [one for one in path.entries if one.target == "rows"]
        assert told
        assert all(one.at_s - path.start_s > 10.0 for one in told)
        assert any(one.reason.startswith(f"{column} has moved") for one in told)

    run(live(tmp_path, whole_template, story))


def test_a_day_and_a_half_as_usual_is_not_told(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=22, length_s=180, delay_s=1e6)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert [one.reason for one in path.entries if one.target in ("rows", "scores", MODEL)] == []

    run(live(tmp_path, whole_template, story))
