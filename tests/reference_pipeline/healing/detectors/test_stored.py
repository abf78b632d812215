"""The watch over rows as the template keeps it: read back, it says the same; without one, why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reference_pipeline.errors import BadTemplate
from reference_pipeline.healing.detectors.columns import UNKNOWN
from reference_pipeline.healing.detectors.histogram import score_components
from reference_pipeline.healing.detectors.scan import Scan, step
from reference_pipeline.healing.detectors.stored import (
    FILE,
    LEARNED,
    Past,
    RowWatch,
    load_row_watch,
    load_score_rows,
    make_row_watch,
    save_row_watch,
)
from reference_pipeline.records import FeatureSpec, FieldSpec

Floats = NDArray[np.float64]

SPEC = FeatureSpec(
    kind="transactions",
    fields=(
        FieldSpec(name="amount", type="number"),
        FieldSpec(name="age", type="number", nullable=True),
        FieldSpec(name="channel", type="string", nullable=True, categories=("pos", "web")),
    ),
    features=("amount", "hour_sin", "age", "channel=pos", "channel=web"),
    time_field="at",
)
GROUPS = ["amount", "amount missing", "age", "age missing", "channel", "channel missing"]
DAYS, BATCH = 28, 100


def _rows(dice: np.random.Generator, count: int) -> Floats:
    hour = np.arange(count) / BATCH % 24
    amount = dice.lognormal(3.0, 1.0, count) * (1.0 + 0.3 * np.sin(hour / 24 * 2 * np.pi))
    age = np.where(dice.random(count) < 0.05, np.nan, dice.normal(size=count))
    web = dice.random(count) < 0.3
    return np.column_stack([amount, np.sin(hour / 24 * 2 * np.pi), age, ~web, web])


def _none(rows: Floats) -> NDArray[np.bool_]:
    return np.zeros((len(rows), 1), dtype=np.bool_)


def _score(rows: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(6.0 - np.log(rows[:, 0]))))


def _past(count: int = DAYS * 24 * BATCH, *, period: int = 24, learned: bool = False) -> Past:
    rows = _rows(np.random.default_rng(1), count)
    return Past(rows=rows, nulls=_none(rows), period=period, learned=learned)


def _made(past: Past) -> RowWatch:
    return make_row_watch(past, _score, spec=SPEC, version="1.0.0", dice=np.random.default_rng(2))


@pytest.fixture(scope="module")
def made() -> RowWatch:
    return _made(_past())


def _read_back(found: RowWatch, past: Past, folder: Path) -> RowWatch:
    save_row_watch(found, folder, past=past)
    read = load_row_watch(folder)
    assert read is not None
    return read


def test_what_is_read_back_says_the_same_of_any_batch(tmp_path: Path, made: RowWatch) -> None:
    read = _read_back(made, _past(), tmp_path)
    assert made.rows is not None
    assert read.rows is not None
    assert [group.name for group in read.rows.groups] == GROUPS
    assert (read.shape, read.scores.version, read.why) == ((24, BATCH), "1.0.0", "")
    dice, states = np.random.default_rng(3), [Scan.fresh(made.rows), Scan.fresh(read.rows)]
    for hour in range(30):
        batch, readings = _rows(dice, BATCH), []
        for number, (watch, base) in enumerate(((made, made.rows), (read, read.rows))):
            states[number], reading = step(
                base, states[number], watch.row_components(batch, _none(batch)), hour
            )
            readings.append(reading)
        assert readings[0] == readings[1]
        assert made.scores.bins is not None
        assert read.scores.bins is not None
        ours, theirs = (score_components(one.scores.bins, _score(batch)) for one in (made, read))
        assert ours == pytest.approx(theirs)


def test_the_stored_rows_are_there_for_versions_to_come(tmp_path: Path, made: RowWatch) -> None:
    past = _past()
    save_row_watch(made, tmp_path, past=past)
    rows = load_score_rows(tmp_path)
    assert rows is not None
    np.testing.assert_allclose(rows, past.rows, rtol=1e-6)


@pytest.mark.parametrize(
    ("level", "told"), [("none", f"channel/{UNKNOWN}"), ("null", "channel missing/share")]
)
def test_a_level_that_was_never_seen_and_one_that_is_not_there_are_two_things(
    made: RowWatch, level: str, told: str
) -> None:
    batch = _rows(np.random.default_rng(4), BATCH)
    nulls = _none(batch)
    batch[:20, 3:] = 0.0
    nulls[:20] = level == "null"
    found = made.row_components(batch, nulls)
    assert found is not None
    assert made.rows is not None
    names = [f"{group.name}/{part}" for group in made.rows.groups for part in group.parts]
    loud = {name for name, value in zip(names, found.tolist(), strict=True) if value > 5.0}
    assert loud == {told}


def test_samples_are_the_watched_features_sorted_and_without_what_is_missing(made: RowWatch) -> None:
    samples = made.samples()
    assert list(samples) == ["amount", "age", "channel=pos", "channel=web"]
    assert all((np.diff(values) >= 0).all() for values in samples.values())
    assert len(samples["age"]) < len(samples["amount"]) == 2000


def test_rows_without_a_known_cycle_come_in_as_small_batches_as_carry_them() -> None:
    found = _made(_past(12_500, period=1))
    assert found.rows is not None
    assert found.shape == (1, 25)
    assert len(found.rows.mean) == 1


def test_too_few_rows_say_so_and_keep_their_sample(tmp_path: Path) -> None:
    past = _past(900, period=1, learned=True)
    read = _read_back(_made(past), past, tmp_path)
    assert (read.reference, read.rows) == (None, None)
    assert read.why == "900 stored rows where 10000 are needed"
    assert read.row_components(past.rows[:100], past.nulls[:100]) is None
    assert len(read.scores.sample) == len(read.sample) == 900


def test_scores_of_rows_that_were_learned_from_are_no_reference(tmp_path: Path) -> None:
    past = _past(12_500, period=1, learned=True)
    read = _read_back(_made(past), past, tmp_path)
    assert read.rows is not None
    assert (read.scores.baseline, read.scores.why) == (None, LEARNED)
    assert load_score_rows(tmp_path) is None


def test_a_system_without_one_has_none_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert load_row_watch(tmp_path) is None
    assert load_score_rows(tmp_path) is None
    (tmp_path / FILE).write_bytes(b"torn")
    with pytest.raises(BadTemplate):
        load_row_watch(tmp_path)
