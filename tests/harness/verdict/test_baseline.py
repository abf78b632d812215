"""Files of a gate hold their own hash: what was changed by a single bit is told, and never weighed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import Refused, Untrustworthy
from harness.verdict.baseline import Baseline, differences, opened, seal, times_of
from harness.verdict.ledger import Entry, Ledger, Week, continued
from harness.verdict.outcomes import Recovery, RunOutcome
from tests.harness.verdict.gate_kit import KIND, baseline_of

BASELINE, BYTES = seal(baseline_of({"kill": [1.5, None, 2.25], "hang": [0.0]}))
START = Entry(kind=KIND, revision_sha256="r", baseline_sha256=BASELINE.sha256)


def week(name: str, seed: int, time_s: float = 1.0) -> Week:
    recovery = Recovery(label="kill", time_s=time_s)
    return Week(campaign=name, seed=seed, digest="d", runs=(RunOutcome(name=name, recoveries=(recovery,)),))


def test_what_was_written_is_read_and_the_same_content_has_the_same_bytes() -> None:
    assert opened(BYTES, Baseline, "b.json") == BASELINE
    assert seal(BASELINE)[1] == BYTES


@settings(max_examples=300)
@given(st.integers(0, len(BYTES) - 1), st.integers(0, 7))
def test_a_single_bit_that_was_changed_anywhere_is_told(place: int, bit: int) -> None:
    changed = bytearray(BYTES)
    changed[place] ^= 1 << bit
    with pytest.raises(Untrustworthy, match=r"b\.json"):
        opened(bytes(changed), Baseline, "b.json")


def test_a_ledger_is_no_baseline() -> None:
    with pytest.raises(Untrustworthy, match="is no baseline"):
        opened(seal(Ledger())[1], Baseline, "b.json")


def test_whatever_differs_is_named_and_what_is_the_same_is_not() -> None:
    other = msgspec.structs.replace(KIND, pace="sparse", system="t")
    assert differences(KIND, other) == ("another system (s, t)", "another pace (dense, sparse)")
    assert differences(KIND, KIND) == ()


def test_times_are_kept_by_class_without_what_is_void() -> None:
    void = RunOutcome(name="x", recoveries=(Recovery(label="kill", time_s=None, void=True),))
    never = RunOutcome(name="y", recoveries=(Recovery(label="kill", time_s=None),))
    assert times_of([*week("a", 1).runs, void, never]) == {"kill": (1.0, None)}


def test_weeks_of_one_version_add_up_and_another_version_has_an_entry_of_its_own() -> None:
    ledger, entry = continued(Ledger(), START, week("a", 1))
    ledger, entry = continued(ledger, START, week("b", 2))
    assert [run.name for run in entry.runs()] == ["a", "b"]
    other = msgspec.structs.replace(START, revision_sha256="other")
    ledger, entry = continued(ledger, other, week("c", 1))
    assert [len(one.weeks) for one in ledger.entries] == [2, 1]
    assert [run.name for run in entry.runs()] == ["c"]


def test_a_campaign_counts_once_and_never_with_other_outcomes() -> None:
    ledger, _ = continued(Ledger(), START, week("a", 1))
    again, entry = continued(ledger, START, week("a", 1))
    assert (again, len(entry.weeks)) == (ledger, 1)
    with pytest.raises(Untrustworthy, match="other outcomes"):
        continued(ledger, START, week("a", 1, time_s=9.0))


def test_the_same_dice_are_no_further_evidence() -> None:
    ledger, _ = continued(Ledger(), START, week("a", 1))
    with pytest.raises(Refused, match="another --seed"):
        continued(ledger, START, week("b", 1))
