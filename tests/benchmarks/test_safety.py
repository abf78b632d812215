"""Bars of the safety part: something left, a slow one, a wrong end, a kind without an attack."""

from __future__ import annotations

import random
from types import SimpleNamespace

import msgspec
import pytest

from benchmarks.safety import INTERRUPTED, KILLED, KILLED_WITH_GUARDIAN, Attack, _hit, figures

QUICK = Attack(kind=KILLED, batch=0, commit="abc", fault="kill", armed=True, clean_s=0.1)


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


def test_kills_of_runners_that_hurt_nothing_yet_are_not_enough():
    idle = [msgspec.structs.replace(row, armed=False) for row in attacks()]
    assert missed(idle) == ["three of ten kills came while a fault was in force"]
    some = [msgspec.structs.replace(row, armed=number % 2 == 0) for number, row in enumerate(attacks())]
    assert missed(some) == []


class Kit:
    """Attacks that hit the second time, or never."""

    def __init__(self, hits: list[bool]) -> None:
        self.hits = hits


def test_an_attack_that_met_no_runner_is_made_again_and_none_at_all_is_an_error(tmp_path):
    def do(kit, store, dice):
        del store, dice
        left = SimpleNamespace(hit=kit.hits.pop(0), armed=True, clean_s=0.1)
        return "kill", left, left.clean_s, False

    assert _hit(do, Kit([False, True]), tmp_path, random.Random(1))[1].hit
    with pytest.raises(RuntimeError, match="met no runner"):
        _hit(do, Kit([False] * 20), tmp_path, random.Random(1))


def test_a_kind_without_an_attack_meets_no_bar_on_what_is_left():
    rows = [row for row in attacks() if row.kind != KILLED]
    bars = ["nothing was left after any attack", "clean within 1 s"]
    armed = "three of ten kills came while a fault was in force"
    assert missed(rows) == [*bars, armed]
    assert missed([]) == [*bars, armed, "interrupts ended with 130, without a traceback"]
