"""Ten minutes, by the docs alone: what is taken of them, what is a bar, and the walk itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ten_minutes import DOCUMENT, Step, bars_and_figures, commands_of, server_of, walk
from harness.experiment.load import load_experiment

TABLE = "DONE  x\n\n  n  impact\nprocess.kill server\n  none, fast  1\n"
INIT, VALIDATE, RUN = (Step("hormesis", 1.0, 0, said) for said in ("wrote", "ok", TABLE))
SHOWN = DOCUMENT.read_text("utf-8")


def missed(*steps: Step) -> list[str]:
    return [words for words, met in bars_and_figures(steps, 3)["bars"].items() if not met]


def test_the_docs_show_a_server_and_three_commands() -> None:
    assert [command.split()[1] for command in commands_of(SHOWN)] == ["init", "validate", "run"]
    compile(server_of(SHOWN), "server.py", "exec")


def test_the_first_two_commands_leave_a_question_that_can_be_asked(tmp_path: Path) -> None:
    without_run = SHOWN.replace(commands_of(SHOWN)[-1], "")
    steps = walk(tmp_path, without_run)
    assert [step.exit_code for step in steps] == [0, 0], steps
    system = load_experiment(tmp_path / "kill.yaml").system
    assert (system.services["server"].readiness, system.workload.decision) == ("/ping", "/price")
    assert "placeholder" not in steps[0].said


def test_a_walk_that_breaks_off_or_takes_too_long_or_shows_no_table_misses_its_bars() -> None:
    assert missed(INIT, VALIDATE, RUN) == []
    assert len(missed()) == len(missed(INIT, VALIDATE)) == 3
    assert len(missed(INIT, VALIDATE, replace(RUN, exit_code=4))) == 3
    assert missed(INIT, VALIDATE, replace(RUN, said="nothing")) == [
        "the last one shows the table",
        "within ten minutes",
    ]
    assert missed(INIT, VALIDATE, replace(RUN, seconds=601.0)) == ["within ten minutes"]


@pytest.mark.slow
@pytest.mark.live
def test_the_docs_lead_from_an_empty_folder_to_the_first_table(tmp_path: Path, trusted) -> None:
    folders = iter(tmp_path / str(number) for number in range(9))

    def once() -> list[Step]:
        folder = next(folders)
        folder.mkdir()
        return walk(folder, SHOWN)

    steps = trusted(once, lambda seen: seen[-1].said if seen[-1].exit_code == 4 else "")
    bars = bars_and_figures(steps, 3)["bars"]
    assert bars["the last one shows the table"], steps[-1].said
