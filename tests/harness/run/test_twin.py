"""The twin: what a job makes of clean input, alone; one that leaves some of it undone is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from harness.errors import Refused
from harness.experiment.load import load_experiment
from harness.experiment.tables import Place, Table
from harness.plan.schedule import make_plans
from harness.run.twin import Made, _Watched, _whole, key_of, make_twins
from tests.style.source import ROOT

PLACE = Place(database="out.db", table="scores", partition="part", name="{number}")
TABLE = Table(rows=600, every_s=1, deadline_s=0.1, lands=PLACE, results=PLACE, columns=("y",))
EXAMPLE = ROOT / "examples" / "table"
FEW = "profile: {base: table, baseline_units: 20, tau_s: 2, hold_s: 1, window_s: 1, wash_out_s: 1}"


def made_of(folder: Path, *changes: tuple[str, str]) -> Made:
    """The example with changes in its system file and in its program, on a short timetable."""
    for file in EXAMPLE.iterdir():
        text = file.read_text("utf-8").replace("profile: table", FEW)
        for old, new in changes:
            text = text.replace(old, new)
        (folder / file.name).write_text(text)
    experiment = load_experiment(folder / "kill.yaml")
    return Made(experiment, folder, "", folder / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path


def test_rows_that_a_job_fills_in_after_it_wrote_them_are_right_as_filled_in(folder: Path) -> None:
    database = sqlite3.connect(folder / "out.db")
    with database:
        database.execute("CREATE TABLE scores (part, id, y)")
        database.executemany("INSERT INTO scores VALUES (?, ?, NULL)", [("00000", 0), ("00001", 600)])
    looks = iter(range(1000))

    def fills_in() -> None:
        if next(looks) == 2:
            with database:
                database.execute("UPDATE scores SET y = 0.5")

    found, _ = _whole(TABLE, folder, 2, _Watched(fills_in, 60.0))
    assert found == {"00000": [("0", (0.5,))], "00001": [("600", (0.5,))]}


@pytest.mark.slow
@pytest.mark.live
def test_all_runs_of_a_pair_are_judged_by_one_twin_of_their_own_partitions(folder: Path) -> None:
    made, said = made_of(folder), []
    plans = make_plans(made.experiment, 3)
    assert len(plans) == 2
    twins = make_twins(plans, made, said.append)
    assert {key_of(plan) for plan in plans} == set(twins)
    assert len(said) == len(twins) == 1
    (twin,) = twins.values()
    assert {len(rows) for rows in twin.partitions} == {200}
    keys = [int(key) for rows in twin.partitions for key, _ in rows]
    assert sorted(keys) == list(range(len(keys)))
    assert all(0 < cells[0] < 1 for rows in twin.partitions for _, cells in rows)


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            ("if file.name in done:", 'if file.name in done or "00007" in file.name:'),
            "part-00007.csv; run it",
        ),
        (("columns: [leaves]", "columns: [stays]"), "no such column: scores.stays"),
    ],
    ids=["a partition that it skips", "a column that it does not write"],
)
def test_a_job_that_leaves_clean_input_undone_is_refused_and_gone(folder: Path, change, why: str) -> None:
    made = made_of(folder, change)
    with pytest.raises(Refused, match="alone on clean input") as refused:
        make_twins(make_plans(made.experiment, 3), made, lambda _: None)
    assert why in str(refused.value)
