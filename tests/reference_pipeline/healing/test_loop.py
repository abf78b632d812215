"""The whole healer in virtual time: what it heals, what it leaves alone, and its own death at any step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import (
    POLICY,
    Fuse,
    Life,
    World,
    decoyed,
    golden_rows,
    kinds,
    lines,
    open_store,
    renamed,
    stream,
    transaction,
)
from tests.virtual import passes, run

GOLDEN = golden_rows(1)
STEPS = ["detected", "diagnosed", "decided", "action.started", "action.finished", "verified"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


async def _traffic(
    world: World, change: Callable[[dict[str, object]], dict[str, object]], count: int
) -> None:
    """Fifty records a second, as the witness offers them."""
    for record in stream(7, count, GOLDEN):
        world.offer(change(record))
        await passes(0.02)


def _whole(record: dict[str, object]) -> dict[str, object]:
    return record


def _rename(record: dict[str, object]) -> dict[str, object]:
    return renamed(record, "amount", "zx_total")


def test_every_decision_names_the_commit_of_the_policy_that_it_was_made_under(store: SqliteStore) -> None:
    world = World()

    async def live() -> None:
        await passes(1)
        world.processes["features"].hung = True
        await Life(world, store, golden=GOLDEN).until_killed(20)

    run(live)
    decided = [line["data"]["evidence"] for line in lines(store) if ".decided." in line["type"]]
    assert [(one["choice"], one["policy"]) for one in decided] == [("act", world.policy.head())]


def test_what_the_policy_does_not_allow_is_paged_until_a_commit_allows_it(store: SqliteStore) -> None:
    world = World()
    world.policy.texts = [b"{version: 1, allowed: [map]}"]

    async def live() -> None:
        world.processes["features"].hung = True
        life = Life(world, store, golden=GOLDEN)
        running = asyncio.ensure_future(life.until_killed(60))
        await passes(20)
        assert world.acts == []
        world.policy.texts.append(b"{version: 1, allowed: [restart]}")
        await running

    run(live)
    assert world.acts == ["restart features"]
    pages = [line["data"] for line in lines(store) if line["data"]["evidence"].get("choice") == "page"]
    assert [page["reason"] for page in pages] == ["the policy does not allow to restart"]


def test_a_commit_that_is_no_policy_changes_nothing_and_is_paged_once(store: SqliteStore) -> None:
    world = World()

    async def live() -> None:
        life = Life(world, store, golden=GOLDEN)
        running = asyncio.ensure_future(life.until_killed(30))
        await passes(3)
        world.policy.texts.append(b"{version: 1, allowed: [reboot]}")
        await passes(3)
        world.processes["features"].hung = True
        await running

    run(live)
    assert world.acts == ["restart features"]
    told = [line["data"] for line in lines(store) if ".decided." in line["type"]]
    assert [one["target"] for one in told] == ["policy", "features"]
    assert "is no policy: Invalid enum value 'reboot'" in told[0]["reason"]
    assert told[1]["evidence"]["policy"].endswith("1")


def test_a_hung_service_is_restarted_once_and_verified_by_its_boot_id(store: SqliteStore) -> None:
    world = World()

    async def story() -> None:
        life = asyncio.ensure_future(Life(world, store, golden=GOLDEN).until_killed(60))
        await passes(5)
        world.processes["scorer-a"].hung = True
        await life

    run(story)
    assert world.acts == ["restart scorer-a"]
    assert kinds(store) == STEPS
    told = lines(store)
    assert {line["subject"] for line in told} == {"scorer-a"}
    assert len({line["data"]["episode"] for line in told}) == 1
    assert told[-1]["data"]["evidence"]["ok"] is True


def test_a_renamed_field_is_mapped_verified_and_its_dead_letters_are_replayed(store: SqliteStore) -> None:
    world = World()

    async def story() -> None:
        life = asyncio.ensure_future(Life(world, store, golden=GOLDEN).until_killed(60))
        await _traffic(world, _whole, 100)
        await _traffic(world, _rename, 1000)
        await _traffic(world, _whole, 100)
        await life

    run(story)
    assert world.mappings_set == [("amount", "zx_total")]
    assert world.dead == {}
    assert sorted(world.delivered) == sorted(f"r{n}" for n in range(1, world.offered + 1))
    assert kinds(store) == [*STEPS, "decided", "action.started", "action.finished", "verified"]


def test_a_rename_that_is_over_before_the_mapping_is_still_replayed(store: SqliteStore) -> None:
    world = World()
    for record in stream(3, 400, GOLDEN):
        world.offer(_rename(record))
    run(lambda: _alive(world, store, 60))
    assert world.dead == {}
    assert len(world.delivered) == len(set(world.delivered)) == 400


def test_letters_refused_while_a_hop_is_down_are_replayed_when_it_is_back(store: SqliteStore) -> None:
    world = World(hop_down=True)
    for record in stream(3, 700, GOLDEN):
        world.offer(_rename(record))

    async def story() -> None:
        life = asyncio.ensure_future(Life(world, store, golden=GOLDEN).until_killed(60))
        await passes(20)
        assert world.mapping == {"amount": "zx_total"}
        assert len(world.dead) == 700
        world.hop_down = False
        await life

    run(story)
    assert world.dead == {}
    assert world.acts == ["map"]
    assert kinds(store)[-1] == "verified"


async def _alive(world: World, store: SqliteStore, for_s: float, name: str = "life") -> None:
    await Life(world, store, golden=GOLDEN, name=name).until_killed(for_s)


@pytest.mark.parametrize("seed", range(20))
def test_a_decoy_is_refused(store: SqliteStore, seed: int) -> None:
    """Dropped field, other column of equal type, range and marginal: 20 of 20, for every field."""
    world = World()
    dice = random.Random(seed)
    field = dice.choice(["amount", "channel", "category", "customer_id", "card_age_days"])
    for record in decoyed(stream(seed, 600, GOLDEN), field, f"col_{dice.randrange(10**6)}", dice):
        world.offer(record)
    run(lambda: _alive(world, store, 60))
    assert world.acts == []
    assert "action.started" not in kinds(store)
    refused = [line for line in lines(store) if "refused for good" in line["data"]["reason"]]
    assert len(refused) == 1


def test_a_mapping_without_effect_is_taken_back_and_never_set_again(store: SqliteStore) -> None:
    world = World(deaf=True)

    async def story() -> None:
        life = asyncio.ensure_future(Life(world, store, golden=GOLDEN).until_killed(120))
        await _traffic(world, _rename, 3000)
        await life

    run(story)
    assert world.acts == ["map", "unmap"]
    assert world.mapping == {}
    pages = [line for line in lines(store) if line["data"]["evidence"].get("choice") == "page"]
    assert "map did not help" in {line["data"]["reason"] for line in pages}


def test_a_dead_process_is_left_to_the_platform(store: SqliteStore) -> None:
    world = World()

    async def story() -> None:
        life = asyncio.ensure_future(Life(world, store, golden=GOLDEN).until_killed(60))
        await passes(5)
        world.processes["gateway"].dead = True
        await life

    run(story)
    assert world.acts == []
    assert kinds(store) == []


def test_a_cut_on_the_healers_own_way_restarts_nothing(store: SqliteStore) -> None:
    world = World(way_cut="features")
    run(lambda: _alive(world, store, 600))
    assert world.acts == []
    reasons = [line["data"]["reason"] for line in lines(store) if line["data"]["evidence"].get("choice")]
    assert len(reasons) == 1
    assert "our own way" in reasons[0]


def test_a_service_that_hangs_again_and_again_is_paged_after_three_attempts(store: SqliteStore) -> None:
    world = World()

    async def story() -> None:
        life = asyncio.ensure_future(Life(world, store, golden=GOLDEN).until_killed(600))
        for _ in range(590):
            world.processes["delivery"].hung = True
            await passes(1)
        await life

    run(story)
    assert world.acts == ["restart delivery"] * POLICY.attempts_per_hour
    pages = [line for line in lines(store) if line["data"]["evidence"].get("choice") == "page"]
    assert any("attempts in an hour" in line["data"]["reason"] for line in pages)


def test_an_added_optional_field_asks_for_nothing(store: SqliteStore) -> None:
    world = World()

    async def story() -> None:
        life = asyncio.ensure_future(Life(world, store, golden=GOLDEN).until_killed(30))
        await _traffic(world, lambda record: {**record, "loyalty": 3.5}, 1000)
        await life

    run(story)
    assert kinds(store) == []


# The healer's own death: at every commit and every call, before and after the effect.


def _hang(world: World) -> None:
    world.processes["scorer-a"].hung = True


def _letters(world: World) -> None:
    for record in stream(3, 120, GOLDEN, every=10):
        world.offer(_rename(record))


def _deaf_letters(world: World) -> None:
    world.deaf = True
    _letters(world)


async def _killed_once(world: World, store: SqliteStore, harm: Callable[[World], None], at: int) -> bool:
    first = asyncio.ensure_future(Life(world, store, golden=GOLDEN, name="one").until_killed(60, calm_s=8))
    await passes(2)
    world.fuse.at = at
    harm(world)
    killed = await first
    world.fuse.at = -1
    await Life(world, store, golden=GOLDEN, name="two").until_killed(60, calm_s=6)
    return killed


@pytest.mark.parametrize(
    ("harm", "effects"),
    [
        pytest.param(_hang, ["restart scorer-a"], id="restart"),
        pytest.param(_letters, ["map"], id="mapping and replay"),
        pytest.param(_deaf_letters, ["map", "unmap"], id="mapping taken back", marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_step_it_has_exactly_one_effect(
    tmp_path: Path, harm: Callable[[World], None], effects: list[str]
) -> None:
    at, killed = 0, True
    while killed:
        at += 1
        world = World(fuse=Fuse())
        folder = tmp_path / str(at)
        folder.mkdir()
        with closing(open_store(folder)) as store:
            killed = _outcome(world, store, harm, at)
            started = kinds(store).count("action.started")
            assert kinds(store).count("action.finished") == started, f"step {at}"
        assert world.acts == effects, f"step {at}"
        if not world.deaf:
            assert not world.dead, f"step {at}"
            assert len(set(world.delivered)) == len(world.delivered) == world.offered, f"step {at}"
    assert at > 10  # the fuse did burn at each of them


def _outcome(world: World, store: SqliteStore, harm: Callable[[World], None], at: int) -> bool:
    seen = []

    async def story() -> None:
        seen.append(await _killed_once(world, store, harm, at))

    run(story)
    return seen[0]


def test_a_process_that_answers_again_while_the_healer_was_dead_is_not_restarted(store: SqliteStore) -> None:
    world = World()

    async def story() -> None:
        first = asyncio.ensure_future(Life(world, store, golden=GOLDEN, name="one").until_killed(60))
        await passes(3)
        world.fuse.at = world.fuse.steps + 9  # the call to the platform: four commits are eight steps
        _hang(world)
        assert await first
        assert kinds(store)[-1] == "action.started"
        world.processes["scorer-a"].hung = False
        await Life(world, store, golden=GOLDEN, name="two").until_killed(60)

    run(story)
    assert world.acts == []
    assert lines(store)[-1]["data"]["reason"] == "moot"


# No fault: no act.


def _noise(seed: int, name: str) -> Callable[[float], float]:
    """Seeded latencies: a busy CPU, disk stalls of 0.6 s up to four in a row, slow spells of 1.4 s."""
    dice = random.Random(f"{seed} {name}")
    spell: dict[int, float] = {}

    def latency_s(now_s: float) -> float:
        minute = int(now_s // 20)
        if minute not in spell:
            spell[minute] = dice.choice([0.0, 0.0, 0.0, 0.05, 0.4, 1.4])
        stalled_s = 0.6 * dice.choice([1, 1, 2, 4]) if dice.random() < 0.1 else 0.0
        return dice.lognormvariate(-5.5, 1.0) + spell[minute] * dice.random() + stalled_s

    return latency_s


async def _undisturbed(world: World, store: SqliteStore, seed: int, for_s: float) -> None:
    for name, process in world.processes.items():
        process.latency_s = _noise(seed, name)
    life = asyncio.ensure_future(Life(world, store, golden=GOLDEN).until_killed(for_s))
    dice = random.Random(seed)
    loop = asyncio.get_running_loop()
    while not life.done():
        await passes(dice.uniform(0.2, 5.0))
        world.offer({**transaction(dice), "loyalty": 1})
        if dice.random() < 0.2:
            loop.now_s += dice.uniform(0.1, 4.0)  # type: ignore[attr-defined]  # nobody ran
    assert await life is False


@pytest.mark.parametrize("seed", range(3))
def test_without_a_fault_nothing_is_done_however_busy_the_machine(store: SqliteStore, seed: int) -> None:
    world = World()
    run(lambda: _undisturbed(world, store, seed, 300))
    assert world.acts == []
    assert kinds(store) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
def test_without_a_fault_nothing_is_done_for_two_hours(store: SqliteStore, seed: int) -> None:
    world = World()
    run(lambda: _undisturbed(world, store, seed, 7200))
    assert world.acts == []
    assert kinds(store) == []
