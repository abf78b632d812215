"""Every class of edge and schema fault twice, with and without the healer; six minutes of placebos.

The same experiments, judged the same way, as in full by ``benchmarks/{healing,placebos}.py``.
"""

from __future__ import annotations

import pytest

from benchmarks import healing, placebos
from benchmarks.healing_figures import WRONG_RENAME, figures

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(3600)]


def arms_of(name):
    return ["reference"] if name == WRONG_RENAME else ["reference", "none"]


@pytest.mark.parametrize(("name", "arm"), [(n, arm) for n in healing.EXPERIMENTS for arm in arms_of(n)])
def test_each_class_twice_ends_as_the_bars_want_it(name, arm):
    rows = [row for repetition in (0, 1) for row in healing.measure(name, repetition, arm)]
    assert [row.void for row in rows if row.void] == []
    wrong = [words for words, met in figures(rows, least=2)["bars"].items() if not met]
    assert wrong == []


def test_sham_and_placebos_see_no_act():
    trials = placebos.measure(seed=7, lasts_s=60.0)
    assert [trial.void for trial in trials if trial.void] == []
    assert sum(trial.seconds for trial in trials) == 360.0
    assert [trial.acts for trial in trials] == [0] * 6
