"""The audit's arithmetic on ids: every way in which a record can end, and none that hides."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.driver.taint import Taint
from harness.history.observations import ACCEPTED_FLAG, DEAD_LETTER_FLAG, DTYPE, LOAD, WITNESS
from harness.run.audit import Answers, Listings, answers_of, judge_ids, judge_taint

IDS = st.sampled_from([f"w1-{i}" for i in range(8)])


def answers(sent=(), accepted=(), digests=None, provisional=()):
    return Answers(
        sent=frozenset(sent),
        accepted=frozenset(accepted),
        digests=digests or {},
        provisional=frozenset(provisional),
    )


def row(unit, stream=WITNESS, flags=0, digest=0):
    made = np.zeros(1, dtype=DTYPE)
    made["unit"], made["stream"], made["flags"], made["digest"] = unit, stream, flags, digest
    return made


def tainted(*names, episode=0):
    return [Taint(id=n, episode=episode, mutation="drop", field="amount", detail="") for n in names]


def test_an_accepted_id_that_is_nowhere_is_missing():
    balance = judge_ids(answers({"a"}, {"a"}), Listings(accepted=(), sink=(), dead_letters=()))
    assert (balance.accepted, balance.missing, balance.examples) == (1, 1, ("missing: a",))


def test_an_id_that_only_the_system_says_it_accepted_must_also_arrive():
    assert judge_ids(answers({"a"}), Listings(accepted=("a",), sink=(), dead_letters=())).missing == 1


def test_twice_in_the_sink_is_doubled_and_not_delivered_once():
    balance = judge_ids(answers({"a"}, {"a"}), Listings(("a",), (("a", 1), ("a", 1)), ()))
    assert (balance.doubled, balance.delivered_once) == (1, 0)


def test_in_the_sink_and_in_the_dead_letters_is_doubled():
    assert judge_ids(answers({"a"}), Listings(("a",), (("a", 1),), ("a",))).doubled == 1


def test_an_id_that_nobody_sent_is_foreign():
    assert judge_ids(answers(), Listings((), (("ghost", 1),), ())).foreign == 1


def test_another_decision_in_the_sink_than_was_answered_is_changed():
    assert judge_ids(answers({"a"}, {"a"}, {"a": 5}), Listings(("a",), (("a", 6),), ())).changed == 1


def test_an_answered_decision_that_ends_in_the_dead_letters_is_changed():
    balance = judge_ids(answers({"a"}, {"a"}, {"a": 5}), Listings(("a",), (), ("a",)))
    assert (balance.changed, balance.missing) == (1, 0)


def test_a_refused_record_in_the_dead_letters_is_as_it_was_answered():
    balance = judge_ids(answers({"a"}), Listings((), (), ("a",)))
    assert (balance.changed, balance.missing, balance.doubled) == (0, 0, 0)


@given(st.frozensets(IDS), st.lists(IDS, max_size=12), st.lists(IDS, max_size=4))
def test_every_accepted_id_is_counted_exactly_once_among_the_ways_to_end(accepted, sink, dead):
    listings = Listings(tuple(accepted), tuple((name, 1) for name in sink), tuple(dead))
    balance = judge_ids(answers(accepted | set(sink) | set(dead), accepted), listings)
    everything = accepted | set(dead)
    only_dead = {n for n in everything if dead.count(n) == 1 and n not in sink}
    doubled = {n for n in everything if dead.count(n) + sink.count(n) > 1}
    assert balance.delivered_once + balance.missing + len(only_dead) + len(doubled) == balance.accepted


def test_rows_tell_ids_of_both_streams_and_what_was_said_of_them():
    rows = np.concatenate(
        [
            row(1, flags=ACCEPTED_FLAG, digest=2**63 + 1),
            row(2, flags=ACCEPTED_FLAG | DEAD_LETTER_FLAG, digest=7),
            row(1, LOAD),
        ]
    )
    assert answers_of(rows, 5) == Answers(
        sent=frozenset({"w5-1", "w5-2", "l5-1"}),
        accepted=frozenset({"w5-1", "w5-2"}),
        digests={"w5-1": 2**63 + 1, "w5-2": 7},
        provisional=frozenset({"w5-2"}),
    )


def test_a_provisional_answer_may_end_in_the_dead_letters_or_be_decided_otherwise():
    said = answers({"a"}, {"a"}, {"a": 5}, provisional={"a"})
    for listings in (Listings(("a",), (), ("a",)), Listings(("a",), (("a", 6),), ())):
        balance = judge_ids(said, listings)
        assert (balance.changed, balance.missing, balance.doubled) == (0, 0, 0)


def test_a_final_degraded_answer_is_held_to_its_decision():
    assert judge_ids(answers({"a"}, {"a"}, {"a": 5}), Listings(("a",), (("a", 6),), ())).changed == 1


def test_a_record_that_was_answered_as_a_dead_letter_and_is_nowhere_is_missing():
    said = answers({"a"}, provisional={"a"})
    assert judge_ids(said, Listings((), (), ())).missing == 1
    assert judge_ids(said, Listings((), (), ("a",))).missing == 0
    assert judge_ids(said, Listings(("a",), (("a", 1),), ())).missing == 0


def test_a_system_that_lists_no_dead_letters_is_not_said_to_have_lost_them():
    said = answers({"a"}, {"a"}, provisional={"a"})
    assert judge_ids(said, Listings(("a",), (), (), lists_dead_letters=False)).missing == 0


def test_a_record_sent_twice_is_a_double_only_where_the_sink_has_two():
    said = answers({"a"}, {"a"}, {"a": 5})
    assert judge_ids(said, Listings(("a", "a"), (("a", 5),), ())).doubled == 0
    assert judge_ids(said, Listings(("a",), (("a", 5), ("a", 5)), ())).doubled == 1


def test_each_touched_record_ends_in_one_place():
    listings = Listings(("c", "b"), (("b", 1), ("x", 1)), ("a", "y"))
    said = answers({"a", "b", "c", "d", "x", "y"}, {"b", "c"})
    (touched,) = judge_taint(tainted("a", "b", "c", "d", episode=3), said, listings)
    assert (touched.episode, touched.touched, touched.collateral) == (3, 4, 1)
    assert (touched.quarantined, touched.delivered, touched.lost, touched.refused) == (1, 1, 1, 1)


def test_what_another_episode_touched_is_no_collateral():
    first, second = judge_taint(
        [*tainted("a", episode=1), *tainted("b", episode=0)], answers(), Listings((), (), ("a", "b", "c"))
    )
    assert (first.episode, second.episode) == (0, 1)
    assert (first.quarantined, first.collateral) == (second.quarantined, second.collateral) == (1, 1)


def test_without_a_ledger_nothing_was_touched():
    assert judge_taint([], answers(), Listings((), (), ("a",))) == ()


@given(st.frozensets(IDS), st.frozensets(IDS), st.lists(IDS, max_size=6), st.lists(IDS, max_size=6))
def test_the_ways_to_end_add_up_to_the_touched(touched_ids, accepted, sink, dead):
    listings = Listings(tuple(accepted), tuple((name, 1) for name in sink), tuple(dead))
    for touched in judge_taint(tainted(*touched_ids), answers(accepted, accepted), listings):
        ends = touched.quarantined + touched.delivered + touched.lost + touched.refused
        assert ends == touched.touched == len(touched_ids)
        assert touched.collateral == len(set(dead) - touched_ids)
