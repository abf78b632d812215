"""The arm's recipes for models, as written: what retrains, what serves then, what is rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.model import Entry
from reference_pipeline.healing.model_ports import (
    Compared,
    KnownRows,
    ModelVersion,
    RowBatches,
    TrainingState,
)
from reference_pipeline.healing.ports import DeadLetters
from reference_pipeline.healing.raw_rows import RawBatch, RawBatches
from reference_pipeline.records import Costs
from reference_pipeline.seed.learning import SeedLearning
from reference_pipeline.stores import SqliteStore
from reference_pipeline.training import evaluate
from tests.reference_pipeline.seed.virtual import VirtualClock


class Over(Exception):
    """Enough looks."""


class SomeLooks(VirtualClock):
    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    async def rest_s(self, seconds: float, /) -> float:
        await self.sleep_s(seconds)
        return seconds

    async def sleep_s(self, seconds: float, /) -> None:
        await super().sleep_s(seconds)
        if len(self.waits_s) == self.looks:
            raise Over


@dataclass
class System:
    """Learner and registry as the recipes see them: one batch a look, trainings that last three looks."""

    clock: SomeLooks
    mean: Callable[[int], float] = lambda _: 0.0
    hour: Callable[[int], int] = lambda _: 3
    wrong: Callable[[float], int] = lambda _: 0
    rate: Callable[[int], float] = lambda _: 250.0
    score: Callable[[int], float] = lambda _: 0.1
    accepted: float = 0.0
    accuracy: float = 0.98
    accuracy_before: float = 0.98
    served: str = "1.0.0"
    versions_there: list[str] = field(default_factory=lambda: ["1.0.0"])
    asked: list[str] = field(default_factory=list)
    promoted: list[str] = field(default_factory=list)
    dice: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    async def numbers(self, service: str, /) -> Mapping[str, float]:
        assert service == "gateway"
        self.accepted += self.rate(len(self.clock.waits_s))
        return {"accepted_total": self.accepted}

    async def boot_id(self, service: str, deadline_s: float, /) -> str:
        raise AssertionError(f"another recipe asks that: {service} {deadline_s}")

    async def dead_letters(self, after: int, limit: int, /) -> DeadLetters:
        raise AssertionError(f"the recipes read none: {after} {limit}")

    async def raw_batches(self, after: int, limit: int, /) -> RawBatches:
        assert limit > 0
        rows = self.dice.random((100, 1)) + self.mean(after + 1)
        batch = RawBatch(
            number=after + 1,
            hour=self.hour(after + 1),
            rows=tuple(tuple(row) for row in rows.tolist()),
            scores=(self.score(after + 1),) * 100,
        )
        return RawBatches(batches=(batch,), last=after + 1)

    async def known(self, after: int, limit: int, /) -> KnownRows:
        raise AssertionError(f"the recipes look at no label: {after} {limit}")

    async def batches(self, after: int, limit: int, /) -> RowBatches:
        raise AssertionError(f"the recipes have no scan: {after} {limit}")

    async def compare(self, versions: Sequence[str], after: int, /) -> Compared:
        golden = {name: (50, self.wrong(self.clock.now_s())) for name in versions}
        return Compared(last=after, losses=dict.fromkeys(versions, ()), golden=golden)

    async def train(self, key: str, kind: str, after: int, /) -> TrainingState:
        assert (kind, after) == ("anew", 0)
        self.asked.append(key)
        if self.asked.count(key) < 3:
            return TrainingState(state="waiting")
        version = f"1.{len(set(self.asked))}.0"
        self.versions_there.append(version)
        return TrainingState(state="published", version=version)

    async def aliases(self) -> Mapping[str, str]:
        return {"champion": self.served}

    async def versions(self) -> Sequence[ModelVersion]:
        def accuracy(name: str) -> float:
            return self.accuracy_before if name == "1.0.0" else self.accuracy

        return [
            ModelVersion(version=name, metrics={"accuracy": accuracy(name)}, lineage={})
            for name in self.versions_there
        ]

    async def promote(self, version: str, was: str, /) -> None:
        assert was == self.served
        self.promoted.append(version)
        self.served = version


@dataclass
class WithChannel(System):
    """Each batch has 100 rows of two channels as well, ``web(number)`` of them from the web."""

    web: Callable[[int], int] = lambda _: 50

    async def raw_batches(self, after: int, limit: int, /) -> RawBatches:
        page = await super().raw_batches(after, limit)
        (batch,) = page.batches
        web = self.web(batch.number)
        rows = tuple((*row, float(n < web), float(n >= web)) for n, row in enumerate(batch.rows))
        return RawBatches(batches=(msgspec.structs.replace(batch, rows=rows),), last=page.last)


AMOUNTS = {"amount": np.random.default_rng(2).random(2000).tolist()}
CHANNELS = dict.fromkeys(("channel=web", "channel=pos"), [0.0] * 1000 + [1.0] * 1000)


def _lives(tmp_path: Path, system: System) -> list[str]:
    """Let the recipes run; give the journal's kinds."""
    return [entry.kind for entry in _entries(tmp_path, system)]


