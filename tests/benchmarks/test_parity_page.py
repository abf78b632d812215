"""The page of parity: every class and every run that differs is on it, and names are shown as text."""

from __future__ import annotations

import msgspec

from benchmarks.parity_figures import figures
from benchmarks.parity_page import page
from tests.benchmarks.test_parity_figures import ROW, changed, rows


def test_every_class_is_there_with_both_medians_and_a_ring_for_each_run() -> None:
    found = rows(ROW, changed(recovered_s=1.2))
    told = page(found, figures(found, {}), "machine")
    assert "Process killed" in told
    assert "<b>1.00 s</b>" in told
    assert "<b>1.20 s</b>" in told
    assert told.count("<circle") == len(found)
    assert ">PASS<" in told


def test_a_missed_bar_is_the_word_and_a_run_with_other_acts_is_told_with_both_lists() -> None:
    opened = ("healer gateway breaker_opened",) * 3
    found = rows(ROW, changed(acts=opened, recovered_s=5.0))
    told = page(found, figures(found, {}), "machine")
    assert ">FAIL<" in told
    assert "breaker_opened (3 times)" in told
    assert "kill-one, repetition 0, arm none" in told
    assert "too far" in told


def test_a_class_that_nobody_noticed_has_no_times_and_a_hostile_name_stays_text() -> None:
    replace = msgspec.structs.replace
    quiet = [replace(row, noticed=False, recovered_s=None, subject="<script>") for row in rows(changed())]
    told = page(quiet, figures(quiet, {}), "<b>machine</b>")
    assert "<script>" not in told
    assert "0 of 10" in told
    assert "not noticed" in told
    assert "<circle" not in told
