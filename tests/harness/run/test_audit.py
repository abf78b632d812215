"""The audit's arithmetic on ids: every way in which a record can end, and none that hides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.run.audit import Answers, Listings, judge_ids

IDS = st.sampled_from([f"w1-{i}" for i in range(8)])


def answers(sent=(), accepted=(), digests=None):
    return Answers(sent=frozenset(sent), accepted=frozenset(accepted), digests=digests or {})


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
