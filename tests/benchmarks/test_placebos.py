"""Bars of the placebo part: an act, a void trial, a blind one, a missing kind."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.healing_figures import Row
from benchmarks.placebos import KINDS, SHAM, Trial, bars_and_figures, sham_trials

QUIET = Trial(
    kind="sham",
    seed=1,
    commit="abc",
    seconds=60.0,
    void="",
    acted=False,
    acts=0,
    blind_s=0.5,
    absorbed=True,
    exactly_once=True,
    degraded_ratio=0.0,
)


def missed(trials):
    return [words for words, met in bars_and_figures(trials, wanted_s=120.0)["bars"].items() if not met]


def all_kinds():
    return [msgspec.structs.replace(QUIET, kind=kind) for kind in KINDS for _ in range(2)]


def test_quiet_trials_of_every_kind_meet_all_bars():
    assert missed(all_kinds()) == []


@pytest.mark.parametrize("changes", [{"blind_s": 60.0}, {"void": "witness stalled"}])
def test_a_trial_in_which_nothing_could_be_seen_meets_no_bar(changes):
    trials = all_kinds()
    trials[0] = msgspec.structs.replace(trials[0], **changes)
    assert missed(trials) == ["sham: 2 minutes", "sham: no act", "no act in any run", "exactly once"]
    figures = bars_and_figures(trials, wanted_s=120.0)["kinds"]["sham"]
    assert (figures["seconds"], figures["void"]) == (60.0, 1)


def test_an_act_misses_its_bars():
    trials = [*all_kinds(), msgspec.structs.replace(QUIET, acted=True, acts=1)]
    assert missed(trials) == ["sham: no act", "no act in any run"]


def test_a_kind_without_a_trial_misses_its_bars():
    assert missed(all_kinds()[2:]) == ["sham: 2 minutes", "sham: no act", "all four"]
    assert len(missed([])) == 2 * len(KINDS) + 4


def test_a_surge_that_was_felt_was_above_capacity():
    surge = msgspec.structs.replace(QUIET, kind="placebo.surge", absorbed=False)
    assert missed([*all_kinds(), surge]) == ["surge inside capacity: absorbed in every trial"]


ROW = Row(
    experiment="schema",
    repetition=0,
    arm="reference",
    seed=3,
    commit="abc",
    history_sha256="h",
    sham=True,
    void="",
    exactly_once=True,
    audit="",
    acts=0,
    blind_s=0.1,
    units=12_000,
    degraded=6,
    acts_seen=True,
    repeated=0,
)


def test_sham_runs_of_the_faults_are_trials_of_their_own_length():
    others = [msgspec.structs.replace(ROW, sham=False), msgspec.structs.replace(ROW, arm="none")]
    (trial,) = sham_trials([ROW, *others], rate_hz=200.0)
    assert (trial.kind, trial.seconds, trial.acted, trial.void) == (SHAM, 60.0, False, "")
    assert trial.degraded_ratio == 0.0005
    assert missed([*all_kinds()[2:], trial, trial]) == []


@pytest.mark.parametrize(
    ("changes", "bar"),
    [
        ({"acts": 1}, "sham: no act"),
        ({"void": "witness stalled"}, "sham: no act"),
        ({"acts_seen": False}, "sham: no act"),
        ({"exactly_once": False}, "exactly once"),
    ],
)
def test_a_sham_run_that_acted_or_could_not_be_seen_misses_its_bars(changes, bar):
    assert bar in missed([*all_kinds(), *sham_trials([msgspec.structs.replace(ROW, **changes)], 200.0)])
