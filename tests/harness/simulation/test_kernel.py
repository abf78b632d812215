"""One clock, one order, one digest."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulation.kernel import Kernel


def test_what_is_due_runs_in_the_order_of_its_instants_and_then_of_its_queueing():
    kernel, seen = Kernel(seed=1), []
    for when_s, word in ((2.0, "c"), (1.0, "a"), (1.0, "b"), (5.0, "d"), (5.1, "never")):
        kernel.at(when_s, lambda word=word: seen.append((kernel.now_s, word)))
    kernel.run(until_s=5.0)
    assert seen == [(1.0, "a"), (1.0, "b"), (2.0, "c"), (5.0, "d")]
    assert kernel.now_s == 5.0


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_time_never_goes_back(instants):
    kernel, seen = Kernel(seed=1), []
    for when_s in instants:
        kernel.at(when_s, lambda: seen.append(kernel.now_s))
    kernel.run(until_s=1e6)
    assert seen == sorted(instants)


def test_a_callback_may_queue_for_this_instant_and_for_one_that_is_over():
    kernel, seen = Kernel(seed=1), []

    def first():
        kernel.at(0.5, lambda: seen.append(kernel.now_s))
        kernel.at(1.0, lambda: seen.append(kernel.now_s))

    kernel.at(1.0, first)
    kernel.run(until_s=1.0)
    assert seen == [1.0, 1.0]


def test_what_is_cancelled_never_runs_and_moves_no_clock():
    kernel, seen = Kernel(seed=1), []
    kernel.at(1.0, lambda: seen.append("a")).cancel()
    kernel.run(until_s=0.5)
    kernel.run(until_s=2.0)
    assert (seen, kernel.events) == ([], 0)


def test_an_error_of_the_world_itself_is_raised_and_the_collector_is_as_it_was():
    kernel = Kernel(seed=1)
    kernel.at(1.0, lambda: 1 / 0)
    gc.enable()
    with pytest.raises(ZeroDivisionError):
        kernel.run(until_s=2.0)
    assert gc.isenabled()


def test_a_stream_is_its_names_alone_whoever_else_throws_dice():
    plain, other = Kernel(seed=7), Kernel(seed=7)
    other.stream("another").random(100)
    assert plain.stream("disk").random(5).tolist() == other.stream("disk").random(5).tolist()
    assert plain.stream("disk").random() != plain.stream("net").random()
    assert Kernel(seed=8).stream("disk").random() != plain.stream("disk").random()


def test_the_digest_is_of_every_event_and_of_what_was_told():
    def world(*, told="x", when_s=1.0, events=3):
        kernel = Kernel(seed=1)
        for number in range(events):
            kernel.at(when_s + number, kernel.tell, told)
        kernel.run(until_s=100.0)
        return kernel.digest()

    assert world() == world()
    others = {world(), world(told="y"), world(when_s=1.5), world(events=4)}
    assert len(others) == 4


def test_an_event_that_tells_nothing_is_in_the_digest_too():
    silent, none = Kernel(seed=1), Kernel(seed=1)
    silent.at(1.0, lambda: None)
    for kernel in (silent, none):
        kernel.run(until_s=2.0)
    assert silent.digest() != none.digest()
