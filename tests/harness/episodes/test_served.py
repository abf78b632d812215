"""Versions that answered, aliases that moved and by whom, and words about the model around one fault."""

from __future__ import annotations

import numpy as np
import pytest

from harness.episodes.log import RunLog
from harness.episodes.served import APART_UNITS, models_of
from harness.faults.effects import Hook
from harness.history.events import Acted, Injected
from harness.history.model import Said
from harness.history.observations import BAD, DEGRADED, DTYPE, GOOD, LOAD, WITNESS, Rows

NAMES = ("1.0.0+a", "fallback", "1.1.0+b")
INJECT_S = 100.0


def _rows(*told: tuple[float, int, int, int]) -> Rows:
    """Rows of (due, version, outcome, stream)."""
    rows = np.zeros(len(told), DTYPE)
    for row, (due, version, outcome, stream) in zip(rows, told, strict=True):
        row["due"], row["version"], row["outcome"], row["stream"] = due, version, outcome, stream
    return rows


def _answered(*versions: int, every_s: float = 0.02) -> Rows:
    """Full answers to the witness by these versions, one after the other, from the fault on."""
    return _rows(*((INJECT_S + n * every_s, version, GOOD, WITNESS) for n, version in enumerate(versions)))


def _stretches(rows: Rows) -> list[tuple[str, float, float, int]]:
    found = _told(rows, RunLog(versions=NAMES))
    return [(one.version, one.from_s, one.until_s, one.units) for one in found.served]


def _changed(at_s: float, detail: str) -> Acted:
    return Acted(
        at_s=at_s,
        received_s=at_s,
        observer="registry:/aliases/champion",
        service="registry",
        act="alias_changed",
        detail=detail,
    )


def _told(rows: Rows, log: RunLog, journal: tuple[Said, ...] = ()):
    return models_of(rows, log, journal, inject_s=INJECT_S, from_s=INJECT_S - 5.0, until_s=INJECT_S + 90.0)


def test_each_version_is_told_from_its_first_to_its_last_full_answer_to_the_witness() -> None:
    rows = _rows(
        (99.0, 1, GOOD, WITNESS),
        (130.0, 1, GOOD, WITNESS),
        (120.0, 3, GOOD, WITNESS),
        (150.0, 3, GOOD, WITNESS),
        (155.0, 2, DEGRADED, WITNESS),
        (156.0, 2, BAD, WITNESS),
        (157.0, 2, GOOD, LOAD),
        (158.0, 0, GOOD, WITNESS),
        (300.0, 3, GOOD, WITNESS),
    )
    found = _told(rows, RunLog(versions=NAMES))
    assert [(one.version, one.from_s, one.until_s, one.units) for one in found.served] == [
        ("1.0.0+a", -1.0, 30.0, 2),
        ("1.1.0+b", 20.0, 50.0, 2),
    ]


def test_where_one_version_answered_all_along_there_is_nothing_to_tell() -> None:
    assert _told(_rows((101.0, 1, GOOD, WITNESS)), RunLog(versions=NAMES)) is None


def test_changes_name_who_made_them_and_words_of_other_things_are_left_out() -> None:
    hook = Hook(hook="model", action="stale")
    injected = Injected(
        episode=0,
        effect=hook,
        sham=False,
        asked_at_s=99.5,
        effective_at_s=INJECT_S,
        pid=0,
        proof=(),
        shows="registry:/aliases/champion old",
    )
    acted = [_changed(100.1, "champion new -> old"), _changed(110.0, "champion old -> new")]
    journal = (
        Said(108.0, "decided", "model", "it loses more than is borne"),
        Said(109.0, "decided", "scorer-a", "it hangs"),
        Said(500.0, "verified", "model", "long after"),
    )
    found = _told(_rows(), RunLog(versions=NAMES, injected={0: injected}, acted=acted), journal)
    assert [(one.at_s, one.by) for one in found.changes] == [(0.1, "harness"), (10.0, "healer")]
    assert [(one.at_s, one.what) for one in found.told] == [(8.0, "decided")]


def test_a_version_number_that_no_list_names_is_left_out() -> None:
    assert _told(_rows((101.0, 9, GOOD, WITNESS), (102.0, 1, GOOD, WITNESS)), RunLog(versions=NAMES)) is None


def test_a_version_that_was_put_back_did_not_answer_in_between() -> None:
    """Whatever order the rows were written in: what counts is when the units were due."""
    rows = _answered(*[1] * 200, *[3] * 300, *[1] * 200)
    told = [("1.0.0+a", 0.0, 3.98, 200), ("1.1.0+b", 4.0, 9.98, 300), ("1.0.0+a", 10.0, 13.98, 200)]
    assert _stretches(rows) == told
    assert _stretches(np.random.default_rng(1).permutation(rows)) == told


@pytest.mark.parametrize(("others", "stretches"), [(APART_UNITS - 1, 1), (APART_UNITS, 2)])
def test_a_stretch_ends_where_so_many_units_in_a_row_were_answered_by_others(
    others: int, stretches: int
) -> None:
    found = _stretches(_answered(1, *[3] * others, 1))
    assert len([version for version, *_ in found if version == "1.0.0+a"]) == stretches


def test_time_without_answers_and_answers_that_are_not_full_are_no_end_of_a_stretch() -> None:
    rows = _answered(*[1, 3] * 5, *[2] * APART_UNITS, *[0] * APART_UNITS, *[1, 3] * 5, every_s=0.1)
    rows["outcome"][rows["version"] == 2] = DEGRADED
    assert [units for *_, units in _stretches(rows)] == [10, 10]


def test_a_tenth_of_the_units_is_one_stretch_and_not_many() -> None:
    """A canary that lasts 36 times as long as the pipeline's own, ten times over."""
    for seed in range(10):
        versions = np.where(np.random.default_rng(seed).random(3600) < 0.1, 3, 1)
        assert len(_stretches(_answered(*versions.tolist()))) == 2
