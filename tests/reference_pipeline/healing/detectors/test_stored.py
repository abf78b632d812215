"""The watch over rows as the template keeps it: read back, it says the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.errors import BadTemplate
from reference_pipeline.healing.detectors.scan import Scan, step
from reference_pipeline.healing.detectors.stored import FILE, load_row_watch, make_row_watch, save_row_watch

FEATURES = ("amount", "hour_sin", "age")
DAYS, BATCH = 28, 100


def _rows(dice: np.random.Generator, count: int) -> np.ndarray:
    hour = np.arange(count) / BATCH % 24
    amount = dice.lognormal(3.0, 1.0, count) * (1.0 + 0.3 * np.sin(hour / 24 * 2 * np.pi))
    age = np.where(dice.random(count) < 0.05, np.nan, dice.normal(size=count))
    return np.column_stack([amount, np.sin(hour / 24 * 2 * np.pi), age])


def test_what_is_read_back_says_the_same_of_any_batch(tmp_path: Path) -> None:
    dice = np.random.default_rng(1)
    rows = _rows(dice, DAYS * 24 * BATCH)
    made = make_row_watch(rows, dice.beta(1, 20, len(rows)), features=FEATURES, version="1.0.0", dice=dice)
    save_row_watch(made, tmp_path)
    read = load_row_watch(tmp_path)
    assert read is not None
    assert [group.name for group in read.rows.groups] == ["amount", "amount missing", "age", "age missing"]
    states = [Scan.fresh(made.rows), Scan.fresh(read.rows)]
    for hour in range(30):
        batch, scores = _rows(dice, BATCH), dice.beta(1, 20, BATCH)
        assert read.score_components(scores) == pytest.approx(made.score_components(scores))
        readings = []
        for number, watch in enumerate((made, read)):
            states[number], reading = step(watch.rows, states[number], watch.row_components(batch), hour)
            readings.append(reading)
        assert readings[0].says == readings[1].says
        assert readings[0].statistic == pytest.approx(readings[1].statistic)


def test_a_system_without_one_has_none_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert load_row_watch(tmp_path) is None
    (tmp_path / FILE).write_bytes(b"torn")
    with pytest.raises(BadTemplate):
        load_row_watch(tmp_path)
