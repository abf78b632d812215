"""What ``x-hormesis.score`` may ask, and what is wrong in it."""

import pytest

from harness.experiment.load import load_experiment
from harness.experiment.rules import ScoreRules
from tests.harness.experiment.carets import under_carets
from tests.harness.experiment.test_load import problems_of

RATED = (
    "profile: test\n  score: {implied: {human_repair_s: 7200, "
    "faults_per_30_days: {process.kill: {mean: 2, low: 1, high: 4}}}}"
)


@pytest.mark.parametrize(
    ("old", "new", "code", "marked"),
    [
        ("profile: test", "score: {weights: {process.hang: 2}}", "HRM222", "process.hang"),
        ("profile: test", "score: {weights: {process.kill: 0}}", "HRM204", "0"),
        ("profile: test", "score: {degraded_worth_ratio: 1.5}", "HRM204", "1.5"),
        ("profile: test", "score: {weight: {}}", "HRM202", "weight"),
        ("profile: test", RATED.replace("process.kill:", "process.hang:"), "HRM222", "process.hang"),
        ("profile: test", RATED.replace("process.kill:", "process.hang:"), "HRM203", "faults_per_30_days"),
        ("profile: test", RATED.replace("low: 1", "low: 3"), "HRM204", "2"),
        ("profile: test", RATED.replace("low: 1", "low: -1"), "HRM204", "-1"),
        ("profile: test", RATED.replace(", high: 4", ""), "HRM203", "process.kill"),
        ("profile: test", RATED.replace("7200", "5"), "HRM204", "5"),
        ("profile: test", RATED.replace("human_repair_s: 7200, ", ""), "HRM203", "implied"),
    ],
)
def test_what_is_wrong_is_named_and_marked(folder, old, new, code, marked):
    found = [problem for problem in problems_of(folder, (old, new)) if problem.code == code]
    assert [under_carets(problem) for problem in found] == [marked]
    assert found[0].help


def test_how_points_are_counted_is_read(folder):
    file = folder / "experiment.yaml"
    asked = "profile: test\n  score: {weights: {process.kill: 3}, degraded_worth_ratio: 0.6}"
    file.write_text(file.read_text().replace("profile: test", asked))
    assert load_experiment(file).score == ScoreRules(weights={"process.kill": 3}, degraded_worth_ratio=0.6)


def test_a_placebo_has_no_weight(folder):
    text = (folder / "experiment.yaml").read_text()
    action = text[text.index("  - type: action") : text.index("x-hormesis:")]
    surge = action.replace("process_kill", "placebo_surge").replace("kill-scorer", "surge")
    surge = surge.replace("{service: scorer}", "{duration_s: 1, factor: 1.5}")
    problems = problems_of(
        folder,
        (action, action + surge),
        ("profile: test", "profile: test\n  score: {weights: {placebo.surge: 2}}"),
    )
    assert [(p.code, under_carets(p)) for p in problems] == [("HRM226", "placebo.surge")]


def test_declared_rates_and_a_human_are_read(folder):
    file = folder / "experiment.yaml"
    file.write_text(file.read_text().replace("profile: test", RATED))
    implied = load_experiment(file).score.implied
    assert implied.human_repair_s == 7200
    assert implied.faults_per_30_days["process.kill"].high == 4
