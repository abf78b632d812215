"""Partitions land whole; results are read as any other reader does, and only where they changed."""

from __future__ import annotations

import csv
import json
import math
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.driver.partitions import judge
from harness.driver.places import Shut, land, make_ready, open_results
from harness.experiment.tables import Place, Table

FILES = Place(folder="out", name="{number}.csv")
ROWS = Place(database="out.db", table="scores", partition="part", name="{number}")
RECORDS = [{"id": 0, "a": 1.5, "b": None, "c": True}, {"id": 1, "a": 2, "b": "x,y", "d": [1]}]
BODY = msgspec.json.encode(RECORDS)
DIES = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.executemany("INSERT INTO scores VALUES ('1', ?, 0.5)", [(n,) for n in range(20000)])
os.kill(os.getpid(), 9)
"""


def table(results: Place, lands: Place = FILES) -> Table:
    return Table(rows=2, every_s=1.0, deadline_s=1.0, lands=lands, results=results, columns=("y",))


def scored(root: Path, *rows: tuple[str, int, float]) -> sqlite3.Connection:
    database = sqlite3.connect(root / "out.db")
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS scores (part, id, y)")
        database.executemany("INSERT INTO scores VALUES (?, ?, ?)", rows)
    return database


def test_a_file_lands_as_csv_or_as_json_lines_and_nothing_else_is_left(tmp_path: Path) -> None:
    one = table(ROWS, Place(folder="a/in", name="{number}.csv"))
    make_ready(one, tmp_path)
    land(one, tmp_path, "1.csv", BODY)
    land(one, tmp_path, "2.jsonl", BODY)
    assert sorted(path.name for path in (tmp_path / "a/in").iterdir()) == ["1.csv", "2.jsonl"]
    with (tmp_path / "a/in/1.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {"id": "0", "a": "1.5", "b": "", "c": "true", "d": ""}
    assert second["b"] == "x,y"
    lines = (tmp_path / "a/in/2.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == RECORDS


def test_rows_land_in_one_transaction_and_a_database_that_is_shut_says_so(tmp_path: Path) -> None:
    one = table(FILES, Place(database="in.db", table="arrivals", partition="day", name="{number}"))
    land(one, tmp_path, "00001", BODY)
    database = sqlite3.connect(tmp_path / "in.db")
    assert database.execute("SELECT day, id, a, c, d FROM arrivals").fetchall() == [
        ("00001", 0, 1.5, 1, None),
        ("00001", 1, 2, None, "[1]"),
    ]
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Shut, match="locked"):
        land(one, tmp_path, "00002", BODY)
    database.rollback()
    assert database.execute("SELECT count(*) FROM arrivals").fetchone() == (2,)


def test_a_database_is_read_again_only_where_it_changed(tmp_path: Path) -> None:
    results = open_results(table(ROWS), tmp_path)
    names = ["00001", "00002"]
    assert results.changed(names, names) == {}  # there is no database yet
    sqlite3.connect(tmp_path / "out.db").close()
    assert results.changed(names, names) == {}
    database = scored(tmp_path, ("00001", 7, 0.5))
    assert results.changed(names[1:], names) == {}
    assert results.changed(names, names) == {"00001": [("7", (0.5,))]}  # asked for when it was there already
    assert results.changed(names, names) == {}
    with database:
        database.execute("INSERT INTO scores VALUES ('00002', 8, 0.25)")
    assert results.changed(names, [])["00002"] == [("8", (0.25,))]
    with database:
        database.execute("UPDATE scores SET y = 1")
    assert results.changed(names, ["00001"])["00001"] == [("7", (1,))]
    with database:
        database.execute("DELETE FROM scores WHERE part = '00002'")
    assert results.changed(names, [])["00002"] == []
    results.close()


def test_rows_that_are_written_over_in_the_same_number_are_read_again_in_turn(tmp_path: Path) -> None:
    many = Table(rows=400, every_s=1.0, deadline_s=1.0, lands=FILES, results=ROWS, columns=("y",))
    results = open_results(many, tmp_path)
    names = ["1", "2", "3"]
    database = scored(tmp_path, *((name, 7, 0.5) for name in names))
    assert results.changed(names, []).keys() == set(names)
    with database:
        database.execute("DELETE FROM scores")
        database.executemany("INSERT INTO scores VALUES (?, 7, 0.25)", [(name,) for name in names])
    looks = [results.changed(names, []) for _ in range(4)]
    assert [len(look) for look in looks] == [1, 1, 1, 0]  # a few at a time, all of them once, and no more
    assert {name: rows for look in looks for name, rows in look.items()} == {
        name: [("7", (0.25,))] for name in names
    }
    results.close()


def test_what_is_not_there_any_more_is_given_as_nothing(tmp_path: Path) -> None:
    results = open_results(table(ROWS), tmp_path)
    database = scored(tmp_path, ("1", 7, 0.5))
    assert results.changed(["1"], []) == {"1": [("7", (0.5,))]}
    with database:
        database.execute("DROP TABLE scores")
    assert results.changed(["1"], []) == {"1": []}
    scored(tmp_path, ("1", 7, 0.5)).close()
    assert results.changed(["1"], []) == {"1": [("7", (0.5,))]}
    database.close()
    (tmp_path / "out.db").unlink()
    assert results.changed(["1"], []) == {"1": []}
    scored(tmp_path, ("1", 7, 0.5)).close()
    assert results.changed(["1"], []) == {"1": [("7", (0.5,))]}
    (tmp_path / "out.db").unlink()
    scored(tmp_path, ("2", 8, 0.5)).close()  # another database in its place, between two looks
    assert results.changed(["1"], []) == {"1": []}
    results.close()


def test_a_transaction_that_a_kill_cut_is_seen_by_nobody(tmp_path: Path) -> None:
    scored(tmp_path, ("1", -1, 0.5)).close()
    died = subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "out.db")], check=False)
    assert died.returncode == -9
    assert (tmp_path / "out.db-journal").stat().st_size > 0
    results = open_results(table(ROWS), tmp_path)
    assert results.changed(["1"], ["1"]) == {"1": [("-1", (0.5,))]}
    results.close()


def test_who_holds_a_database_shut_is_not_seen_and_so_not_judged(tmp_path: Path) -> None:
    database = scored(tmp_path, ("1", 7, 0.5))
    database.execute("BEGIN EXCLUSIVE")
    results = open_results(table(ROWS), tmp_path)
    with pytest.raises(Shut, match="locked"):
        results.changed(["1"], ["1"])
    database.rollback()
    assert results.changed(["1"], ["1"]) == {"1": [("7", (0.5,))]}
    results.close()


def test_a_column_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "out.db")
    with database:
        database.execute("CREATE TABLE scores (part, id)")
        database.execute("INSERT INTO scores VALUES ('1', 2)")
    with pytest.raises(Shut, match="y"):
        open_results(table(ROWS), tmp_path).changed(["1"], ["1"])


def test_a_file_is_read_again_only_where_it_changed_and_half_a_line_is_no_row(tmp_path: Path) -> None:
    one = table(Place(folder="out", name="{number}.jsonl"))
    results = open_results(one, tmp_path)
    name = "00001.jsonl"
    assert results.changed([name], [name]) == {}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text('{"id": 1, "y": 0.5}\n{"id": 2, "y')
    assert results.changed([name], [name]) == {name: [("1", (0.5,))]}
    assert results.changed([name], [name]) == {}
    (tmp_path / "out" / name).write_text('{"id": 1, "y": 0.5}\n{"id": 2, "y": null}\n')
    assert results.changed([name], []) == {name: [("1", (0.5,)), ("2", (None,))]}
    (tmp_path / "out" / name).unlink()
    assert results.changed([name], []) == {name: []}


def test_whatever_a_table_holds_can_be_compared_with_the_same(tmp_path: Path) -> None:
    held = [(7, 0.1 + 0.2), (8, "it's\n\x1e\u20ac"), (9, None), (10, b"\x00\xff"), (11, math.inf), ("k", -5)]
    scored(tmp_path, *(("1", key, cell) for key, cell in held)).close()
    results = open_results(table(ROWS), tmp_path)
    (rows,) = results.changed(["1"], ["1"]).values()
    results.close()
    assert [key for key, _ in rows] == ["7", "8", "9", "10", "11", "k"]
    assert [cell for _, (cell,) in rows][1:] == ["it's\n\x1e\u20ac", None, "00FF", "Inf", -5]
    assert rows[0][1][0] == pytest.approx(0.3, abs=1e-12)
    assert judge(rows, rows, 0.0).state == "right"


def test_files_that_are_called_as_partitions_are_and_are_none_are_strays(tmp_path: Path) -> None:
    results = open_results(table(FILES), tmp_path)
    assert results.strays([]) == {}
    (tmp_path / "out").mkdir()
    for name in ("00001.csv", "1.csv", "_SUCCESS", "00001.csv.tmp"):
        (tmp_path / "out" / name).write_text("id,y\n1,0.5\n2,0.5\n")
    assert results.strays(["00001.csv"]) == {"1.csv": 2}
