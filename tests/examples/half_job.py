"""A batch job with a planted bug: ``half_job.py STATE REPAIRS``; it commits each partition in two halves.

There is always one of which only the first half is there, so a kill at any instant leaves one behind. REPAIRS
``never``: what has any rows counts as done. A number: so many seconds after its start it looks for halves and
makes them whole, and writes into the file STAMPS when that was: monotonic seconds before and after the
commit, and the name.
"""

import csv
import os
import sqlite3
import sys
import threading
import time
from pathlib import Path

LOOK_S = 0.05
IDLE_LOOKS = 10  # without anything new for so long the last one is made whole, too
PAUSE = threading.Event()


def rows_of(file):
    with file.open(newline="") as rows:
        return [(file.name, int(row["id"]), float(row["amount"]) * 2) for row in csv.DictReader(rows)]


def commit(database, rows):
    with database:
        database.executemany("INSERT INTO scores VALUES (?, ?, ?)", rows)


def halves(database, state):
    """What a killed life has left behind, and the rows that each lacks."""
    counts = dict(database.execute("SELECT part, count(*) FROM scores GROUP BY part"))
    for name, count in counts.items():
        rows = rows_of(state / "in" / name)
        if count < len(rows):
            yield name, rows[count:]


def repair(database, state, names):
    for name, rows in halves(database, state):
        if name in names:
            before_s = time.monotonic()
            commit(database, rows)
            with Path(os.environ["STAMPS"]).open("a") as stamps:
                stamps.write(f"{before_s!r} {time.monotonic()!r} {name}\n")


def main(state, repairs):
    began_s = time.monotonic()
    database = sqlite3.connect(state / "scores.db")
    database.execute("CREATE TABLE IF NOT EXISTS scores (part TEXT, id INTEGER, score REAL)")
    done = {name for (name,) in database.execute("SELECT DISTINCT part FROM scores")}
    left = {name for name, _ in halves(database, state)} if repairs != "never" else set()
    rest, idle = [], 0
    while True:
        new = [file for file in sorted((state / "in").glob("*.csv")) if file.name not in done]
        for file in new:
            rows = rows_of(file)
            commit(database, rows[: len(rows) // 2])
            commit(database, rest)
            rest = rows[len(rows) // 2 :]
            done.add(file.name)
        idle = 0 if new else idle + 1
        if rest and idle > IDLE_LOOKS:
            commit(database, rest)
            rest = []
        if left and time.monotonic() >= began_s + float(repairs):
            repair(database, state, left)
            left = set()
        PAUSE.wait(LOOK_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
