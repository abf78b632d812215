"""The hops of arm reference: shares of the time, retries of what is transient, a breaker an edge."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from reference_pipeline.hops import HopConfig, PlainHops, ResilientHops
from reference_pipeline.inpath import Acts, Ask
from reference_pipeline.ports import CallFailed, CallRefused, CallRejected, Reply

EDGE, OTHER = "gateway-features", "gateway-scorer-a"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now_s(self) -> float:
        return self.at_s

    async def rest_s(self, seconds: float, /) -> float:
        await self.sleep_s(seconds)
        return seconds

    async def sleep_s(self, seconds: float, /) -> None:
        self.at_s += seconds
        await asyncio.sleep(0)


class Bench:
    """Hops over a call whose outcome and length the test decides."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.acts = Acts(self.clock)
        self.fails: Callable[[str], type[CallFailed] | None] = lambda edge: None
        self.takes_s = 0.001
        self.deadlines: list[float] = []
        self.hops = ResilientHops(
            self.call, self.clock, acts=self.acts, dice=random.Random(1).random, edges=(EDGE, OTHER)
        )

    async def call(self, edge: str, _route: str, _body: bytes, deadline_s: float, /) -> Reply:
        self.deadlines.append(deadline_s)
        await self.clock.sleep_s(min(self.takes_s, deadline_s))
        if self.takes_s > deadline_s:
            raise CallFailed(f"{edge}: TimeoutError")
        if failure := self.fails(edge):
            raise failure(f"{edge}: on purpose")
        return Reply(200, b"42")

    def ask(self, edge: str = EDGE, *, hops_left: int = 1, read: Callable[[bytes], int] = int) -> int:
        ask = Ask(edge, "POST /x", b"{}", read, hops_left)
        return asyncio.run(self.hops.ask(ask, self.clock.now_s() + 0.2))

    def ask_in_vain(self, times: int = 1, **how: object) -> None:
        for _ in range(times):
            with pytest.raises(CallFailed):
                self.ask(**how)

    def signal(self, name: str) -> float:
        return self.hops.signals()[
            f"{name}_{EDGE.replace('-', '_')}" + ("" if name == "breaker" else "_total")
        ]

    @property
    def acted(self) -> list[str]:
        return [act.act for act in self.acts.page(0, 1000)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_call_gets_its_share_of_the_time_and_not_more(bench: Bench) -> None:
    assert bench.ask(hops_left=2) == 42
    assert bench.deadlines == [pytest.approx(0.08)]
    bench.takes_s = 9.0
    begin_s = bench.clock.at_s
    until_s = begin_s + 0.2
    for hop, (edge, left) in enumerate([(EDGE, 2), (OTHER, 1)]):
        with pytest.raises(CallFailed, match="Timeout"):
            asyncio.run(bench.hops.ask(Ask(edge, "POST /x", b"{}", int, left), until_s))
        assert bench.clock.at_s == pytest.approx(begin_s + 0.08 * (hop + 1))
    assert bench.clock.at_s - begin_s <= 0.2 - HopConfig().reserve_s


def test_a_refused_call_is_tried_again_and_a_timed_out_one_is_not(bench: Bench) -> None:
    outcomes = iter([CallRefused, CallRefused, None])
    bench.fails = lambda edge: next(outcomes)
    assert bench.ask() == 42
    assert len(bench.deadlines) == 3
    assert bench.signal("retries") == 2
    bench.takes_s = 9.0
    bench.ask_in_vain()
    assert len(bench.deadlines) == 4


def test_a_dead_hop_is_given_up_and_asked_by_few_probes_until_it_is_well(bench: Bench) -> None:
    bench.fails = lambda edge: CallRefused
    bench.ask_in_vain(200)
    assert bench.signal("breaker") == 2
    assert len(bench.deadlines) < 50
    assert bench.acted[0] == "breaker_opened"
    called = len(bench.deadlines)
    for _ in range(300):  # half a minute, ten requests a second
        bench.clock.at_s += 0.1
        bench.ask_in_vain()
    assert len(bench.deadlines) - called <= 3 * 30
    bench.fails = lambda edge: None
    bench.clock.at_s += 2.0
    assert [bench.ask() for _ in range(3)] == [42, 42, 42]
    assert bench.signal("breaker") == 0
    assert bench.acted[-2:] == ["breaker_half_open", "breaker_closed"]
    assert [act.effect for act in bench.acts.page(0, 1000)][-2:] == [False, True]


def test_each_edge_has_its_own_breaker(bench: Bench) -> None:
    bench.fails = lambda edge: CallFailed if edge == EDGE else None
    bench.ask_in_vain(50)
    assert bench.signal("breaker") == 2
    assert bench.ask(OTHER) == 42


def test_an_answer_that_is_not_understood_counts_as_a_failure(bench: Bench) -> None:
    def nonsense(_: bytes) -> int:
        raise CallFailed("not understood")

    bench.ask_in_vain(50, read=nonsense)
    assert bench.signal("breaker") == 2


def test_a_wrong_question_is_no_evidence_against_the_hop(bench: Bench) -> None:
    bench.fails = lambda edge: CallRejected
    bench.ask_in_vain(300)
    assert bench.signal("breaker") == 0
    assert bench.signal("failures") == bench.signal("retries") == 0


def test_a_request_without_time_left_is_no_evidence_either(bench: Bench) -> None:
    async def late() -> None:
        await bench.hops.ask(Ask(EDGE, "POST /x", b"{}", int), bench.clock.now_s() + 0.03)

    for _ in range(50):
        with pytest.raises(CallFailed, match="budget"):
            asyncio.run(late())
    assert bench.deadlines == []
    assert bench.signal("breaker") == 0


def test_slow_answers_are_answers_until_nearly_all_are_slow(bench: Bench) -> None:
    bench.takes_s = 0.077
    answered = 0
    while bench.signal("breaker") == 0:
        answered += bench.ask() == 42
    assert 20 < answered <= 40
    assert bench.signal("slow") == answered


def test_a_hop_that_is_slow_beside_a_busy_neighbour_and_in_time_is_asked_on(bench: Bench) -> None:
    """The placebo's 50 ms, and four times what a scorer needs on an idle machine."""
    bench.takes_s = 0.05 + 4 * 0.005
    assert [bench.ask() for _ in range(500)] == [42] * 500
    assert bench.acted == []


def test_a_cancelled_call_leaves_its_probe_free(bench: Bench) -> None:
    bench.fails = lambda edge: CallFailed
    bench.ask_in_vain(50)
    bench.clock.at_s += 5.0
    bench.fails = lambda edge: None

    async def cancelled() -> None:
        task = asyncio.create_task(bench.hops.ask(Ask(EDGE, "POST /x", b"{}", int), bench.clock.now_s() + 9))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for _ in range(5):
        asyncio.run(cancelled())
    assert bench.signal("breaker") == 1
    assert [bench.ask() for _ in range(3)] == [42, 42, 42]
    assert bench.signal("breaker") == 0


def test_the_plain_way_makes_one_attempt_with_all_that_is_left() -> None:
    bench = Bench()
    plain = PlainHops(bench.call, bench.clock)
    assert asyncio.run(plain.ask(Ask(EDGE, "POST /x", b"", int, 2), 0.2)) == 42
    assert bench.deadlines == [0.2]
    bench.fails = lambda edge: CallRefused
    with pytest.raises(CallRefused):
        asyncio.run(plain.ask(Ask(EDGE, "POST /x", b"", int), 0.2))
    assert len(bench.deadlines) == 2
    assert plain.signals() == {}


def test_acts_are_listed_by_cursor_and_the_oldest_are_forgotten_first() -> None:
    clock = Clock()
    acts = Acts(clock)
    for index in range(10_005):
        clock.at_s = float(index)
        acts.note("mapping_set", str(index))
    assert [act.seq for act in acts.page(0, 2)] == [6, 7]
    assert [act.seq for act in acts.page(10_003, 9)] == [10_004, 10_005]
    assert acts.page(10_005, 9) == []
    assert acts.page(10_003, 1)[0].at_s == 10_003.0
