"""The scan of scores begins anew with each version, and a version unlike the one before is told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.healing.detectors.histogram import score_components
from reference_pipeline.healing.detectors.scores import ScoreReference, make_score_reference
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.model_acts import Promote
from reference_pipeline.healing.model_ports import RowBatch
from reference_pipeline.healing.scribe import Scribe
from reference_pipeline.healing.served_scores import ServedScores
from reference_pipeline.healing.version_scores import VersionScores, as_told
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import Clock
from tests.reference_pipeline.watches import FIRST, Scorer, small_watch, stored_rows
from tests.virtual import run

SECOND, THIRD = "2.0.0+b", "3.0.0+c"
POWERS = {FIRST: 4.0, SECOND: 4.2, THIRD: 1.0}  # the second is nearly like the first, the third is not


@pytest.fixture(scope="module")
def watch() -> RowWatch:
    return small_watch()


@dataclass
class Knowing:
    """The learner: what it tells of each version, and who was asked for."""

    watch: RowWatch
    waiting: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    made: dict[str, ScoreReference] = field(default_factory=dict)

    def reference(self, version: str) -> ScoreReference:
        if version == FIRST:
            return self.watch.scores
        if version not in self.made:
            score = Scorer(POWERS.get(version, 0.0)).score
            sample, past = score(self.watch.sample), score(stored_rows())
            self.made[version] = make_score_reference(
                version, sample, past, shape=self.watch.shape, dice=np.random.default_rng(4)
            )
        return self.made[version]

    async def version_scores(self, version: str, /) -> VersionScores:
        self.asked.append(version)
        if version in self.waiting:
            return VersionScores(version=version, waiting=True)
        found = self.reference(version)
        baseline = as_told(found.baseline) if found.baseline else None
        sample = tuple(found.sample.tolist())
        return VersionScores(version=version, waiting=False, sample=sample, baseline=baseline, why=found.why)


@dataclass
class Bench:
    """One healer's look at scores; ``batch`` gives batches as the learner would."""

    knowing: Knowing
    scribe: Scribe
    journal: Journal
    served: ServedScores
    dice: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))

    def batch(self, version: str, *, power: float | None = None, known: bool = True) -> RowBatch:
        rows = self.dice.random((self.knowing.watch.batch, 1))
        bins = self.knowing.reference(version).bins if known else None
        scores = Scorer(power or POWERS[version]).score(rows)
        found = score_components(bins, scores) if bins else None
        given = () if found is None else tuple(found.tolist())
        return RowBatch(number=1, phase=0, rows=(), version=version, scores=given)

    def take(self, batch: RowBatch) -> bool:
        self.served.serves(batch.version)
        return self.served.take(batch)

    @property
    def told(self) -> list[str]:
        return [entry.reason for entry in self.journal.entries() if entry.kind == "detected"]

    @property
    def pages(self) -> list[str]:
        return [entry.reason for entry in self.journal.entries() if entry.evidence.choice == "page"]


@pytest.fixture
def bench(tmp_path: Path, watch: RowWatch) -> Iterator[Callable[..., Bench]]:
    with closing(SqliteStore(tmp_path / "store.db", (JOURNAL,))) as store:

        def made() -> Bench:
            journal = Journal(store, "healer", "life")
            scribe = Scribe(journal, Clock(), "life", page_every_s=3600.0)
            knowing = Knowing(watch)
            return Bench(knowing, scribe, journal, ServedScores(knowing, scribe, watch.scores))  # type: ignore[arg-type]

        yield made


def test_the_first_version_is_scanned_without_asking(bench: Callable[[], Bench]) -> None:
    async def story() -> None:
        one = bench()
        quiet = [one.take(one.batch(FIRST)) for _ in range(30)]
        await one.served.look()
        moved = [one.take(one.batch(FIRST, power=2.0)) for _ in range(30)]
        assert not any(quiet)
        assert any(moved)
        assert one.knowing.asked == []
        assert all(reason.startswith("score has moved: bin") for reason in one.told)

    run(story)


