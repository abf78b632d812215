"""Acts that nobody could see are not observable, and never zero."""

from __future__ import annotations

import msgspec
import pytest

from harness.estimates.rates import rate
from harness.report import html
from harness.report.figures import Figure
from harness.report.panels import appendix, runs

BLIND = [{"observed": False}, {"blind_s": 1.5}, {"unlisted_blind_s": 0.1}]


def shams(document, *, pairs=range(5), **change):
    """The document with its sham runs of some pairs changed."""
    changed = tuple(
        msgspec.structs.replace(r, **change) if r.sham and r.pair in pairs else r for r in document.runs
    )
    return msgspec.structs.replace(document, runs=changed)


def acts_shown(document, *, pair=0):
    """What the table of runs says of acts in the sham runs of a pair."""
    named = {r.run_id for r in document.runs if r.sham and r.pair == pair}
    return {row.acts for row in runs.run_rows(document) if row.run_id in named}


def test_no_act_in_sham_runs_that_were_watched_is_a_zero(make):
    document = make(n=5)
    assert {row.needless for row in runs.arm_rows(document)} == {Figure("0", "in 5 sham runs")}
    assert acts_shown(document) == {"0"}
    assert "<b>0</b><small>in 5 sham runs</small>" in html.render(document)
    assert not any(words.startswith("Acts, where") for words in appendix.not_measured(document))


@pytest.mark.parametrize("change", BLIND)
def test_acts_of_sham_runs_that_nobody_could_see_are_not_a_zero(make, change):
    document = shams(make(n=5), **change)
    nothing = Figure("not observable", "in 5 sham runs", quiet=True)
    assert {row.needless for row in runs.arm_rows(document)} == {nothing}
    assert acts_shown(document) == {"not observable"}
    page = html.render(document)
    assert "<b>not observable</b><small>in 5 sham runs</small>" in page
    assert "<b>0</b><small>in " not in page
    assert any(words.startswith("Acts, where") for words in appendix.not_measured(document))


@pytest.mark.parametrize("change", BLIND)
def test_only_sham_runs_that_were_watched_are_counted_and_the_others_told(make, change):
    document = shams(make(n=5), pairs=[0], **change)
    told = Figure("0", "in 4 sham runs", "1 not observable")
    assert {row.needless for row in runs.arm_rows(document)} == {told}
    assert acts_shown(document) == {"not observable"}
    assert acts_shown(document, pair=1) == {"0"}


def test_acts_that_a_blind_observer_saw_are_at_least_so_many(make):
    document = shams(make(n=5), pairs=[0], observed=False, acts=2)
    arms = tuple(msgspec.structs.replace(a, sham_acts=2) for a in document.estimates.arms)
    estimates = msgspec.structs.replace(document.estimates, arms=arms)
    document = msgspec.structs.replace(document, estimates=estimates)
    told = Figure("at least 2", "in 5 sham runs", "1 not observable")
    assert {row.needless for row in runs.arm_rows(document)} == {told}
    assert acts_shown(document) == {"at least 2"}


def test_acts_of_a_void_run_that_nobody_could_see_are_not_judged(make):
    document = shams(make(n=5), pairs=[0], observed=False, void="its history was cut")
    assert acts_shown(document) == {"not judged"}


def test_an_arm_without_a_sham_run_was_not_looked_at(make):
    document = make(n=1)
    arms = tuple(msgspec.structs.replace(a, sham_runs=0, sham_acts=0) for a in document.estimates.arms)
    estimates = msgspec.structs.replace(document.estimates, arms=arms)
    (row, *_) = runs.arm_rows(msgspec.structs.replace(document, estimates=estimates))
    assert row.needless.value == "not run"


def test_an_arm_tells_its_false_heals_with_hours_and_bound(make):
    document = make(n=5)
    assert {row.heals for row in runs.arm_rows(document)} == {Figure("0 in 0.5 h", "at most 6.0 an hour")}
    assert "<b>0 in 0.5 h</b><small>at most 6.0 an hour</small>" in html.render(document)


def test_false_heals_of_an_arm_that_nobody_could_watch_are_not_observable(make):
    document = make(n=1)
    arms = tuple(msgspec.structs.replace(a, false_heals=rate([], [0, 0])) for a in document.estimates.arms)
    estimates = msgspec.structs.replace(document.estimates, arms=arms)
    (row, *_) = runs.arm_rows(msgspec.structs.replace(document, estimates=estimates))
    assert row.heals == Figure("not observable", "in 2 runs", quiet=True)
