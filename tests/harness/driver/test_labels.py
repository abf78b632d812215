"""Labels: told after their time, in their order, until they are taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from harness.driver.labels import Labels
from harness.driver.schedule import label_dice
from harness.driver.spec import LabelFeed
from harness.driver.workload import Finding, Reply, Unit
from harness.history.observations import GOOD, UNKNOWN

FEED = LabelFeed(url="", delay_s=2.0, spread_s=4.0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time jumps from one timer to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now_s = max(self.now_s, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@dataclass
class System:
    """Takes labels but for the instants in ``down``."""

    down: tuple[float, float] = (0.0, 0.0)
    taken: list[tuple[float, str, int]] = field(default_factory=list)
    posts: int = 0

    async def post(self, body: bytes, _: bool, /) -> Reply:
        now_s = asyncio.get_running_loop().time()
        self.posts += 1
        if self.down[0] <= now_s < self.down[1]:
            return Reply(now_s, now_s, "refused")
        self.taken += [(now_s, one["id"], one["label"]) for one in json.loads(body)["labels"]]
        return Reply(now_s, now_s, "", 200, b"{}")


def _run(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(make())


async def _told(labels: Labels, until_s: float) -> None:
    telling = asyncio.create_task(labels.tell_forever())
    await asyncio.sleep(until_s)
    telling.cancel()


def _unit(name: str, label: int, wait: float = 0.0, *, explored: bool = False) -> Unit:
    return Unit(0, name, 0, 0.0, label=label, label_wait=wait, explored=explored)


def _labels(system: System, feed: LabelFeed = FEED) -> Labels:
    return Labels(feed, system, asyncio.get_running_loop().time)


def test_a_label_is_told_once_its_time_has_come_and_the_first_known_first() -> None:
    async def story() -> None:
        system = System()
        labels = _labels(system)
        for unit, due_s in ((_unit("late", 1, 1.0), 0.0), (_unit("soon", 0), 0.0), (_unit("next", 1), 3.0)):
            labels.recorded(unit, Finding(GOOD, ""), due_s)
        await _told(labels, 10.0)
        assert [(name, label) for _, name, label in system.taken] == [("soon", 0), ("next", 1), ("late", 1)]
        assert [at_s for at_s, _, _ in system.taken] == pytest.approx([2.0, 5.0, 6.0], abs=0.2)
        assert (labels.due, labels.told) == (3, 3)

    _run(story)


def test_what_nobody_will_know_is_never_told() -> None:
    async def story() -> None:
        system = System()
        labels = _labels(system)
        labels.recorded(_unit("golden", -1), Finding(GOOD, ""), 0.0)
        await _told(labels, 10.0)
        assert system.posts == labels.due == 0

    _run(story)


def test_a_post_that_fails_is_made_again_until_it_is_taken() -> None:
    async def story() -> None:
        system = System(down=(0.0, 7.0))
        labels = _labels(system)
        for number in range(1200):
            labels.recorded(_unit(str(number), number % 2), Finding(UNKNOWN, "timeout"), 0.0)
        await _told(labels, 10.0)
        assert labels.posts_failed > 10
        assert system.taken[0][0] >= 7.0
        assert sorted(int(name) for _, name, _ in system.taken) == list(range(1200))

    _run(story)


def test_where_only_what_was_declined_is_looked_into_the_rest_stays_unknown() -> None:
    async def story() -> None:
        system = System()
        labels = _labels(system, LabelFeed(url="", delay_s=0.0, spread_s=0.0, known="declined"))
        labels.recorded(_unit("approved", 1), Finding(GOOD, ""), 0.0)
        labels.recorded(_unit("declined", 0), Finding(GOOD, "", declined=True), 0.0)
        labels.recorded(_unit("explored", 1, explored=True), Finding(GOOD, ""), 0.0)
        await _told(labels, 1.0)
        assert {name for _, name, _ in system.taken} == {"declined", "explored"}

    _run(story)


def test_waits_have_mean_one_and_exploration_its_share() -> None:
    waits, explored = label_dice(7, 20_000, 0.1)
    assert waits.mean() == pytest.approx(1.0, abs=0.03)
    assert explored.mean() == pytest.approx(0.1, abs=0.01)
    again, _ = label_dice(7, 20_000, 0.0)
    assert np.array_equal(waits, again)