def test_a_version_that_comes_later_is_scanned_by_its_own_reference(bench: Callable[[], Bench]) -> None:
    async def story() -> None:
        one = bench()
        one.take(one.batch(FIRST))
        one.take(one.batch(SECOND, known=False))
        await one.served.look()
        assert one.knowing.asked == [SECOND]
        quiet = [one.take(one.batch(SECOND)) for _ in range(30)]
        moved = [one.take(one.batch(SECOND, power=2.0)) for _ in range(30)]
        assert not any(quiet)
        assert any(moved)
        assert all(reason.startswith("score has moved: bin") for reason in one.told)

    run(story)


def test_a_version_unlike_the_one_before_is_told_even_when_it_has_gone_again(
    bench: Callable[[], Bench],
) -> None:
    async def story() -> None:
        one = bench()
        one.knowing.waiting.add(THIRD)
        one.take(one.batch(FIRST))
        one.take(one.batch(THIRD, known=False))
        await one.served.look()
        one.take(one.batch(FIRST))
        assert one.told == []
        one.knowing.waiting.clear()
        await one.served.look()
        await one.served.look()
        assert one.told == ["score has moved with the version: up"]
        assert one.knowing.asked == [THIRD, THIRD]

    run(story)


def test_what_the_healer_has_promoted_itself_is_trusted_and_the_next_is_compared_with_it(
    bench: Callable[[], Bench],
) -> None:
    async def story() -> None:
        one = bench()
        one.take(one.batch(FIRST))
        one.scribe.begin(one.scribe.wish(Promote(version=THIRD, was=FIRST), "it loses less"))
        one.take(one.batch(THIRD, known=False))
        await one.served.look()
        assert one.told == []
        one.take(one.batch(SECOND, known=False))
        await one.served.look()
        assert one.told == ["score has moved with the version: down"]

    run(story)


def test_one_score_for_everybody_is_told_and_then_nothing_can_be_said(bench: Callable[[], Bench]) -> None:
    async def story() -> None:
        one = bench()
        one.take(one.batch(FIRST))
        constant = RowBatch(number=2, phase=0, rows=(), version="9.0.0+z", scores=())
        assert not one.take(constant)
        for _ in range(3):
            await one.served.look()
            assert not one.take(constant)
        assert one.told == ["score has moved with the version: one for everybody"]
        assert one.pages == ["nothing can be said of scores of 9.0.0+z: it gives everybody one score"]
        assert one.knowing.asked == ["9.0.0+z"]

    run(story)


def test_a_learner_that_has_forgotten_is_asked_again(bench: Callable[[], Bench]) -> None:
    async def story() -> None:
        one = bench()
        one.take(one.batch(SECOND))
        await one.served.look()
        one.take(one.batch(SECOND))
        await one.served.look()
        assert one.knowing.asked == [SECOND]
        one.take(one.batch(SECOND, known=False))
        await one.served.look()
        assert one.knowing.asked == [SECOND, SECOND]

    run(story)


def test_batches_of_several_versions_are_left_out(bench: Callable[[], Bench]) -> None:
    async def story() -> None:
        one = bench()
        one.take(one.batch(FIRST))
        assert not one.take(RowBatch(number=2, phase=0, rows=(), version="", scores=()))
        await one.served.look()
        assert (one.told, one.pages, one.knowing.asked) == ([], [], [])

    run(story)


def test_a_version_that_serves_for_less_than_a_batch_is_compared_all_the_same(
    bench: Callable[[], Bench],
) -> None:
    async def story() -> None:
        one = bench()
        one.take(one.batch(FIRST))
        one.served.serves(THIRD)
        assert not one.served.take(one.batch(FIRST))  # its rows came before
        await one.served.look()
        one.served.serves("")
        one.served.serves(FIRST)
        await one.served.look()
        assert one.told == ["score has moved with the version: up"]

    run(story)
