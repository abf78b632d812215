"""Bars of the safety part: something left, a slow one, a wrong end, a kind without an attack."""

from __future__ import annotations

import random
from types import SimpleNamespace

import msgspec
import pytest

from benchmarks import safety
from benchmarks.safety import (
    HALTED,
    INTERRUPTED,
    KILLED,
    KILLED_AT_EACH,
    KILLED_WITH_GUARDIAN,
    STOPPED,
    Attack,
    _hit,
    figures,
)
from tests.safety import safety_kit

QUICK = Attack(kind=KILLED, batch=0, commit="abc", fault="kill", armed=True, clean_s=0.1)


EACH_ONCE = "every boundary of a run once, 1400 at least"
REFUSED = "each file made to exhaust a reader is refused within 100 ms"
QUICKLY = {"laughs": 0.1, "deep": 0.02}
ARMED = "three of ten attacks came while a fault was in force"


def attacks(**changes):
    """Two of each kind, and one at each boundary; ``changes`` are made to the last one."""
    each = [msgspec.structs.replace(QUICK, kind=KILLED_AT_EACH, boundary=number) for number in range(1, 1401)]
    kinds = (KILLED, KILLED_WITH_GUARDIAN, STOPPED, HALTED, INTERRUPTED)
    rows = [msgspec.structs.replace(QUICK, kind=kind) for kind in kinds for _ in range(2)]
    return [*each, *rows[:-1], msgspec.structs.replace(rows[-1], **changes)]


def missed(rows, refusals_s=QUICKLY):
    return [words for words, met in figures(rows, refusals_s)["bars"].items() if not met]


def test_attacks_that_left_nothing_within_a_second_meet_all_bars():
    assert missed(attacks()) == []
    told = figures(attacks(clean_s=1.0), QUICKLY)["attacks"][INTERRUPTED]
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


@pytest.mark.parametrize("refusals_s", [{}, QUICKLY | {"deep": 0.11}, QUICKLY | {"deep": None}])
def test_a_file_that_is_refused_late_or_not_at_all_or_no_file_misses_its_bar(refusals_s):
    assert missed(attacks(), refusals_s) == [REFUSED]


def test_kills_of_runners_that_hurt_nothing_yet_are_not_enough():
    idle = [msgspec.structs.replace(row, armed=False) for row in attacks()]
    assert missed(idle) == [ARMED]
    some = [msgspec.structs.replace(row, armed=number % 2 == 0) for number, row in enumerate(attacks())]
    assert missed(some) == []


class Kit:
    """Attacks that hit the second time, or never."""

    until_hit = staticmethod(safety_kit.until_hit)

    def __init__(self, hits: list[bool]) -> None:
        self.hits = hits


def test_an_attack_that_met_no_runner_is_made_again_and_none_at_all_is_an_error(tmp_path):
    def do(kit, store, dice, place):
        del store, dice, place
        left = SimpleNamespace(hit=kit.hits.pop(0), armed=True, clean_s=0.1)
        return "kill", left, left.clean_s, False

    assert _hit(do, Kit([False, True]), tmp_path, random.Random(1), place=0)[1].hit
    with pytest.raises(RuntimeError, match="met no runner"):
        _hit(do, Kit([False] * 20), tmp_path, random.Random(1), place=0)


def test_a_boundary_that_no_run_has_is_no_attack_and_one_that_was_left_out_misses_its_bar():
    beyond = msgspec.structs.replace(QUICK, kind=KILLED_AT_EACH, boundary=0)
    assert missed([*attacks(), beyond]) == []
    assert missed(attacks()[1:]) == [EACH_ONCE]
    assert missed([row for row in attacks() if row.boundary != 1400]) == [EACH_ONCE]
    assert missed([row for row in [*attacks(), *attacks(boundary=1401)] if row.boundary != 7]) == [EACH_ONCE]


def test_the_last_boundaries_are_in_few_runs_and_are_tried_once(tmp_path):
    late = SimpleNamespace(hit=False, armed=False, clean_s=0.0)
    kit = SimpleNamespace(killed_at=lambda *_: late, until_hit=safety_kit.until_hit)
    assert not _hit(safety._kill_at, kit, tmp_path, random.Random(1), place=400)[1].hit


def test_a_stopped_runner_may_take_as_long_as_its_lease_and_a_halt_may_not():
    slow = [msgspec.structs.replace(row, clean_s=1.2) if row.kind == STOPPED else row for row in attacks()]
    assert missed(slow) == []
    slow = [msgspec.structs.replace(row, clean_s=1.2) if row.kind == HALTED else row for row in attacks()]
    assert missed(slow) == ["clean within 1 s"]


def test_a_kind_without_an_attack_meets_no_bar_on_what_is_left():
    rows = [row for row in attacks() if row.kind != KILLED]
    bars = ["nothing was left after any attack", "clean within 1 s"]
    assert missed(rows) == [*bars, ARMED]
    rest = [EACH_ONCE, "halts ended with 4", ARMED, "interrupts ended with 130, without a traceback"]
    assert missed([]) == [*bars, *rest]
