"""The sham does nothing and says so."""

from __future__ import annotations

from harness.errors import Untrustworthy
from harness.faults.effects import Kill
from harness.targets.base import NullTarget, WithoutEffect


def test_a_sham_has_size_zero_and_its_own_instant():
    applied = NullTarget().apply(Kill(service="one"))
    assert applied.pid == 0
    assert applied.effect == Kill(service="one")
    assert applied.asked_at_s == applied.effective_at_s
    assert applied.proof == ("sham: size zero, nothing was done",)


def test_a_sham_needs_no_undo_and_without_a_looker_claims_no_look():
    sham = NullTarget()
    applied = sham.apply(Kill(service="one"))
    assert sham.undo(applied) is False
    assert sham.is_clean(applied) == ("sham: size zero, nothing to undo",)


def test_without_effect_ends_a_run_void():
    assert issubclass(WithoutEffect, Untrustworthy)
