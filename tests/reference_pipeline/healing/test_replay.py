"""Replay of dead letters: in batches, after requests, to the last one."""

from __future__ import annotations

from reference_pipeline.healing.acts import Replay
from reference_pipeline.healing.reach import Reach
from reference_pipeline.healing.replay import ReplayRun
from tests.reference_pipeline.healing.worlds import CONFIG, Clock, World, golden_rows, renamed, stream
from tests.virtual import passes, run


def _world(count: int) -> World:
    world = World()
    for record in stream(1, count, golden_rows(1)):
        world.offer(renamed(record, "amount", "x"))
    world.mapping = {"amount": "x"}
    return world


def _replayed(world: World, late: int = 0) -> ReplayRun:
    replay = ReplayRun(Replay(field="amount", source="x"), Clock(), CONFIG)

    async def story() -> None:
        reach = Reach(world)
        for turn in range(10_000):
            if turn == 5:
                world.mapping = {}
                for record in stream(2, late, golden_rows(1)):
                    world.offer(renamed(record, "amount", "x"))
                world.mapping = {"amount": "x"}
            await replay.step(reach, reach)
            if replay.over:
                return
            await passes(CONFIG.tick_s)
        raise AssertionError("never over")

    run(story)
    return replay


def test_all_letters_are_replayed_and_those_that_come_meanwhile_too() -> None:
    world = _world(1500)
    replay = _replayed(world, late=40)
    assert world.dead == {}
    assert replay.replayed == 1540
    assert len(set(world.delivered)) == len(world.delivered) == 1540


def test_letters_of_another_kind_stay_where_they_are() -> None:
    world = _world(50)
    world.offer({"x": 1.0})
    world.offer({**renamed(stream(3, 1, golden_rows(1))[0], "amount", "y")})
    replay = _replayed(world)
    assert sorted(world.dead) == [51, 52]
    assert not replay.refused


def test_batches_grow_while_the_gateway_is_quick_and_shrink_while_it_is_busy() -> None:
    quick, busy = _world(800), _world(800)
    busy.processes["gateway"].latency_s = lambda _: 0.6
    _replayed(quick)
    _replayed(busy)
    assert max(quick.batches) == CONFIG.replay_batch_max
    assert busy.batches[:3] == [32, 16, 8]
    assert set(busy.batches[3:]) == {8}


def test_what_the_gateway_refuses_is_told_after_it_was_asked_again() -> None:
    world = _world(10)
    world.offer({**renamed(stream(3, 1, golden_rows(1))[0], "amount", "x"), "x": -5.0})
    replay = _replayed(world)
    assert replay.refused == {"r11"}
    assert world.batches.count(1) >= CONFIG.replay_retries