def _entries(tmp_path: Path, system: System) -> list[Entry]:
    training = AMOUNTS | (CHANNELS if isinstance(system, WithChannel) else {})

    async def live(store: SqliteStore) -> list[Entry]:
        journal = Journal(store, "healer", "h1")
        learning = SeedLearning(
            system, system, system, system, clock=system.clock, journal=journal, training=training, life="h1"
        )
        with suppress(Over):
            await learning.run_forever()
        return list(journal.entries())

    with closing(SqliteStore(tmp_path / "store.db", (JOURNAL,))) as store:
        return asyncio.run(live(store))


def test_ten_drifted_batches_in_a_row_retrain_and_what_came_out_serves(tmp_path: Path) -> None:
    """M-05, M-20: a move by the whole range is in every batch; the tenth of them retrains."""
    system = System(SomeLooks(25), mean=lambda number: 1.0 if number > 10 else 0.0)
    kinds = _lives(tmp_path, system)
    assert len(set(system.asked)) == 1
    assert system.promoted == ["1.1.0"]
    told = ["detected", "action.started", "action.finished"]
    assert kinds == [*told, "action.started", "action.finished"]


def test_a_concept_that_changes_under_unmoved_rows_is_never_noticed(tmp_path: Path) -> None:
    """M-05, known defect: nobody looks at labels."""
    assert _lives(tmp_path, System(SomeLooks(200))) == []


def test_a_retrained_model_five_percent_less_accurate_serves_and_one_six_percent_does_not(
    tmp_path: Path,
) -> None:
    """M-24: rollback if accuracy falls by more than 5 %; known defect: of two different holdouts."""
    for number, (accuracy, promoted) in enumerate([(0.98 * 0.951, ["1.1.0"]), (0.98 * 0.94, [])]):
        system = System(SomeLooks(20), mean=lambda _: 1.0, accuracy=accuracy)
        (tmp_path / str(number)).mkdir()
        _lives(tmp_path / str(number), system)
        assert system.promoted[:1] == promoted


def test_whoever_approves_everybody_passes_for_accurate_enough(tmp_path: Path) -> None:
    """M-24, known defect: 98 % of decisions are right at 2 % frauds, and it costs ten times as much."""
    label = (np.arange(5000) % 50 == 0).astype(np.int8)
    found = np.where(label == 1, 0.9, np.where(np.arange(5000) % 33 == 0, 0.1, 0.01))
    useful, everybody = (evaluate(scores, label, Costs()) for scores in (found, np.zeros(5000)))
    assert (everybody["accuracy"], everybody["cost"]) == (0.98, pytest.approx(0.4))
    assert useful["accuracy"] < everybody["accuracy"]
    assert everybody["cost"] > 10 * useful["cost"]
    system = System(
        SomeLooks(20),
        mean=lambda _: 1.0,
        accuracy=everybody["accuracy"],
        accuracy_before=useful["accuracy"],
    )
    _lives(tmp_path, system)
    assert system.promoted[:1] == ["1.1.0"]


