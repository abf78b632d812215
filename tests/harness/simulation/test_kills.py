"""Hundreds of kills at random instants: nothing of the dead writes, sends or says anything, ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.simulation.dying import (
    Deaths,
    by_cancelling,
    by_dropping,
    kill_services,
    kill_victims,
    pipeline_of,
)
from tests.tiers import few


@pytest.mark.parametrize("seed", few(range(3), 1))
def test_nothing_of_a_killed_victim_reaches_anything_neither_then_nor_at_the_end(seed: int) -> None:
    deaths = kill_victims(100, seed)
    assert deaths.seen() == []
    assert (deaths.kills, deaths.lives) == (100, 100)
    assert deaths.refused > 300, "this is about blocks that do run when a world is closed"


@pytest.mark.parametrize("worlds", few([2, 10], 1))
def test_nothing_of_a_killed_service_reaches_anything_and_what_it_had_accepted_is_delivered(
    small_template: Path, worlds: int
) -> None:
    pipeline, deaths = pipeline_of(small_template), Deaths()
    for seed in range(worlds):
        deaths.add(kill_services(pipeline, 20, seed))
    assert deaths.seen() == []
    assert deaths.kills == 20 * worlds
    assert deaths.lives >= deaths.kills + worlds * 8, "each kill is followed by another life"
    assert deaths.accepted > 500 * worlds
    assert deaths.lost == 0


@pytest.mark.parametrize("kill", few([by_cancelling, by_dropping], 1))
def test_an_end_that_is_no_kill_is_seen(kill) -> None:
    deaths = kill_victims(5, seed=1, kill=kill)
    assert len(deaths.seen()) > 5
