"""The table archetype on a real loop: landed on time, judged at the deadline, waited for until the end."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from pathlib import Path

import msgspec
import pytest

from harness.driver.openloop import OpenLoop
from harness.driver.partitions import Twin
from harness.driver.places import make_ready
from harness.driver.sinks import MemorySink
from harness.driver.tables import TableWorkload
from harness.driver.workload import Parcel, Unit
from harness.driver.writer import RowWriter
from harness.experiment.tables import Place, Table
from harness.history.observations import BAD, GOOD, REASONS, UNKNOWN, WITNESS, read_rows

ROWS = 4
TABLE = Table(
    rows=ROWS,
    every_s=0.05,
    deadline_s=1.0,
    lands=Place(folder="in", name="{number}.csv"),
    results=Place(database="out.db", table="scores", partition="part", name="{number}"),
    columns=("y",),
)
RIGHT, LATE, HALF, WRONG, TWICE, SPOILT, NEVER, OVER = range(8)
ENDS_S = 2.5
LATE_S = 1.4


def parcel(number: int) -> Parcel:
    rows = [{"id": number * ROWS + n, "x": n} for n in range(ROWS)]
    name = TABLE.lands.called(number)
    return Parcel(0.0, (Unit(number, name, WITNESS, 0.0, weight=ROWS),), msgspec.json.encode(rows))


def results_of(number: int) -> list[tuple[str, int, float]]:
    return [(TABLE.results.called(number), number * ROWS + n, n / 2) for n in range(ROWS)]


def twin(count: int) -> Twin:
    rows = (tuple((str(key), (y,)) for _, key, y in results_of(number)) for number in range(count))
    return Twin(partitions=tuple(rows), lasted_s=0.0)


class Job:
    """Writes what a job would, when the test says so."""

    def __init__(self, root: Path) -> None:
        self._database = sqlite3.connect(root / "out.db")
        self._database.execute("CREATE TABLE scores (part, id, y)")

    def write(self, rows: list[tuple[str, int, float]]) -> None:
        with self._database:
            self._database.executemany("INSERT INTO scores VALUES (?, ?, ?)", rows)

    def at_once(self) -> None:
        self.write(results_of(RIGHT) + results_of(OVER) + results_of(SPOILT) + results_of(HALF)[:2])
        self.write([(part, key, y + 1) for part, key, y in results_of(WRONG)])
        self.write(results_of(TWICE) + results_of(TWICE)[:1])

    def later(self) -> None:
        self.write(results_of(LATE) + results_of(SPOILT)[:2] + results_of(HALF)[2:3])
        with self._database:
            self._database.execute("UPDATE scores SET y = 9 WHERE part = ?", [TABLE.results.called(OVER)])

    def shut(self) -> None:
        self._database.execute("BEGIN EXCLUSIVE")


async def offered(root: Path, count: int, *steps: tuple[float, object]):
    """Offer ``count`` partitions at once, take ``steps`` at their seconds; gives rows and what was told."""
    make_ready(TABLE, root)
    told: list[dict[str, object]] = []
    sink, loop = MemorySink(), asyncio.get_running_loop()
    writer = RowWriter(sink)
    async with TableWorkload(TABLE, root, twin(count), ends_s=ENDS_S, tell=told.append) as workload:
        for at_s, step in steps:
            loop.call_later(at_s, step)
        await OpenLoop(workload, writer, told.append).run([parcel(n) for n in range(count)], loop.time())
        writer.close()
    rows = read_rows(bytes(sink.data))
    return rows[rows["unit"].argsort()], [one["partition"] for one in told if "partition" in one]


def test_each_partition_gets_the_outcome_and_the_word_that_it_deserves(tmp_path: Path) -> None:
    job = Job(tmp_path)
    rows, told = asyncio.run(offered(tmp_path, 8, (0.0, job.at_once), (LATE_S, job.later)))
    reasons = [REASONS[reason] for reason in rows["reason"]]
    assert reasons == ["", "late", "half", "wrong", "doubled", "", "missing", ""]
    assert rows["outcome"].tolist() == [GOOD, *[BAD] * 4, GOOD, BAD, GOOD]
    assert rows["score"].tolist() == pytest.approx([1, 1, 0.75, 0, 0.75, 1, 0, 1])
    assert set(rows["weight"]) == {ROWS}
    assert not rows["sent"].size or math.isfinite(rows["sent"].sum())
    late = rows["ended"][LATE] - rows["due"][LATE]
    assert late > LATE_S - 0.1
    stories = {n: [one["state"] for one in told if one["name"] == f"{n:05}.csv"] for n in range(8)}
    assert stories == {
        RIGHT: [],
        LATE: ["missing", "right"],
        HALF: ["half", "half"],
        WRONG: ["wrong"],
        TWICE: ["doubled"],
        SPOILT: ["doubled"],  # after its row was written: told, so that it is owed again
        NEVER: ["missing"],
        OVER: ["wrong"],  # after it was written over, with as many rows as before
    }
    assert [one["right"] for one in told if one["name"] == "00002.csv"] == [2, 3]


def test_who_holds_the_results_shut_makes_them_unknown_and_nothing_is_lost_of_it(tmp_path: Path) -> None:
    job = Job(tmp_path)
    rows, told = asyncio.run(offered(tmp_path, 1, (0.0, job.shut)))
    assert (rows["outcome"].tolist(), REASONS[rows["reason"][0]]) == ([UNKNOWN], "timeout")
    assert [one["state"] for one in told] == ["missing"]


def test_a_column_that_is_not_there_never_reads_as_right(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "out.db") as database:
        database.execute("CREATE TABLE scores (part, id)")
        database.executemany("INSERT INTO scores VALUES (?, ?)", [row[:2] for row in results_of(0)])
    rows, _ = asyncio.run(offered(tmp_path, 1))
    assert rows["outcome"].tolist() == [UNKNOWN]
