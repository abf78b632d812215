"""References of scores: made when asked for, told as far as they are there, asked again after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from reference_pipeline.errors import BadTemplate, UnknownVersion
from reference_pipeline.healing.detectors.stored import LEARNED, RowWatch
from reference_pipeline.ports import CallFailed
from reference_pipeline.score_references import ScoreReferences
from tests.reference_pipeline.healing.worlds import Clock
from tests.reference_pipeline.learning import at_once
from tests.reference_pipeline.watches import FIRST, Scorer, small_watch, stored_rows
from tests.virtual import passes, run


@dataclass
class Registry:
    """The versions there are; ``away`` is how often it does not answer first."""

    there: dict[str, Scorer] = field(default_factory=lambda: {"2.0.0+b": Scorer(3.0)})
    away: int = 0
    asked: int = 0

    async def version(self, full: str) -> Scorer:
        self.asked += 1
        if self.asked <= self.away:
            raise CallFailed("no answer")
        if full not in self.there:
            raise UnknownVersion(f"no version {full}")
        return self.there[full]


@pytest.fixture(scope="module")
def watch() -> RowWatch:
    return small_watch()


def _rows() -> np.ndarray:
    return stored_rows().astype(np.float32)


def _run(references: ScoreReferences, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        loop = asyncio.create_task(references.run_forever(Clock()))
        try:
            await story()
        finally:
            loop.cancel()

    run(whole)


def test_the_first_version_is_known_and_another_one_when_it_was_asked_for(watch: RowWatch) -> None:
    references = ScoreReferences(Registry(), watch, _rows, at_once)  # type: ignore[arg-type]

    async def story() -> None:
        first = references.told(FIRST)
        assert not first.waiting
        assert first.baseline is not None
        assert references.bins("2.0.0+b") is None
        asked = references.told("2.0.0+b")
        assert (asked.waiting, asked.sample, asked.baseline, asked.why) == (True, (), None, "")
        await passes(1.0)
        told = references.told("2.0.0+b")
        assert not told.waiting
        assert told.sample == pytest.approx(Scorer(3.0).score(watch.sample))
        assert told.baseline is not None
        assert told.baseline.as_baseline().threshold > 0.0
        assert references.bins("2.0.0+b") is not None

    _run(references, story)


def test_a_registry_that_does_not_answer_is_asked_again(watch: RowWatch) -> None:
    registry = Registry(away=3)
    references = ScoreReferences(registry, watch, _rows, at_once)  # type: ignore[arg-type]

    async def story() -> None:
        references.told("2.0.0+b")
        await passes(2.0)
        assert references.told("2.0.0+b").waiting
        await passes(5.0)
        assert references.told("2.0.0+b").baseline is not None

    _run(references, story)


def test_a_version_that_cannot_be_had_says_why_and_may_be_asked_for_again(watch: RowWatch) -> None:
    registry = Registry()
    references = ScoreReferences(registry, watch, _rows, at_once)  # type: ignore[arg-type]

    async def story() -> None:
        references.told("3.0.0+c")
        await passes(1.0)
        told = references.told("3.0.0+c")
        assert (told.waiting, told.sample, told.why) == (False, (), "no version 3.0.0+c")
        registry.there["3.0.0+c"] = Scorer(2.0)
        assert references.told("3.0.0+c").waiting
        await passes(1.0)
        assert references.told("3.0.0+c").baseline is not None

    _run(references, story)


def test_other_features_one_score_and_no_stored_rows_are_said(watch: RowWatch) -> None:
    versions = {"4.0.0+d": Scorer(1.0, ("amount", "age")), "5.0.0+e": Scorer(0.0), "2.0.0+b": Scorer(3.0)}

    def damaged() -> np.ndarray:
        raise BadTemplate("score_rows.npz cannot be read")

    for stored, version, why in (
        (_rows, "4.0.0+d", "it was trained on other features"),
        (_rows, "5.0.0+e", "it gives everybody one score"),
        (lambda: None, "2.0.0+b", LEARNED),
        (damaged, "2.0.0+b", "score_rows.npz cannot be read"),
    ):
        references = ScoreReferences(Registry(versions), watch, stored, at_once)  # type: ignore[arg-type]

        async def story(references: ScoreReferences = references, version: str = version) -> None:
            references.told(version)
            await passes(1.0)

        _run(references, story)
        told = references.told(version)
        assert (told.waiting, told.baseline, told.why) == (False, None, why)
        assert bool(told.sample) is (version != "4.0.0+d")


def test_without_a_watch_nothing_is_known_and_nothing_asked() -> None:
    registry = Registry()
    references = ScoreReferences(registry, None, _rows, at_once)  # type: ignore[arg-type]

    async def story() -> None:
        told = references.told("2.0.0+b")
        assert (told.waiting, told.why) == (False, "no rows are stored")
        await passes(1.0)
        assert registry.asked == 0

    _run(references, story)
