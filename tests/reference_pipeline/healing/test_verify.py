"""Whether it helped, told by another signal than the trigger."""

from __future__ import annotations

from reference_pipeline.healing.acts import Map, Restart
from reference_pipeline.healing.detect import Watch
from reference_pipeline.healing.verify import QUIET, REPAIRED, STILL_BROKEN, MappingCheck, restarted
from tests.reference_pipeline.healing.worlds import CONFIG, golden_rows, letters, renamed

HANG = Restart(service="gateway", boot_id="old")
LETTERS = letters([renamed(row, "amount", "x") for row in golden_rows(1)])


def _restarted(watch: Watch, now_s: float) -> bool | None:
    return restarted(HANG, watch, finished_s=10.0, now_s=now_s, config=CONFIG)


def test_another_boot_id_is_the_proof_of_a_restart() -> None:
    assert _restarted(Watch(12.0, 12.0, "new"), 12.0) is True


def test_the_old_process_or_an_answer_from_before_proves_nothing() -> None:
    assert _restarted(Watch(12.0, 12.0, "old"), 12.0) is None
    assert _restarted(Watch(9.0, 9.0, "new"), 12.0) is None
    assert _restarted(Watch(12.0, 12.0, "old"), 10.1 + CONFIG.restart_verify_s) is False


def _check() -> MappingCheck:
    """A check whose grace is over; letters up to number 10 were read before."""
    check = MappingCheck(Map(field="amount", source="x"), 0.0, CONFIG)
    assert check.verdict(0.5, repaired=0, last_seq=4) == (None, "")
    assert check.verdict(CONFIG.mapping_grace_s, repaired=5, last_seq=10) == (None, "")
    return check


def _after(seconds: float) -> float:
    return CONFIG.mapping_grace_s + seconds


def test_repaired_records_and_no_new_dead_letter_are_the_proof_of_a_mapping() -> None:
    check = _check()
    for letter in LETTERS[:10]:
        check.see(letter)  # of before
    assert check.verdict(_after(0.5), repaired=9, last_seq=10) == (None, "")
    assert check.verdict(_after(CONFIG.mapping_observe_s), repaired=9, last_seq=10) == (True, REPAIRED)


def test_new_dead_letters_of_the_kind_fail_it() -> None:
    check = _check()
    for letter in LETTERS[10 : 10 + CONFIG.mapping_misses]:
        check.see(letter)
    assert check.verdict(_after(0.5), repaired=9, last_seq=13) == (False, STILL_BROKEN)


def test_one_new_dead_letter_is_waited_for_and_then_fails_it() -> None:
    check = _check()
    check.see(LETTERS[20])
    assert check.verdict(_after(CONFIG.mapping_observe_s), repaired=9, last_seq=21) == (None, "")
    assert check.verdict(_after(CONFIG.mapping_verify_s), repaired=9, last_seq=21) == (False, STILL_BROKEN)


def test_where_no_such_record_comes_the_replay_has_to_tell() -> None:
    check = _check()
    assert check.verdict(_after(CONFIG.mapping_verify_s), repaired=5, last_seq=10) == (True, QUIET)


def test_a_gateway_that_restarts_and_counts_anew_does_not_hide_the_growth() -> None:
    check = _check()
    assert check.verdict(_after(0.5), repaired=2, last_seq=10) == (None, "")
    assert check.verdict(_after(CONFIG.mapping_observe_s), repaired=2, last_seq=10) == (True, REPAIRED)
