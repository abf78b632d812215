"""The audit of a table run: each row that landed ended in one place; what is not right is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from harness.driver.partitions import Judged, Twin
from harness.experiment.tables import Place, Table
from harness.run.landing import Landing, audited

TABLE = Table(
    rows=2,
    every_s=1.0,
    deadline_s=1.0,
    lands=Place(folder="in", name="day-{number}.csv"),
    results=Place(database="out.db", table="scores", partition="part", name="{number}"),
    columns=("y",),
)
TWIN = Twin(
    partitions=tuple(((str(2 * n), (0.5,)), (str(2 * n + 1), (1.5,))) for n in range(4)), lasted_s=1.0
)


def test_rows_are_added_up_by_where_they_ended_and_the_first_wrong_partitions_are_named() -> None:
    judged = {
        0: Judged(rows=2, right=2),
        1: Judged(rows=2, right=1),
        2: Judged(rows=2, wrong=1, doubled=1),
        3: Judged(rows=2, right=2, foreign=1),
    }
    found = audited(TABLE, judged, -1.0, {})
    assert (found.accepted, found.delivered_once, found.missing) == (8, 5, 1)
    assert (found.changed, found.doubled, found.foreign) == (1, 1, 1)
    assert found.examples == (
        "half: day-00001.csv, 1 of 2 rows right",
        "doubled: day-00002.csv, 0 of 2 rows right",
        "wrong: day-00003.csv, 2 of 2 rows right",
    )
    assert found.accepted == found.delivered_once + found.missing + found.changed + found.doubled


def test_the_results_are_read_again_from_the_first_partition_on(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "out.db") as database:
        database.execute("CREATE TABLE scores (part, id, y)")
        rows = [("00000", 0, 0.5), ("00000", 1, 1.5), ("00002", 4, 0.5)]
        database.executemany("INSERT INTO scores VALUES (?, ?, ?)", rows)
    landing = Landing(TABLE, TWIN, tmp_path, tmp_path / "twin.json")
    states = {number: one.state for number, one in landing.judged([0, 1, 2]).items()}
    assert states == {0: "right", 1: "missing", 2: "half"}
    landing.make_ready()
    assert (tmp_path / "in").is_dir()
    assert (landing.event().partitions, landing.event().rows) == (4, 8)
    assert set(landing.spec()) == {"landing", "twin"}


def test_rows_under_the_name_of_no_partition_are_foreign_and_named(tmp_path: Path) -> None:
    """A job that writes a partition twice, once under another name, has not made it once."""
    with sqlite3.connect(tmp_path / "out.db") as database:
        database.execute("CREATE TABLE scores (part, id, y)")
        rows = [(name, n, 0.5 + n) for name in ("00000", "0", "00009", "total") for n in (0, 1)]
        database.executemany("INSERT INTO scores VALUES (?, ?, ?)", rows)
    landing = Landing(TABLE, TWIN, tmp_path, tmp_path / "twin.json")
    assert landing.strays() == {"0": 2, "00009": 2}
    found = audited(TABLE, landing.judged([0]), 0.1, landing.strays())
    assert (found.accepted, found.delivered_once, found.foreign) == (2, 2, 4)
    assert found.examples == ("foreign: 2 rows under '0'", "foreign: 2 rows under '00009'")
