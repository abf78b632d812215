"""A batch job as one finds them: it looks for new files of customers and writes who will leave.

Nothing here knows of a test harness. ``python score.py STATE``: files ``STATE/incoming/*.csv`` come in, rows
of the table ``scores`` in ``STATE/scores.db`` go out, one transaction a file. What has rows there is done.
"""

import csv
import math
import sqlite3
import sys
import time
from pathlib import Path

LOOK_S = 0.2
WEIGHTS = {"months": -0.06, "tickets": 0.45, "spend": -0.012}
PLANS = {"basic": 0.4, "plus": 0.0, "family": -0.3}


def score(customer: dict[str, str]) -> float:
    """How likely this customer is to leave."""
    at = PLANS.get(customer["plan"], 0.0) + sum(w * float(customer[name]) for name, w in WEIGHTS.items())
    return round(1 / (1 + math.exp(-at)), 6)


def main(state: Path) -> None:
    """Score what comes, for ever."""
    database = sqlite3.connect(state / "scores.db")
    database.execute("CREATE TABLE IF NOT EXISTS scores (part TEXT, id INTEGER, leaves REAL)")
    done = {part for (part,) in database.execute("SELECT DISTINCT part FROM scores")}
    while True:
        for file in sorted((state / "incoming").glob("*.csv")):
            if file.name in done:
                continue
            with file.open(newline="") as rows:
                scored = [(file.name, row["id"], score(row)) for row in csv.DictReader(rows)]
            with database:
                database.executemany("INSERT INTO scores VALUES (?, ?, ?)", scored)
            done.add(file.name)
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
