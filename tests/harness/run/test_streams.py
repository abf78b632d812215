"""What stood on a stream's subjects: counted by place, in any order of arrival, and read as listings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.driver.stream_ledger import Accepted, Decided, Held, Line, line_bytes
from harness.run.audit import Answers, judge_ids
from harness.run.listing import LedgerReader
from harness.run.streams import counted

NAMES = [f"w1-{number}" for number in range(8)]


def lines_of(decided: list[str]) -> list[Line]:
    taken: list[Line] = [Accepted(id=name, seq=place) for place, name in enumerate(NAMES)]
    return [*taken, *(Decided(id=name, seq=place, digest=1) for place, name in enumerate(decided))]


@given(st.lists(st.sampled_from(NAMES)), st.randoms(use_true_random=False))
def test_counts_are_those_of_the_definition_in_any_order_of_arrival(decided: list[str], dice) -> None:
    lines = lines_of(decided)
    dice.shuffle(lines)
    first = list(dict.fromkeys(decided))
    behind = [
        name for at, name in enumerate(first) if any(NAMES.index(o) > NAMES.index(name) for o in first[:at])
    ]
    found = counted(lines)
    assert (found.decisions, found.surplus) == (len(decided), len(decided) - len(first))
    assert found.out_of_order == len(behind)


def test_what_nobody_acknowledged_is_out_of_no_order() -> None:
    assert counted([*lines_of(NAMES), Decided(id="w1-99", seq=3, digest=1)]).out_of_order == 0


@given(st.lists(st.sampled_from(NAMES)))
def test_the_audit_of_a_ledger_finds_each_loss_and_each_double(decided: list[str]) -> None:
    reader = LedgerReader(lambda: b"".join(map(line_bytes, lines_of(decided))))
    balance = judge_ids(Answers(frozenset(NAMES), frozenset(), {}), reader.look())
    assert balance.accepted == len(NAMES)
    assert balance.missing == len(set(NAMES) - set(decided))
    assert balance.doubled == sum(decided.count(name) > 1 for name in NAMES)
    assert balance.provable
    assert reader.look() is reader.look()


def test_what_a_consumer_has_not_acknowledged_may_come_again_and_proves_nothing_yet() -> None:
    lines = [*lines_of(NAMES), Held(count=2)]
    answers = Answers(frozenset(NAMES), frozenset(), {})
    held = judge_ids(answers, LedgerReader(lambda: b"".join(map(line_bytes, lines))).look())
    assert (held.missing, held.held, held.provable) == (0, 2, False)
    assert held.examples == ("2 records not acknowledged by who has them",)
    lines += [Decided(id=NAMES[0], seq=99, digest=2), Held(count=0)]
    again = judge_ids(answers, LedgerReader(lambda: b"".join(map(line_bytes, lines))).look())
    assert (again.doubled, again.held, again.provable) == (1, 0, True)
