"""How much comes is learned; a fall and a stop are told once, and what cannot be counted is no fall."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.healing.inflow import INFLOW, NOTHING_COMES, Inflow
from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.ports import DeadLetters
from reference_pipeline.healing.scribe import Scribe
from reference_pipeline.ports import CallFailed
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import Clock
from tests.virtual import passes, run


class Gateway:
    """Counts what comes by the second; None = it does not answer."""

    def __init__(self, per_second: Callable[[int], int | None]) -> None:
        self.per_second = per_second
        self.seconds = 0
        self.total = 0

    async def numbers(self, service: str, /) -> Mapping[str, float]:
        assert service == "gateway"
        self.seconds += 1
        count = self.per_second(self.seconds)
        self.total += 250 if count is None else count  # it goes on counting while it says nothing
        if count is None:
            raise CallFailed("no answer")
        return {"accepted_total": float(self.total), "quarantined_total": 0.0}

    async def boot_id(self, service: str, deadline_s: float, /) -> str:
        raise AssertionError((service, deadline_s))

    async def dead_letters(self, after: int, limit: int, /) -> DeadLetters:
        raise AssertionError((after, limit))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(SqliteStore(tmp_path / "store.db", (JOURNAL,))) as store:
        yield Journal(store, "healer", "life")


def _told(journal: Journal, per_second: Callable[[int], int | None], *, seconds: int) -> list[str]:
    async def look() -> None:
        scribe = Scribe(journal, Clock(), "life", page_every_s=3600.0)
        inflow = Inflow(Gateway(per_second), scribe, Clock(), dice=np.random.default_rng(1))
        for _ in range(seconds):
            with suppress(CallFailed):
                await inflow.look()
            await passes(1.0)

    run(look)
    assert {entry.target for entry in journal.entries()} <= {INFLOW}
    return [entry.reason for entry in journal.entries()]


def _usual(dice: np.random.Generator) -> Callable[[int], int]:
    return lambda _: int(dice.poisson(250))


def test_a_fall_by_a_third_is_told_once(journal: Journal) -> None:
    usual = _usual(np.random.default_rng(2))
    fallen = _told(journal, lambda second: usual(second) * (2 if second > 700 else 3) // 3, seconds=730)
    assert fallen == ["volume has moved: count down"]


def test_it_speaks_before_the_second_minute_is_over(journal: Journal) -> None:
    usual = _usual(np.random.default_rng(5))
    fallen = _told(journal, lambda second: usual(second) * (2 if second > 60 else 3) // 3, seconds=85)
    assert fallen == ["volume has moved: count down"]


def test_a_clockwork_is_not_told_and_its_fall_is(journal: Journal) -> None:
    assert _told(journal, lambda second: 250 if second < 120 else 170, seconds=119) == []
    told = _told(journal, lambda second: 250 if second < 120 else 170, seconds=145)
    assert told == ["volume has moved: count down"]


def test_batches_that_fall_between_two_looks_are_no_fall(journal: Journal) -> None:
    """Two hundred at a time, nearly once a second: every fiftieth second has none."""
    load = lambda second: 200 * (int(second * 0.98) - int((second - 1) * 0.98))  # noqa: E731
    assert _told(journal, lambda second: 50 + load(second), seconds=3600) == []


def test_silence_before_the_first_record_is_not_usual(journal: Journal) -> None:
    usual = _usual(np.random.default_rng(6))
    assert _told(journal, lambda second: usual(second) if second > 90 else 0, seconds=240) == []


def test_a_quarter_of_an_hour_as_usual_is_not_told(journal: Journal) -> None:
    assert _told(journal, _usual(np.random.default_rng(3)), seconds=900) == []


def test_when_nothing_comes_any_more_it_is_told_after_ten_seconds_and_once(journal: Journal) -> None:
    assert _told(journal, lambda second: 250 if second < 20 else 0, seconds=60) == [NOTHING_COMES]


def test_a_gateway_that_says_nothing_has_not_fallen(journal: Journal) -> None:
    usual = _usual(np.random.default_rng(4))
    told = _told(journal, lambda second: None if 700 < second < 705 else usual(second), seconds=720)
    assert told == []
