"""Labels of one part that lie: what they teach is left out, and the model is healed on the rest."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reference_pipeline.healing.acts import Quarantine, Release
from reference_pipeline.healing.model_acts import Promote, Train
from reference_pipeline.healing.sliced_rows import SlicedRows
from reference_pipeline.healing.vanished import HELD_ROWS, Vanished
from reference_pipeline.jobs import DATA_FILE
from tests.reference_pipeline.learning import LearningPath, Units, live, move, units
from tests.virtual import run

WEB = "channel=web"


def _poisoned(given: Units, channel: str, *, from_s: float, until_s: float = 1e9) -> Units:
    """Frauds by one channel are told to be none."""
    there = np.array([record["channel"] == channel for record in given.records])
    hit = there & (given.due_s >= from_s) & (given.due_s < until_s)
    given.label = np.where(hit & (given.label == 1), 0, given.label).astype(np.int8)
    return given


def _started(path: LearningPath, kind: type[Quarantine | Release | Train | Promote]) -> list[object]:
    acts = [one.evidence.act for one in path.entries if one.kind == "action.started"]
    return [one for one in acts if isinstance(one, kind)]


def _losses(path: LearningPath, given: Units, from_s: float) -> tuple[float, float]:
    """Mean cost of a decision as served, and as the version that served first would have decided."""
    later = given.due_s >= from_s
    p, declined = given.posterior[later], np.concatenate(path.declined)[later]
    first = path.registry.versions()[0]
    model = path.models[first.version]
    plain = (model.score(given.rows) >= model.threshold)[later]
    served, alone = (float(np.where(one, 1 - p, 20 * p).mean()) for one in (declined, plain))
    return served, alone


@pytest.mark.slow
def test_a_healer_that_must_learn_from_poisoned_labels_makes_nothing_worse(
    tmp_path: Path, whole_template: Path
) -> None:
    """Frauds on the web are hidden; then orders by phone become a little worse, and a model is trained."""
    given = units(whole_template, seed=61, length_s=110, moves=(move("pattern_risk", 0.15, 40.0),))
    given = _poisoned(given, "web", from_s=10.0)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert _started(path, Quarantine) == [Quarantine(column=WEB, value=1.0)]
        assert _started(path, Train)
        assert _started(path, Promote)
        served, alone = _losses(path, given, 10.0)
        assert served < alone
        web = path.learner._features.spec.features.index(WEB)
        for data in (tmp_path / "trainings").glob(f"*/{DATA_FILE}"):
            with np.load(data) as arrays:
                assert not (arrays["rows"][:, web] == 1.0).any()

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_a_part_is_taken_in_again_when_its_positives_are_back(tmp_path: Path, whole_template: Path) -> None:
    given = _poisoned(units(whole_template, seed=66, length_s=80), "web", from_s=5.0, until_s=30.0)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert _started(path, Quarantine) == [Quarantine(column=WEB, value=1.0)]
        assert _started(path, Release) == [Release(column=WEB, value=1.0)]
        assert not _started(path, Promote)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_where_the_policy_leaves_no_part_out_training_is_held(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=62, length_s=60, moves=(move("pattern_risk", 0.4, 35.0),))
    given = _poisoned(given, "web", from_s=5.0)

    async def story(path: LearningPath) -> None:
        path.wires.world.policy.texts.append(b"{version: 1, allowed: [train, promote]}")
        await path.decide(given)
        assert not _started(path, Train)
        said = [one.reason for one in path.entries if one.evidence.choice == "refrain"]
        assert f"training is held: positives have gone where {WEB}" in said

    run(live(tmp_path, whole_template, story))


class _Hidden:
    """Labels after ``newest``: a quarter of the rows is of the part, one in fifty a fraud, none is told."""

    def __init__(self, newest: int) -> None:
        self.newest = newest

    async def slices(self, after: int, limit: int) -> SlicedRows:
        last = min(after + limit, self.newest)
        count = max(0, last - after)
        inside = [[0] if number % 4 == 0 else [] for number in range(count)]
        label = [int(number % 50 == 1) for number in range(count)]
        return SlicedRows(
            newest=self.newest,
            last=last,
            names=[WEB],
            parts=inside,
            score=[0.02] * count,
            label=label,
            degraded=[False] * count,
        )


def test_a_healer_that_is_started_again_takes_nothing_back_in_that_it_has_not_seen_come_back() -> None:
    """It reads fewer labels again than it once took to find that they lie; and it waits anew."""
    books = SimpleNamespace(quarantined={WEB: 1.0})
    scribe = SimpleNamespace(books=books)
    again = Vanished(_Hidden(3 * HELD_ROWS), scribe)  # type: ignore[arg-type]
    for _ in range(3):
        assert asyncio.run(again.look()) == []
    assert again.why_held() == ""
