"""Healers that look at nothing: what they do, and that what measures healing tells them from a good one."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from harness.campaign.model import RunRow
from harness.campaign.outcomes import outcomes
from harness.experiment.model import Gate
from harness.verdict.baseline import times_of
from harness.verdict.gate import Scale, judge_gate
from reference_pipeline.degenerate import EVERY_S, turns
from tests.harness.campaign.campaign_kit import LONG, chunk_of, written
from tests.harness.verdict.gate_kit import baseline_of

PAIRS = 3


def first(word: str, count: int, seed: int = 1) -> list[tuple[float, str]]:
    dice = np.random.default_rng(seed).random
    return list(itertools.islice(turns(word, ["a", "b", "c"], dice), count))


def test_who_always_acts_restarts_one_service_after_the_other() -> None:
    assert first("always", 4) == [(EVERY_S, "a"), (EVERY_S, "b"), (EVERY_S, "c"), (EVERY_S, "a")]


def test_who_never_acts_never_does() -> None:
    assert first("never", 4) == []


def test_who_acts_at_random_acts_as_often_and_on_each() -> None:
    acts = first("random", 3000)
    assert np.mean([wait_s for wait_s, _ in acts]) == pytest.approx(EVERY_S, rel=0.1)
    assert {name for _, name in acts} == {"a", "b", "c"}
    assert all(sum(name == one for _, name in acts) > 800 for one in "abc")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> tuple[RunRow, ...]:
    """A few pairs of worlds in which the gateway hangs, in each of these arms."""
    folder = tmp_path_factory.mktemp("degenerate")
    file = written(folder, arms="none, never, always, random", sham=True, lengths=LONG)
    return chunk_of(file, small_template, pairs_max=PAIRS, pairs_a_chunk=PAIRS)(0)


def of_arm(rows: tuple[RunRow, ...], arm: str) -> list[RunRow]:
    return [row for row in rows if row.arm == arm]


@pytest.mark.slow
def test_who_never_acts_is_as_good_as_nobody(rows: tuple[RunRow, ...]) -> None:
    nobody, never = (
        {(row.pair, row.sham): (row.good, row.acts, row.episodes) for row in of_arm(rows, arm)}
        for arm in ("none", "never")
    )
    assert len(nobody) == 2 * PAIRS
    assert never == nobody


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["always", "random"])
def test_acts_without_a_reason_breach_a_gate(rows: tuple[RunRow, ...], arm: str) -> None:
    gate = Gate(false_heals_per_h=1.0)
    baseline = baseline_of(dict(times_of(outcomes("before", "never", rows))))
    found = outcomes("now", arm, rows)
    verdict = judge_gate([Scale(gate, baseline)], found)
    assert verdict.word == "FAIL"
    assert "false heals an hour" in verdict.why
    sound = judge_gate([Scale(gate, baseline)], outcomes("now", "never", rows))
    assert sound.word != "FAIL"


@pytest.mark.slow
def test_all_runs_of_them_count(rows: tuple[RunRow, ...]) -> None:
    assert [row.why for row in rows] == [""] * (8 * PAIRS)
    assert all(row.exactly_once for row in rows)
