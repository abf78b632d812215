"""What the figures of simulated worlds say of rows that differ, prove nothing, or show a dead one at work."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from benchmarks import simulation
from benchmarks.simulation import EVENTS_MIN, HASH_SEEDS, KILLS, KILLS_AN_ITEM, PROCESSES, Row, figures


def row(number: int, digest: str, item: str = "process 0 0") -> Row:
    return Row(item=item, commit="c", number=number, digest=digest, events=EVENTS_MIN, faults=1)


def killed(**told: object) -> Row:
    given = {"item": "kills 0", "commit": "c", "kills": KILLS, "lives": KILLS + 8, "accepted": 9}
    return Row(**{**given, **told})  # type: ignore[arg-type]


ITEMS = [f"process {hash_seed} {process}" for process in range(PROCESSES) for hash_seed in HASH_SEEDS]
WELL = [row(number, digest, item) for item in ITEMS for number, digest in enumerate("ab")]
ONE_DIGEST = "each episode has one digest in all processes"
PROOF = "each episode is long enough and has a fault"
DELIVERED = "what was accepted is delivered"


def missed(rows: list[Row]) -> list[str]:
    bars = figures(rows, kills=KILLS, episodes=2)["bars"]
    assert isinstance(bars, dict)
    return [name for name, met in bars.items() if not met]


def test_equal_digests_and_quiet_dead_miss_no_bar() -> None:
    assert missed([*WELL, killed()]) == []


def test_each_thing_that_is_wrong_misses_its_own_bar() -> None:
    last = WELL[-1]
    assert missed([*WELL[:-1], replace(last, digest="c"), killed()]) == [ONE_DIGEST]
    assert missed([*WELL, row(2, "d"), killed()]) == [PROOF], "one process alone is compared with nothing"
    assert missed([*WELL[:-1], replace(last, events=EVENTS_MIN - 1), killed()]) == [PROOF]
    assert missed([*WELL[:-1], replace(last, faults=0), killed()]) == [PROOF]
    assert missed([*WELL, killed(seen=("x",))]) == ["nothing of the dead is written, sent or said"]
    assert missed([*WELL, killed(lost=1)]) == [DELIVERED]
    assert missed([*WELL, killed(kills=KILLS - 1)]) == [f"{KILLS} kills"]


@pytest.mark.parametrize(
    "rows",
    [
        [one for one in WELL if one.number == 0],
        [one for one in WELL if one.item.split()[1] == HASH_SEEDS[0]],
        [one for one in WELL if not one.item.endswith(f" {PROCESSES - 1}")],
        WELL[:-1],
        [*WELL[:-1], replace(WELL[-1], digest="")],
        [*WELL, replace(WELL[-1], digest="")],
        [*WELL[:-1], WELL[0]],
    ],
    ids=["episodes", "a hash seed", "a process", "one row", "a digest", "another digest", "the same twice"],
)
def test_what_was_asked_for_and_is_not_there_misses_the_bar_of_digests(rows: list[Row]) -> None:
    assert ONE_DIGEST in missed([*rows, killed()])


def test_what_is_not_there_is_named() -> None:
    told = figures([*WELL[:-1], killed()], kills=KILLS, episodes=2)
    assert told["missing"] == [f"{ITEMS[-1]}: episode 1"]
    assert figures([*WELL, killed()], kills=KILLS, episodes=2)["missing"] == []


def test_a_try_has_fewer_processes_and_all_of_its_own() -> None:
    few = [one for one in WELL if one.item.endswith(" 0")]
    bars = figures([*few, killed()], kills=KILLS, episodes=2, processes=1)["bars"]
    assert all(bars.values())


def test_where_nothing_was_accepted_nothing_is_delivered() -> None:
    assert missed([*WELL, killed(accepted=0)]) == [DELIVERED]
    assert missed([*WELL, killed(), killed(item="kills 1", accepted=0)]) == [DELIVERED]


def test_no_rows_are_no_proof() -> None:
    assert len(missed([])) == 5


def test_the_items_are_all_processes_in_orders_of_their_own_and_all_kills() -> None:
    items = list(simulation._items())
    assert len(set(items)) == len(items)
    assert sum(item.startswith("process") for item in items) == 6
    assert sum(item.startswith("kills") for item in items) * KILLS_AN_ITEM == KILLS
    orders = [simulation._order(20, process) for process in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({order[0] for order in orders}) == 3
