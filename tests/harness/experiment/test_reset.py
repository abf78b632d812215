"""``reset:`` of a system file: commands with a limit, and only words that mean something between runs."""

from __future__ import annotations

import pytest

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from tests.harness.experiment.carets import under_carets


def with_reset(folder, text):
    file = folder / "system.yaml"
    file.write_text(file.read_text() + f"reset: {text}\n")
    return load_experiment(folder / "experiment.yaml").system.reset


def test_both_commands_are_read(folder):
    reset = with_reset(folder, '{do: ["{python}", "{system}/r.py"], prove: [sha256sum, a.db], within_s: 5}')
    assert reset.do == ("{python}", "{system}/r.py")
    assert (reset.prove, reset.within_s) == (("sha256sum", "a.db"), 5)


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("{do: [a]}", "HRM203", "reset"),
        ("{prove: []}", "HRM204", "["),
        ("{prove: [a], within_s: 0}", "HRM204", "0"),
        ("{prove: [a], within_s: 601}", "HRM204", "601"),
        ("{prove: [a, '{state}/a.db']}", "HRM204", "'{state}/a.db'"),
        ("{prove: [a], do: ['{port}']}", "HRM204", "'{port}'"),
        ("{prove: rm}", "HRM201", "rm"),
        ("{prove: [a], undo: [b]}", "HRM202", "undo"),
    ],
)
def test_what_is_wrong_is_pointed_at(folder, text, code, at):
    with pytest.raises(UsageProblem) as caught:
        with_reset(folder, text)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line) == (code, 10)
    assert under_carets(problem) == at
