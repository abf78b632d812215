"""Versions that answered, aliases that moved and by whom, and words about the model around one fault."""

from __future__ import annotations

import numpy as np

from harness.episodes.log import RunLog
from harness.episodes.served import models_of
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
