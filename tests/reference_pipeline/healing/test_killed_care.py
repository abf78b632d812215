"""The healer killed at any step of caring for the model: one effect, and the right version serves."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from reference_pipeline.healing.acts import MODEL
from tests.reference_pipeline.learning import LearningPath, live, move, published, units
from tests.virtual import passes, run

Story = Callable[[LearningPath], Coroutine[Any, Any, None]]


def _rolled_back(template: Path) -> Story:
    """A version that declines everybody is deployed; golden rows tell, before any label."""
    given = units(template, seed=61, length_s=12, delay_s=1e6)

    async def story(path: LearningPath) -> None:
        good = path.champion.version
        await passes(3.0)
        path.registry.set_alias("champion", published(path, "1.1.0", 0.0, 2.0))
        await path.decide(given)
        assert path.wires.moves == [good]
        assert path.champion.version == good

    return story


def _learned(template: Path) -> Story:
    """Orders by phone turn to fraud; a model is trained, and serves by steps."""
    given = units(template, seed=7, length_s=60, moves=(move("pattern_risk", 0.7, 10.0),))

    async def story(path: LearningPath) -> None:
        frozen = path.champion.version
        await path.decide(given)
        assert len(path.wires.moves) == 1
        assert path.champion.lineage["parent"] == frozen
        assert path.shares[-1] == 0.0

    return story


def _killed(folder: Path, template: Path, make: Callable[[Path], Story], at: int) -> bool:
    """Tell the story with a kill at step ``at``; False where it has fewer steps."""
    told: list[bool] = []

    async def story(path: LearningPath) -> None:
        path.fuse.at = path.fuse.steps + at
        await make(template)(path)
        entries = path.entries
        begun = [one for one in entries if one.kind == "action.started"]
        assert len(begun) == len([one for one in entries if one.kind == "action.finished"])
        assert not path.healer.books.begun.get(MODEL)
        told.append(path.fuse.steps >= path.fuse.at)

    folder.mkdir()
    run(live(folder, template, story))
    return told[0]


@pytest.mark.slow
@pytest.mark.parametrize("at", [4, 7, 10])
def test_killed_at_a_step_of_a_rollback_it_is_rolled_back_once(
    tmp_path: Path, whole_template: Path, at: int
) -> None:
    assert _killed(tmp_path / "here", whole_template, _rolled_back, at)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("make", "every", "least"), [(_rolled_back, 1, 8), (_learned, 3, 24)])
def test_killed_at_any_step_of_a_cure_there_is_one_cure(
    tmp_path: Path, whole_template: Path, make: Callable[[Path], Story], every: int, least: int
) -> None:
    at = 1
    while _killed(tmp_path / str(at), whole_template, make, at):
        at += every
    assert at > least
