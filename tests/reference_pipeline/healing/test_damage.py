"""A sentinel in the rows: left out of what is learned, for as long as it comes; a move as a whole is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.features import load_features
from reference_pipeline.healing.acts import Quarantine, Release
from reference_pipeline.healing.model_acts import Train
from reference_pipeline.jobs import DATA_FILE
from tests.reference_pipeline.learning import LearningPath, Units, live, move, units
from tests.virtual import run

SENTINEL = 9999.0


def _with_sentinels(given: Units, template: Path, *, share: float, from_s: float, until_s: float) -> Units:
    """The truth stays as it is; of some amounts the system is told a number for a missing one."""
    hit = np.random.default_rng(3).random(len(given.label)) < share
    hit &= (given.due_s >= from_s) & (given.due_s < until_s)
    for index in np.flatnonzero(hit):
        given.records[index]["amount"] = SENTINEL
    given.rows = load_features(template).rows(given.records)
    return given


def _acts(path: LearningPath, kind: type[Quarantine] | type[Release]) -> list[Quarantine | Release]:
    acts = [one.evidence.act for one in path.entries if one.kind == "action.started"]
    return [one for one in acts if isinstance(one, kind)]


def test_a_sentinel_is_left_out_of_every_training_and_taken_in_again_when_it_is_over(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=51, length_s=75)
    given = _with_sentinels(given, whole_template, share=0.3, from_s=10.0, until_s=25.0)
    column = load_features(whole_template).spec.features.index("log_amount")

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        (left_out,) = _acts(path, Quarantine)
        assert left_out.column == "log_amount"
        assert [type(one) for one in _acts(path, Release)] == [Release]
        verified = [one for one in path.entries if isinstance(one.evidence.act, Quarantine)]
        assert [one.evidence.ok for one in verified if one.kind == "verified"] == [True]
        for data in (tmp_path / "trainings").glob(f"*/{DATA_FILE}"):
            with np.load(data) as arrays:
                assert not (arrays["rows"][:, column] == left_out.value).any()

    run(live(tmp_path, whole_template, story))


def test_where_the_policy_does_not_allow_it_training_is_held_and_that_is_paged(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=52, length_s=30)
    given = _with_sentinels(given, whole_template, share=0.6, from_s=5.0, until_s=1e9)

    async def story(path: LearningPath) -> None:
        path.wires.world.policy.texts.append(b"{version: 1, allowed: [train, promote]}")
        await path.decide(given)
        assert not _acts(path, Quarantine)
        started = [one.evidence.act for one in path.entries if one.kind == "action.started"]
        assert not [act for act in started if isinstance(act, Train)]
        pages = [one.reason for one in path.entries if one.evidence.choice == "page"]
        assert "the policy does not allow to quarantine" in pages

    run(live(tmp_path, whole_template, story))


@pytest.mark.parametrize(("knob", "value"), [("amount_scale", 4.0), ("phone_share", 0.4)])
def test_a_column_that_moves_as_a_whole_is_not_left_out(
    tmp_path: Path, whole_template: Path, knob: str, value: float
) -> None:
    given = units(whole_template, seed=53, length_s=25, moves=(move(knob, value, 5.0),))

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert not _acts(path, Quarantine)

    run(live(tmp_path, whole_template, story))
