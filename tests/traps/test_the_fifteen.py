"""The fifteen ways in which a harness passes in silence, or leaves a system broken; none may end 0 here.

The first eleven are what `chaos run` does; the last four any harness can do. Which tests hold each:
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = "tests/traps/test_no_trap_ends_in_zero.py"
TINY = "tests/traps/test_runs_that_break.py"
REAL = "tests/e2e/test_traps.py"
SIGNALS, KILLED, STORES = (f"tests/safety/test_{name}.py" for name in ("signals", "killed", "stores"))
VOIDS = f"{PURE}::test_a_run_that_cannot_be_trusted_is_void_whatever_is_claimed"

FIFTEEN: Mapping[str, tuple[str, ...]] = {
    "1 baseline not met, nothing injected": (
        VOIDS,
        f"{REAL}::test_a_baseline_that_is_not_met_is_void_and_nothing_is_injected",
    ),
    "2 fault action raises": (VOIDS, f"{REAL}::test_a_trap_ends_in_its_own_word_and_never_0"),
    "3 outage in every sample, recovered at the end": (
        f"{PURE}::test_an_outage_that_is_over_before_the_last_look_is_still_an_outage",
        f"{PURE}::test_a_claim_that_an_outage_broke_is_not_met_by_service_at_the_end",
    ),
    "4 rollback raises, or lies": (
        f"{PURE}::test_an_undo_that_raises_is_unsafe_and_wins_over_void",
        f"{PURE}::test_a_fault_without_proof_that_it_is_gone_is_unsafe",
        f"{REAL}::test_a_trap_ends_in_its_own_word_and_never_0",
        f"{REAL}::test_an_undo_that_lies_is_found_by_the_independent_look",
    ),
    "5 control or safety part missing, dying or raising": (
        f"{TINY}::test_a_safety_check_that_raises_during_the_fault_ends_the_run",
        f"{TINY}::test_a_guardian_that_dies_during_the_fault_makes_the_run_void",
        f"{TINY}::test_a_halt_that_cannot_be_read_is_a_halt",
        f"{TINY}::test_an_observer_that_cannot_look_proves_no_absence_of_acts",
        f"{PURE}::test_an_observer_that_was_blind_proves_no_absence_of_acts",
        f"{STORES}::test_a_clock_that_is_set_ends_the_run",
    ),
    "6 fault blocked before it begins, the first one": (
        f"{TINY}::test_a_fault_that_is_blocked_before_it_begins_never_happened_and_never_passes",
        VOIDS,
    ),
    "7 fault blocked before it begins, a later one": (
        f"{TINY}::test_a_later_fault_that_is_blocked_makes_what_came_before_void",
    ),
    "8 action or undo that never returns": (
        f"{TINY}::test_a_step_that_never_returns_is_undone_and_ended_by_the_guard",
        f"{TINY}::test_a_fault_whose_stop_hangs_ends_by_its_time_to_live",
    ),
    "9 look afterwards raises, or service is not back before the next fault": (
        f"{TINY}::test_a_look_afterwards_that_raises_is_unsafe",
        f"{PURE}::test_a_service_that_is_not_back_before_the_next_fault_voids_that_episode_alone",
    ),
    "10 SIGINT or SIGTERM during a fault": (
        f"{SIGNALS}::test_no_signal_during_a_fault_leaves_it_in_force",
        f"{SIGNALS}::test_ctrl_c_undoes_and_again_does_not_skip_it",
    ),
    "11 SIGUSR2 or SIGKILL during a fault": (
        f"{SIGNALS}::test_no_signal_during_a_fault_leaves_it_in_force",
        f"{KILLED}::test_runners_killed_at_boundaries_leave_nothing",
        f"{PURE}::test_a_run_cut_after_the_injection_is_void_and_never_counted",
    ),
    "12 no data": (
        VOIDS,
        f"{PURE}::test_a_campaign_without_a_run_is_void",
        f"{PURE}::test_sham_runs_alone_measure_nothing",
        f"{PURE}::test_an_audit_that_sees_nothing_proves_nothing",
    ),
    "13 no target": (
        f"{REAL}::test_a_target_that_matches_nothing_is_refused",
        f"{PURE}::test_a_plan_without_a_fault_measures_nothing",
        f"{PURE}::test_a_claim_about_what_was_not_measured_is_void",
    ),
    "14 no effect": (VOIDS, f"{REAL}::test_a_trap_ends_in_its_own_word_and_never_0"),
    "15 stalled witness": (VOIDS,),
}


def functions_of(path: Path) -> set[str]:
    """Names of the functions of a file."""
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_there_are_fifteen():
    assert [int(name.partition(" ")[0]) for name in FIFTEEN] == list(range(1, 16))


@pytest.mark.parametrize("trap", FIFTEEN)
def test_a_trap_has_its_tests(trap: str) -> None:
    assert FIFTEEN[trap]
    for test in FIFTEEN[trap]:
        file, _, name = test.partition("::")
        assert name in functions_of(ROOT / file), test
