"""`hormesis init --kind table`: files that the loader takes, whatever was said of the job."""

from __future__ import annotations

import json
import shlex
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.load import load_experiment
from harness.frontends.cli import main
from harness.frontends.scaffold_table import QUESTIONS, TableAnswers, place_of, scaffold_table

WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)
PLACES = st.sampled_from(["in/part-{number}.csv", "a b/{number}.jsonl", "x.db:arrivals:day"])


def test_the_files_are_written_and_valid_as_they_are(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "my job"
    assert main(["init", str(folder), "--kind", "table"]) == 0
    assert "rows.jsonl holds a placeholder" in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {"hormesis.yaml", "rows.jsonl", *QUESTIONS}
    assert main(["validate", *(str(folder / name) for name in QUESTIONS)]) == 0
    system = load_experiment(folder / "kill.yaml").system
    assert system.services["job"].command == ("{python}", "{system}/job.py", "{state}")
    assert (system.name, system.workload.archetype) == ("my-job", "table")


def test_what_was_said_stands_in_the_files(tmp_path: Path) -> None:
    words = "init DIR --kind table --command 'sh {system}/run.sh {state}' --worker job.py --columns a,b"
    words += " --lands jobs.db:arrivals:day --results out/{number}.jsonl --unit '{\"amount\": 3.5}'"
    assert main([str(tmp_path / "x") if word == "DIR" else word for word in shlex.split(words)]) == 0
    system = load_experiment(tmp_path / "x" / "hang.yaml").system
    table = system.workload.table
    assert (system.services["job"].worker, table.columns) == ("job.py", ("a", "b"))
    assert (table.lands.database, table.lands.table, table.lands.partition) == ("jobs.db", "arrivals", "day")
    assert (table.results.folder, table.results.name) == ("out", "{number}.jsonl")
    assert json.loads((tmp_path / "x" / "rows.jsonl").read_text()) == {"amount": 3.5}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--command", "job"], "{state}"),
        (["--lands", "part-{number}.csv"], "--lands"),
        (["--lands", "in/part.csv"], "{number}"),
        (["--results", "a.db:b"], "--results"),
        (["--kind", "tables"], "tables"),
    ],
)
def test_words_that_make_no_job_are_told(tmp_path: Path, capsys, words: list[str], told: str) -> None:
    assert main(["init", str(tmp_path / "x"), "--kind", "table", *words]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@given(st.lists(WORDS, max_size=3), WORDS, PLACES, PLACES, st.dictionaries(WORDS, WORDS, min_size=1))
def test_any_words_stay_words(command: list[str], worker: str, lands: str, results: str, unit: dict) -> None:
    """Text that YAML would read as something else, or end a line with, comes back as it was."""
    answers = TableAnswers(
        name="x",
        command=(*command, "{state}"),
        worker=worker,
        lands=place_of(lands),
        results=place_of(results if results != lands else "other/{number}.csv"),
        columns=("score",),
        unit=unit,
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, text in scaffold_table(answers).items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        system = load_experiment(Path(folder) / "kill.yaml").system
        assert json.loads((Path(folder) / "rows.jsonl").read_text(encoding="utf-8")) == unit
    assert (system.services["job"].command, system.services["job"].worker) == ((*command, "{state}"), worker)
    lands_at = system.workload.table.lands
    assert "{number}" in lands_at.name
    assert bool(lands_at.folder) == ("/" in lands)
