"""Regret, training and false heals in words: what was not seen is never a zero."""

from __future__ import annotations

import pytest

from harness.estimates.means import mean
from harness.estimates.model import TrainingEstimate
from harness.estimates.rates import rate
from harness.report.costs import heals_figure, heals_text, training_figure
from harness.report.figures import Figure


def trained(*cpu_s: float, trainings: int = 2, blind: int = 0, untold: int = 0) -> TrainingEstimate:
    return TrainingEstimate(
        n=len(cpu_s) + untold, blind=blind, trainings=trainings, untold=untold, cpu_s=mean(cpu_s)
    )


@pytest.mark.parametrize(
    ("found", "figure"),
    [
        (None, Figure("–", quiet=True)),
        (trained(trainings=0), Figure("–", quiet=True)),
        (trained(trainings=0, blind=2), Figure("not observable", quiet=True)),
        (trained(0.0, trainings=0), Figure("no training", quiet=True)),
        (trained(0.0, trainings=0, blind=1), Figure("no training", "1 not observable", quiet=True)),
        (trained(3.2), Figure("3.2 s", "one run: no interval", "2 trainings")),
        (trained(3.2, trainings=1), Figure("3.2 s", "one run: no interval", "1 training")),
        (trained(3.2, blind=1), Figure("3.2 s", "one run: no interval", "2 trainings; 1 not observable")),
        (trained(3.2, untold=1), Figure("not told", "2 trainings", quiet=True)),
    ],
)
def test_training_in_words(found: TrainingEstimate | None, figure: Figure) -> None:
    assert training_figure(found) == figure


@pytest.mark.parametrize(
    ("runs", "blind", "figure"),
    [
        ([(0, 1.0)], [], Figure("0 in 1 h", "at most 3.0 an hour")),
        ([(0, 0.0051)], [], Figure("0 in 0.0051 h", "at most 590 an hour")),
        ([(1, 1.0), (1, 1.0)], [], Figure("2 in 2 h", "1.0 an hour, at most 3.2")),
        ([(9, 1.0), (0, 1.0)], [], Figure("9 in 2 h", "4.5 an hour, in clusters: no bound")),
        ([(0, 1.0)], [0], Figure("0 in 1 h", "at most 3.0 an hour", "1 run not observable")),
        (
            [(0, 1.0)],
            [2, 1],
            Figure("0 in 1 h", "at most 3.0 an hour", "2 runs not observable, 3 seen there"),
        ),
        ([], [0, 0], Figure("not observable", "in 2 runs", quiet=True)),
        ([], [2], Figure("not observable", "in 1 run, 2 seen there", quiet=True)),
        ([], [], Figure("not looked at", quiet=True)),
    ],
)
def test_false_heals_in_words(runs: list[tuple[int, float]], blind: list[int], figure: Figure) -> None:
    assert heals_figure(rate(runs, blind)) == figure


def test_a_report_of_earlier_times_says_nothing_of_false_heals() -> None:
    assert heals_figure(None) == Figure("–", quiet=True)


def test_on_a_terminal_bound_and_blindness_stand_behind_the_count() -> None:
    assert heals_text(rate([(0, 1.0)], [0])) == "0 in 1 h (at most 3.0 an hour; 1 run not observable)"
    assert heals_text(rate([])) == "not looked at"
