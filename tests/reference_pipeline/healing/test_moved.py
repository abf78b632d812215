"""Rows that move are told with their column, and touch nothing; a usual day is not told at all."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reference_pipeline.healing.acts import MODEL
from reference_pipeline.healing.care import SILENT
from reference_pipeline.healing.detectors.stored import LEARNED
from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.model_ports import RowBatch, RowBatches
from reference_pipeline.healing.moved import Moved
from reference_pipeline.healing.refused_fields import RefusedBatches
from reference_pipeline.healing.scribe import Scribe
from reference_pipeline.healing.version_scores import VersionScores
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import Clock
from tests.reference_pipeline.learning import FIT_S, LearningPath, Units, live, move, published, units
from tests.reference_pipeline.watches import FIRST, few_rows
from tests.virtual import passes, run

QUIET = ("rows", "scores", "fields", MODEL)


def _detected(path: LearningPath, *targets: str) -> list[str]:
    return [one.reason for one in path.entries if one.kind == "detected" and one.target in targets]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("knob", "value", "told"),
    [
        ("phone_share", 0.4, "channel has moved: phone up"),
        ("amount_scale", 4.0, "(log_amount|amount_over_mean|amount_z) has moved: (place|width) up"),
    ],
)
def test_a_covariate_shift_is_told_by_its_column(
    tmp_path: Path, whole_template: Path, knob: str, value: float, told: str
) -> None:
    given = units(whole_template, seed=21, length_s=30, moves=(move(knob, value, 10.0),))

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        found = [one for one in path.entries if one.target == "rows"]
        assert all(one.at_s - path.start_s > 10.0 for one in found)
        assert any(re.fullmatch(told, one.reason) for one in found)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_a_day_and_a_half_as_usual_is_not_told(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=22, length_s=180, delay_s=1e6)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert [one.reason for one in path.entries if one.target in QUIET] == [SILENT], "nobody tells a label"

    run(live(tmp_path, whole_template, story))


def _spoiled(given: Units, field: str, value: object, *, share: float, from_s: float) -> None:
    """Let ``field`` hold ``value`` in a share of the records from then on, as the driver would."""
    hit = (np.random.default_rng(1).random(len(given.due_s)) < share) & (given.due_s >= from_s)
    for index in np.flatnonzero(hit):
        given.records[index][field] = value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("amount", None, "amount missing has moved: share up"),
        ("category", "moonwalk", "category unknown level has moved: share up"),
        ("card_age_days", -1.0, "card_age_days invalid has moved: share up"),
    ],
)
def test_a_field_that_is_refused_is_told_by_its_name_and_none_of_it_is_learned(
    tmp_path: Path, whole_template: Path, field: str, value: object, told: str
) -> None:
    """Such records are quarantined: no row shows them."""
    given = units(whole_template, seed=27, length_s=20)
    _spoiled(given, field, value, share=0.05, from_s=10.0)
    refused = {f"u{index}" for index, one in enumerate(given.records) if one[field] == value}

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert _detected(path, "fields", "rows", "scores") == [told]
        (entry,) = [one for one in path.entries if one.reason == told]
        assert entry.at_s - path.start_s > 10.0
        with closing(sqlite3.connect(tmp_path / "learner.db")) as store:
            learned = {key for (key,) in store.execute("SELECT key FROM log_known")}
        assert len(refused) > 50
        assert len(learned) > 3000
        assert not refused & learned

    run(live(tmp_path, whole_template, story))


def test_a_field_that_is_always_refused_is_told_though_nothing_is_decided(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=28, length_s=6)
    _spoiled(given, "amount", None, share=1.0, from_s=2.0)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert "amount missing has moved: share up" in _detected(path, "fields")

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "shift"), [(0.0, -4.0), (0.5, -1.0)])
def test_a_constant_and_a_wrongly_calibrated_version_are_told_by_their_scores(
    tmp_path: Path, whole_template: Path, scale: float, shift: float
) -> None:
    """Without a single label. The first serves for a second: then its golden rows are looked at."""
    before = units(whole_template, seed=29, length_s=3, delay_s=1e6)
    given = units(whole_template, seed=23, length_s=10, delay_s=1e6)

    async def story(path: LearningPath) -> None:
        await path.decide(before)
        path.registry.set_alias("champion", published(path, "1.1.0", scale, shift))
        await path.decide(given)
        (told,) = _detected(path, "scores")
        assert told.startswith("score has moved with the version: ")
        assert told.endswith("one for everybody") is (scale == 0.0)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_scores_that_move_under_a_later_version_are_told(tmp_path: Path, whole_template: Path) -> None:
    """The same trees under another name: its reference is made while it serves."""
    moves = (move("amount_scale", 4.0, 20.0),)
    given = units(whole_template, seed=24, length_s=30, moves=moves, delay_s=1e6)

    async def story(path: LearningPath) -> None:
        path.registry.set_alias("champion", published(path, "1.1.0", 1.0, 0.0))
        await path.decide(given)
        found = [one for one in path.entries if one.target == "scores" and one.kind == "detected"]
        assert found
        assert all(one.reason.startswith("score has moved: bin ") for one in found)
        assert all(one.at_s - path.start_s > 20.0 for one in found)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_a_sound_version_that_begins_to_serve_is_quiet_for_a_day(
    tmp_path: Path, whole_template: Path
) -> None:
    """It has learned from forty seconds of labels; then a day goes by, and its scores are looked at."""
    lesson = units(whole_template, seed=25, length_s=40)
    day = units(whole_template, seed=26, length_s=120, delay_s=1e6)

    async def story(path: LearningPath) -> None:
        await path.decide(lesson)
        handle, body = path.learner.handle, json.dumps({"kind": "adapt", "after": 0}).encode()
        for _ in range(3):
            told = json.loads((await handle("PUT /trainings/lesson", body)).body)
            await passes(FIT_S)
        assert told["state"] == "published", told
        path.registry.set_alias("champion", told["version"])
        before = len(path.entries)
        await path.decide(day)
        # That labels stop is told, and is another matter.
        told_since = [one for one in path.entries[before:] if one.kind == "detected"]
        assert [one.reason for one in told_since if one.target in QUIET] == []
        page = msgspec.json.decode((await handle("GET /batches", b"")).body)["batches"]
        seen = [one for one in page if one["version"] == told["version"] and one["scores"]]
        assert len(seen) > 40

    run(live(tmp_path, whole_template, story))


@dataclass
class Silent:
    """A learner of a system whose stored rows are few: batches name their version and hold nothing else."""

    batch: RowBatch

    async def batches(self, after: int, limit: int, /) -> RowBatches:
        return RowBatches(batches=(self.batch,)[after:limit], last=1, serving=FIRST)

    async def refused(self, after: int, limit: int, /) -> RefusedBatches:
        assert after < limit
        return RefusedBatches(names=("amount missing",), batches=(), last=0)

    async def version_scores(self, version: str, /) -> VersionScores:
        raise AssertionError(f"the template knows it: {version}")


def test_where_nothing_can_be_said_of_rows_and_scores_that_is_paged_once(tmp_path: Path) -> None:
    few = few_rows()
    batch = RowBatch(number=1, phase=0, rows=(), version=FIRST, scores=())
    with closing(SqliteStore(tmp_path / "store.db", (JOURNAL,))) as store:
        journal = Journal(store, "healer", "life")

        async def story() -> None:
            scribe = Scribe(journal, Clock(), "life", page_every_s=3600.0)
            moved = Moved(Silent(batch), scribe, few)  # type: ignore[arg-type]
            for _ in range(3):
                await moved.look()

        run(story)
        told = [(one.evidence.choice, one.reason) for one in journal.entries()]
    assert told == [
        ("page", "nothing can be said of rows: 900 stored rows where 10000 are needed"),
        ("page", f"nothing can be said of scores of {FIRST}: {LEARNED}"),
    ]