def test_a_category_that_moves_alone_is_seen_by_the_daily_job_by_chi_square(tmp_path: Path) -> None:
    """M-23 with M-22: "field=level" of one field is a category; batch 6 ends the day."""
    for name, web, seen in (("moved", 90, True), ("still", 50, False)):
        (tmp_path / name).mkdir()
        system = WithChannel(
            SomeLooks(8),
            hour=lambda n: (n + 18) % 24,
            web=lambda n, web=web: web if n == 6 else 50,  # type: ignore[misc]
        )
        told = [entry.reason for entry in _entries(tmp_path / name, system) if entry.kind == "detected"]
        assert any("channel (chi-square)" in reason for reason in told) is seen
        assert not any("channel=" in reason for reason in told)


def test_ks_in_a_row_takes_no_category_for_a_number(tmp_path: Path) -> None:
    """M-05: every batch comes from the web, and no feature that is a number has moved."""
    assert _lives(tmp_path, WithChannel(SomeLooks(25), web=lambda _: 100)) == []


def test_the_daily_job_retrains_on_a_single_batch_once_the_day_is_over(tmp_path: Path) -> None:
    """M-23 with M-22: the day ends where the hour falls; before it the same drift is nothing to the job."""
    system = System(SomeLooks(8), mean=lambda number: float(number == 5), hour=lambda n: (n + 18) % 24)
    assert _lives(tmp_path, system) == []
    system = System(SomeLooks(8), mean=lambda number: float(number == 6), hour=lambda n: (n + 18) % 24)
    assert "action.started" in _lives(tmp_path, system)


def test_one_golden_row_decided_otherwise_rolls_back_at_the_next_check(tmp_path: Path) -> None:
    """M-13, M-03: looked at after 0, 300, 600 s; wrong from the first second on, it serves for 300 s."""
    system = System(
        SomeLooks(310),
        wrong=lambda now_s: int(now_s > 1.0),
        served="1.2.0",
        versions_there=["1.0.0", "1.2.0"],
    )
    _lives(tmp_path, system)
    assert system.promoted == ["1.0.0"]
    assert system.clock.now_s() < 600.0


def test_confidence_five_percent_below_that_of_the_first_thousand_rolls_back(tmp_path: Path) -> None:
    """M-34, M-03: ten batches are the reference; the second unsure one of a later ten is enough."""
    system = System(
        SomeLooks(40),
        score=lambda number: 0.4 if number > 15 else 0.1,
        served="1.2.0",
        versions_there=["1.0.0", "1.2.0"],
    )
    kinds = _lives(tmp_path, system)
    assert system.promoted == ["1.0.0"]
    assert kinds == ["detected", "action.started", "action.finished"]


def test_a_model_that_is_sure_of_the_opposite_goes_on_serving(tmp_path: Path) -> None:
    """M-34, known defect: between two golden checks nobody notices."""
    system = System(
        SomeLooks(250),
        score=lambda number: 0.9 if number > 15 else 0.1,
        wrong=lambda now_s: int(now_s > 1.0) * 50,
        served="1.2.0",
        versions_there=["1.0.0", "1.2.0"],
    )
    assert _lives(tmp_path, system) == []
    assert system.promoted == []


def test_a_rate_that_falls_to_nothing_is_told_at_once_and_forgotten_while_it_lasts(tmp_path: Path) -> None:
    """M-28, window 100, warm-up 30, 3 sigma; known defect: the window takes the fault in."""
    system = System(SomeLooks(150), rate=lambda look: 0.0 if look >= 100 else 250.0 + look % 5)
    kinds = _lives(tmp_path, system)
    assert set(kinds) == {"detected"}
    assert 1 <= len(kinds) < 30


def test_without_a_version_before_it_a_bad_model_goes_on_serving(tmp_path: Path) -> None:
    """M-03, known defect: there is nowhere to go, and nobody is told."""
    system = System(SomeLooks(5), wrong=lambda _: 50)
    assert _lives(tmp_path, system) == []
    assert system.promoted == []
