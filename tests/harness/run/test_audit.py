"""The audit's arithmetic on ids: every way in which a record can end, and none that hides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.driver.resends import Resend
from harness.driver.taint import Taint
from harness.faults.effects import Corrupt
from harness.history.observations import ACCEPTED_FLAG, DEAD_LETTER_FLAG, DTYPE, LOAD, WITNESS
from harness.run.audit import Answers, Listings, answers_of, corrupted_spans, judge_ids, judge_taint
from tests.traps.histories import Story, plan_of

IDS = st.sampled_from([f"w1-{i}" for i in range(8)])
WORDS = st.sampled_from(("drop", "truncate"))


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


def tainted(*names, episode=0, mutation="drop"):
    return [Taint(id=n, episode=episode, mutation=mutation, field="amount", detail="") for n in names]


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
    balance = judge_ids(said, Listings(("a",), (), (), lists_dead_letters=False))
    assert (balance.missing, balance.provable) == (0, False)


def test_where_dead_letters_are_not_listed_what_arrived_is_proven_all_the_same():
    said = answers({"a", "b"}, {"a", "b"}, provisional={"b"})
    unlisted = Listings(("a", "b"), (("a", 1), ("b", 1)), (), lists_dead_letters=False)
    assert judge_ids(said, unlisted).provable
    assert judge_ids(said, replace(unlisted, sink=(("a", 1),))).provable is False
    assert judge_ids(said, Listings(("a", "b"), (("a", 1),), ("b",))).provable
    broken = judge_ids(said, replace(unlisted, sink=(("a", 1), ("a", 1))))
    assert (broken.doubled, broken.provable) == (1, True)


def timed_row(unit, sent, ended, digest=9):
    made = row(unit, flags=ACCEPTED_FLAG, digest=digest)
    made["sent"], made["ended"] = sent, ended
    return made


def test_an_answer_that_the_harness_itself_corrupted_binds_nobody():
    spans = [(10.0, 20.0)]
    times = [(8.0, 9.0), (9.0, 10.5), (12.0, 13.0), (19.0, 21.0), (21.0, 22.0), (9.5, float("nan"))]
    rows = np.concatenate([timed_row(unit, *at) for unit, at in enumerate(times)])
    said = answers_of(rows, 1, corrupted=spans)
    assert said.unbound == {"w1-1", "w1-2", "w1-3", "w1-5"}
    sink = tuple((f"w1-{unit}", 8) for unit in range(6))
    assert judge_ids(said, Listings((), sink, ())).changed == 2
    aside = judge_ids(said, Listings((), (), tuple(name for name, _ in sink)))
    assert (aside.changed, aside.missing) == (2, 0)
    assert answers_of(rows, 1).unbound == frozenset()


def test_only_corruption_of_the_witness_edge_that_is_no_sham_corrupts_answers():
    own, other = Corrupt(edge="driver-gateway", duration_s=2.0), Corrupt(edge="gateway-features")
    story = Story(effect=own)
    (episode,) = plan_of(story).episodes
    ((from_s, until_s),) = corrupted_spans(plan_of(story), "driver-gateway", 100.0, way="answer")
    assert from_s == 100.0 + episode.inject_at_s
    assert until_s >= 100.0 + episode.undo_at_s
    assert corrupted_spans(plan_of(Story(effect=other)), "driver-gateway", 100.0, way="answer") == ()
    assert corrupted_spans(plan_of(Story(effect=own, sham=True)), "driver-gateway", 100.0, way="answer") == ()


@pytest.mark.parametrize(
    ("way", "ways"),
    [("request", {"request"}), ("answer", {"answer"}), ("both", {"request", "answer"})],
)
def test_corruption_counts_on_the_way_that_it_lies_on(way, ways):
    plan = plan_of(Story(effect=Corrupt(edge="driver-gateway", way=way, duration_s=2.0)))
    met = {w for w in ("request", "answer") if corrupted_spans(plan, "driver-gateway", 100.0, way=w)}
    assert met == ways


def test_an_id_that_the_harness_itself_made_of_a_sent_one_is_no_failure_and_no_proof():
    rows = np.concatenate([timed_row(12, 12.0, 13.0), timed_row(13, 30.0, 31.0)])
    rows["flags"] = 0
    spans = [(10.0, 20.0)]
    said = answers_of(rows, 7, corrupted=spans, asked=spans)
    assert said.misread == {"w7-12"}
    flipped = Listings(("s7-12",), (("s7-12", 5),), ())
    balance = judge_ids(said, flipped)
    assert (balance.foreign, balance.missing, balance.provable) == (0, 0, False)
    assert balance.examples == ("corrupted by the harness on the way: s7-12",)
    assert judge_ids(said, Listings((), (), ("s7-12",))).provable is False
    lost = judge_ids(said, Listings(("s7-12",), (), ()))
    assert (lost.missing, lost.provable) == (1, True)
    for name in ("q7-12", "w7-99", "s7-13", "w7-1", "w7-122"):  # two bits, never sent, sent at another time
        balance = judge_ids(said, Listings((name,), ((name, 5),), ()))
        assert (balance.foreign, balance.provable) == (1, True), name
    assert judge_ids(answers_of(rows, 7, corrupted=spans), flipped).foreign == 1


@pytest.mark.parametrize(
    ("first", "in_sink", "again", "changed"),
    [
        (5, 5, 5, 0),
        (5, 5, 6, 1),  # the resend was decided otherwise
        (None, 5, 6, 1),  # the first was not answered, and the sink holds its decision
        (None, 6, 6, 0),
        (5, 6, 6, 1),
        (5, None, 6, 1),
    ],
)
def test_a_record_that_is_decided_otherwise_when_it_is_sent_again_is_changed(first, in_sink, again, changed):
    said = replace(
        answers({"a"}, {"a"}, {"a": first} if first else {}), resends=(Resend(id="a", digest=again),)
    )
    listings = Listings(("a",), (("a", in_sink),) if in_sink else (), ())
    balance = judge_ids(said, listings)
    assert balance.changed == changed
    assert ("decided otherwise when sent again: a" in balance.examples) == bool(changed)


def test_a_provisional_decision_may_be_another_when_it_is_sent_again():
    listings = Listings(("a",), (("a", 6),), ())
    again = (Resend(id="a", digest=7),)
    for said in (
        replace(answers({"a"}, {"a"}, {"a": 5}, provisional={"a"}), resends=again),
        replace(answers({"a"}, {"a"}, {"a": 6}), resends=(Resend(id="a", digest=7, dead_letter=True),)),
        replace(answers({"a"}, {"a"}, {"a": 5}), resends=again, unbound=frozenset({"a"})),
    ):
        assert judge_ids(said, listings).changed == 0


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


def test_what_was_cut_off_a_batch_was_not_sent_and_nobody_refused_it():
    cut = tainted("b", "c", mutation="truncate")
    listings = Listings(("a",), (("a", 1),), ())
    (touched,) = judge_taint(cut, answers({"a"}, {"a"}), listings)
    assert (touched.touched, touched.refused, touched.not_sent) == (2, 0, 2)
    (touched,) = judge_taint(tainted("b", "c"), answers({"a", "b", "c"}, {"a"}), listings)
    assert (touched.touched, touched.refused, touched.not_sent) == (2, 2, 0)


def test_what_another_episode_touched_is_no_collateral():
    first, second = judge_taint(
        [*tainted("a", episode=1), *tainted("b", episode=0)], answers(), Listings((), (), ("a", "b", "c"))
    )
    assert (first.episode, second.episode) == (0, 1)
    assert (first.quarantined, first.collateral) == (second.quarantined, second.collateral) == (1, 1)


def test_without_a_ledger_nothing_was_touched():
    assert judge_taint([], answers(), Listings((), (), ("a",))) == ()


@given(st.frozensets(IDS), st.frozensets(IDS), st.lists(IDS, max_size=6), st.lists(IDS, max_size=6), WORDS)
def test_the_ways_to_end_add_up_to_the_touched(touched_ids, accepted, sink, dead, word):
    listings = Listings(tuple(accepted), tuple((name, 1) for name in sink), tuple(dead))
    for touched in judge_taint(tainted(*touched_ids, mutation=word), answers(accepted, accepted), listings):
        ends = touched.quarantined + touched.delivered + touched.lost + touched.refused + touched.not_sent
        assert ends == touched.touched == len(touched_ids)
        assert touched.collateral == len(set(dead) - touched_ids)
        assert not (touched.refused if word == "truncate" else touched.not_sent)
