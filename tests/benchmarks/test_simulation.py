"""What the figures of simulated worlds say of rows that differ, prove nothing, or show a dead one at work."""

from __future__ import annotations

from benchmarks import simulation
from benchmarks.simulation import EVENTS_MIN, KILLS, KILLS_AN_ITEM, Row, figures


def row(number: int, digest: str, events: int = EVENTS_MIN, faults: int = 1) -> Row:
    return Row(item="process", commit="c", number=number, digest=digest, events=events, faults=faults)


def killed(**told: object) -> Row:
    given = {"item": "kills 0", "commit": "c", "kills": KILLS, "lives": KILLS + 8, "accepted": 9}
    return Row(**{**given, **told})  # type: ignore[arg-type]


WELL = [row(0, "a"), row(0, "a"), row(1, "b"), row(1, "b")]


def missed(rows: list[Row]) -> list[str]:
    bars = figures(rows, kills=KILLS)["bars"]
    assert isinstance(bars, dict)
    return [name for name, met in bars.items() if not met]


def test_equal_digests_and_quiet_dead_miss_no_bar() -> None:
    assert missed([*WELL, killed()]) == []


def test_each_thing_that_is_wrong_misses_its_own_bar() -> None:
    assert missed([*WELL[:3], row(1, "c"), killed()]) == ["each episode has one digest in all processes"]
    proof = ["each episode is long enough and has a fault"]
    assert missed([*WELL, row(2, "d"), killed()]) == proof, "one process alone is compared with nothing"
    assert missed([*WELL[:3], row(1, "b", events=EVENTS_MIN - 1), killed()]) == proof
    assert missed([*WELL[:3], row(1, "b", faults=0), killed()]) == proof
    assert missed([*WELL, killed(seen=("x",))]) == ["nothing of the dead is written, sent or said"]
    assert missed([*WELL, killed(lost=1)]) == ["what was accepted is delivered"]
    assert missed([*WELL, killed(kills=KILLS - 1)]) == [f"{KILLS} kills"]


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
