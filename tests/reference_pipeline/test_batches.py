"""Batches of decided rows: who scored them, and when a share of them says nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from reference_pipeline.batches import Batch, Batches, Scored
from reference_pipeline.healing.detectors.calendar import PHASES
from reference_pipeline.healing.detectors.histogram import Bins
from reference_pipeline.healing.detectors.stored import RowWatch
from tests.reference_pipeline.watches import FIRST, Scorer, small_watch

SIZE = 20


@pytest.fixture(scope="module")
def watch() -> RowWatch:
    return small_watch()


def _bins(watch: RowWatch, *known: str) -> dict[str, Bins]:
    assert watch.scores.bins is not None
    return dict.fromkeys(known, watch.scores.bins)


def _made(watch: RowWatch | None, models: Sequence[str], known: dict[str, Bins]) -> list[Batch]:
    values = np.random.default_rng(3).random((len(models), 1))
    scores = Scorer().score(values)
    batches = Batches(watch, known.get)
    batches.take(
        [
            Scored(row=row, record={"amount": float(row[0])}, score=float(score), model=model, event_s=3601.0)
            for row, score, model in zip(values, scores, models, strict=True)
        ]
    )
    return batches.page(0, 100)


def test_a_batch_names_the_version_that_scored_it_and_the_hour_of_its_events(watch: RowWatch) -> None:
    first, second = _made(watch, [FIRST] * 2 * SIZE + [FIRST], _bins(watch, FIRST))
    assert (first.number, second.number, first.phase) == (1, 2, 2)
    assert (first.version, second.version) == (FIRST, FIRST)
    assert len(first.rows) == 3
    assert watch.scores.bins is not None
    assert len(first.scores) == len(watch.scores.bins.group.parts)


def test_scores_are_there_for_any_version_with_a_reference_and_for_no_other(watch: RowWatch) -> None:
    models = ["2.0.0+b"] * SIZE + ["3.0.0+c"] * SIZE
    known, unknown = _made(watch, models, _bins(watch, FIRST, "2.0.0+b"))
    assert (known.version, bool(known.scores)) == ("2.0.0+b", True)
    assert (unknown.version, unknown.scores, bool(unknown.rows)) == ("3.0.0+c", [], True)


@pytest.mark.parametrize(("fallback", "version"), [(5, FIRST), (6, "")])
def test_a_version_must_have_scored_three_quarters_and_what_a_fallback_said_is_not_its_score(
    watch: RowWatch, fallback: int, version: str
) -> None:
    (batch,) = _made(watch, [""] * fallback + [FIRST] * (SIZE - fallback), _bins(watch, FIRST))
    assert (batch.version, bool(batch.scores)) == (version, bool(version))


def test_a_batch_that_a_fallback_answered_names_nobody(watch: RowWatch) -> None:
    (batch,) = _made(watch, [""] * SIZE, _bins(watch, FIRST))
    assert (batch.version, batch.scores) == ("", [])


def test_without_a_watch_there_are_no_batches() -> None:
    assert _made(None, [FIRST] * 100, {}) == []


def test_where_a_cycle_is_known_a_batch_is_of_a_half_hour_and_raw_ones_are_of_all_rows(
    watch: RowWatch,
) -> None:
    cyclic = dataclasses.replace(watch, period=PHASES)
    batches = Batches(cyclic, {}.get)
    batches.take(
        [
            Scored(row=np.array([0.5]), record={"amount": 0.5}, score=0.1, model=FIRST, event_s=10.0 * n)
            for n in range(720)  # two hours
        ]
    )
    assert [one.phase for one in batches.page(0, 10)] == [0, 1, 2]
    assert [one.number for one in batches.raw_page(0, 100)] == list(range(1, 37))
    assert (batches.last, batches.last_raw) == (3, 36)
