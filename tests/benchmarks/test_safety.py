"""Bars of the safety part: something left, a slow one, a wrong end, a kind without an attack."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.safety import INTERRUPTED, KILLED, KILLED_WITH_GUARDIAN, Attack, figures

QUICK = Attack(kind=KILLED, batch=0, commit="abc", fault="kill", clean_s=0.1)


def attacks(**changes):
    """Two of each kind; ``changes`` are made to the last one."""
    kinds = (KILLED, KILLED_WITH_GUARDIAN, INTERRUPTED)
    rows = [msgspec.structs.replace(QUICK, kind=kind) for kind in kinds for _ in range(2)]
    return [*rows[:-1], msgspec.structs.replace(rows[-1], **changes)]


def missed(rows):
    return [words for words, met in figures(rows)["bars"].items() if not met]


def test_attacks_that_left_nothing_within_a_second_meet_all_bars():
    assert missed(attacks()) == []
    told = figures(attacks(clean_s=1.0))["attacks"][INTERRUPTED]
    assert (told["attacks"], told["left"], told["clean_s"]["max"], told["faults"]) == (2, 0, 1.0, {"kill": 2})


@pytest.mark.parametrize(
    ("changes", "bar"),
    [
        ({"clean_s": 1.01}, "clean within 1 s"),
        ({"clean_s": None}, "nothing was left after any attack"),
        ({"wrong_end": True}, "interrupts ended with 130, without a traceback"),
    ],
)
def test_one_attack_that_ends_otherwise_misses_its_bar(changes, bar):
    assert missed(attacks(**changes)) == [bar]


def test_a_kind_without_an_attack_meets_no_bar_on_what_is_left():
    rows = [row for row in attacks() if row.kind != KILLED]
    assert missed(rows) == ["nothing was left after any attack", "clean within 1 s"]
    assert missed([]) == ["nothing was left after any attack", "clean within 1 s"]
