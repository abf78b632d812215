"""The liveness probe of the arm: what it restarts, when, and what it cannot see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.ports import DeadLetter, PlatformService
from reference_pipeline.ports import CallFailed
from reference_pipeline.seed.liveness import SeedHealer
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.seed.virtual import VirtualClock, run_to_end

SERVICES = ("gateway", "scorer-a")


class System:
    """Services, and the platform under them; those in ``hung`` answer nothing until restarted."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.hung: set[str] = set()
        self.cut: set[str] = set()
        self.platform_down = False
        self.restarts: list[tuple[str, float]] = []
        self.keys: list[str] = []

    async def boot_id(self, service: str, deadline_s: float, /) -> str:
        assert deadline_s == 1.0
        if service in self.hung | self.cut:
            raise CallFailed(f"{service}: no answer")
        return "b1"

    async def restart(self, name: str, key: str, /) -> None:
        if self.platform_down:
            raise CallFailed("platform: no answer")
        self.hung.discard(name)
        self.restarts.append((name, self.clock.now_s()))
        self.keys.append(key)

    async def services(self) -> Sequence[PlatformService]:
        raise CallFailed("the recipe never asks")

    async def numbers(self, service: str, /) -> Mapping[str, float]:
        raise CallFailed(f"{service}: the recipe never asks")

    async def dead_letters(self, after: int, limit: int, /) -> list[DeadLetter]:
        raise CallFailed(f"{after}, {limit}: the recipe never asks")


class Bench:
    def __init__(self, store: SqliteStore) -> None:
        self.clock = VirtualClock()
        self.system = System(self.clock)
        self.journal = Journal(store, "healer", "life1")
        self.healer = SeedHealer(
            self.system, self.system, self.clock, journal=self.journal, services=SERVICES
        )

    def rounds(self, count: int) -> None:
        """So many rounds, ten seconds apart, the first at once."""

        async def run() -> None:
            for _ in range(count):
                await self.healer.probe_all()
                self.clock.at_s += 10.0

        run_to_end(run())

    def lines(self) -> list[tuple[str, str, str]]:
        rows = [json.loads(row.value) for row in self.journal.page(0, 1000)]
        return [(row["type"].split(".", 3)[3], row["subject"], row["data"]["reason"]) for row in rows]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with closing(SqliteStore(tmp_path / "store.db", (JOURNAL,))) as store:
        yield Bench(store)


def test_three_failed_probes_ten_seconds_apart_restart_the_service(bench: Bench) -> None:
    """Every 10 s, timeout 1 s, 3 failures -> restart; a hang at second 0 is met at second 20."""
    bench.system.hung = {"scorer-a"}
    bench.rounds(6)
    assert bench.system.restarts == [("scorer-a", 20.0)]
    assert bench.lines() == [
        ("detected.v1", "scorer-a", "3 probes in a row failed"),
        ("action.started.v1", "scorer-a", "restart"),
        ("action.finished.v1", "scorer-a", "restart done"),
    ]


def test_what_answers_again_in_time_is_left_alone(bench: Bench) -> None:
    """Two failures, then an answer: the count starts anew."""
    for _ in range(4):
        bench.system.hung = {"gateway"}
        bench.rounds(2)
        bench.system.hung = set()
        bench.rounds(1)
    assert bench.system.restarts == []
    assert bench.lines() == []


def test_a_cut_edge_restarts_a_service_that_is_well_again_and_again(bench: Bench) -> None:
    """Known defect: one silent edge is a dead process, every 30 s for ever, and all at once."""
    bench.system.cut = set(SERVICES)
    bench.rounds(12)
    assert [name for name, _ in bench.system.restarts] == ["gateway", "scorer-a"] * 4
    assert len(set(bench.system.keys)) == 8


def test_a_platform_that_does_not_answer_is_asked_again_after_three_more_failures(bench: Bench) -> None:
    """The healer outlives its platform and its journal says so."""
    bench.system.hung = {"gateway"}
    bench.system.platform_down = True
    bench.rounds(3)
    bench.system.platform_down = False
    bench.rounds(3)
    assert [name for name, _ in bench.system.restarts] == ["gateway"]
    assert [reason for _, _, reason in bench.lines()].count("restart failed: platform: no answer") == 1
    assert bench.healer.signals()["restarts_failed_total"] == 1


def test_a_round_starts_every_ten_seconds_whatever_it_takes(bench: Bench) -> None:
    """The period is counted from the start of a round; here a round takes half a second."""

    class Enough(Exception):
        pass

    class Impatient(VirtualClock):
        async def rest_s(self, seconds: float, /) -> float:
            await self.sleep_s(seconds)
            return seconds

        async def sleep_s(self, seconds: float, /) -> None:
            await super().sleep_s(seconds)
            if len(self.waits_s) == 3:
                raise Enough

    clock = Impatient()

    class Slow(System):
        async def boot_id(self, service: str, deadline_s: float, /) -> str:
            clock.at_s += 0.5
            return await super().boot_id(service, deadline_s)

    slow = Slow(clock)
    healer = SeedHealer(slow, slow, clock, journal=bench.journal, services=["gateway"])
    with pytest.raises(Enough):
        run_to_end(healer.run_forever())
    assert clock.waits_s == [9.5] * 3


def test_a_full_disk_under_the_journal_stops_no_restart(tmp_path: Path) -> None:
    """The recipe knows no journal; a lost line is counted."""
    with closing(SqliteStore(tmp_path / "other.db", ("another",))) as store:
        bench = Bench(store)
        bench.system.hung = {"gateway"}
        bench.rounds(3)
        assert [name for name, _ in bench.system.restarts] == ["gateway"]
        assert bench.healer.signals()["lines_lost_total"] == 3
