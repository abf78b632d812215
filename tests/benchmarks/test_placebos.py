"""Bars of the placebo part: an act, a void trial, a blind one, a missing kind."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.placebos import KINDS, Trial, bars_and_figures

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
    assert len(missed([])) == 2 * len(KINDS) + 3
