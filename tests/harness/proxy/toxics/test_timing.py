"""Toxics in time: bytes in are bytes out, in order, never early, and the dice are only in the name."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.proxy.toxics.base import NEVER, Chain, Dice, Mark, Stage, Tally
from harness.proxy.toxics.timing import (
    SLICE_S,
    Bandwidth,
    Bucket,
    Drop,
    Latency,
    ResetAtFirstByte,
    Slicer,
)

CHUNKS = st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.floats(0, 0.2)), min_size=1, max_size=20)


def stages(tally):
    """One of each that keeps bytes, by name."""
    return {
        "latency": Latency(tally, 0.05, 0.02, Dice(1)),
        "bandwidth": Bandwidth(tally, Bucket(2000.0)),
        "slicer": Slicer(tally, 7, 0.01),
        "cut": Stage(tally),
    }


def drive(chain, chunks, until_s=NEVER):
    """Feed chunks, each a gap after the last, pulling whenever something is due; gives (piece, instant)."""
    now_s, out = 0.0, []
    for data, gap_s in chunks:
        arrival_s = now_s + gap_s
        while chain.due_s() <= arrival_s:
            now_s = max(now_s, chain.due_s())
            out += [(piece, now_s) for piece in chain.pull(now_s)]
        now_s = arrival_s
        out += [(piece, now_s) for piece in chain.push(data, now_s)]
    while chain.due_s() < until_s:
        now_s = max(now_s, chain.due_s())
        out += [(piece, now_s) for piece in chain.pull(now_s)]
    return out, now_s


def joined(pieces):
    return b"".join(piece for piece, _ in pieces if isinstance(piece, bytes))


@given(CHUNKS, st.lists(st.sampled_from(["latency", "bandwidth", "slicer", "cut"]), max_size=4))
def test_any_chain_keeps_every_byte_in_order_and_the_end_last(chunks, names):
    chain, tally = Chain(), Tally()
    for name in names:
        chain.add(name, stages(tally)[name])
    out, now_s = drive(chain, [*chunks, (Mark.END, 0.0)])
    for name in names:
        out += [(piece, now_s) for piece in chain.remove(name, now_s)]
    assert joined(out) == b"".join(data for data, _ in chunks)
    assert out[-1][0] is Mark.END
    assert tally.counters().held_bytes == 0
    assert chain.held == 0


@given(CHUNKS, st.floats(0, 0.3), st.floats(0, 0.3))
def test_latency_is_never_early_and_never_beyond_its_jitter_where_nothing_is_ahead(
    chunks, length_s, jitter_s
):
    tally = Tally()
    chain = Chain()
    chain.add("t", Latency(tally, length_s, jitter_s, Dice(3)))
    out, _ = drive(chain, chunks)
    arrived_s = 0.0
    ahead_s = 0.0
    for (data, gap_s), (piece, left_s) in zip(chunks, out, strict=True):
        arrived_s += gap_s
        assert piece == data
        assert left_s >= arrived_s + max(0.0, length_s - jitter_s) - 1e-9
        assert left_s <= max(ahead_s, arrived_s + length_s + jitter_s) + 1e-9
        ahead_s = left_s
    assert tally.counters().delay_ms.min >= max(0.0, length_s - jitter_s) * 1e3 - 1e-6


def test_chunks_in_flight_do_not_add_up_their_delays():
    chain = Chain()
    chain.add("t", Latency(Tally(), 0.1, 0.0, Dice(1)))
    out, _ = drive(chain, [(b"x", 0.0)] * 50)
    assert [left_s for _, left_s in out] == [pytest.approx(0.1)] * 50


@given(CHUNKS, st.floats(200, 20_000), st.integers(1, 3))
def test_all_connections_of_an_edge_together_keep_the_rate_over_any_stretch(chunks, rate, count):
    bucket, outs = Bucket(rate), []
    for _ in range(count):
        chain = Chain()
        chain.add("t", Bandwidth(Tally(), bucket))
        out, _ = drive(chain, chunks)
        assert joined(out) == b"".join(data for data, _ in chunks)
        outs += [(left_s, len(piece)) for piece, left_s in out]
    total = sum(size for _, size in outs)
    # Nothing comes before the wire could have carried it: no burst at the start.
    assert max(left_s for left_s, _ in outs) >= total / rate - 1e-6
    assert all(size <= max(1, rate * SLICE_S) for _, size in outs)


@pytest.mark.parametrize(("count", "changed"), [(9, 0), (11, 1), (2000, 1)])
def test_a_limit_counts_each_chunk_once_that_waits_a_millisecond_for_the_wire(count, changed):
    """At 10,000 bytes a second; 2,000 bytes leave in four slices."""
    chain, tally = Chain(), Tally()
    chain.add("t", Bandwidth(tally, Bucket(10_000.0)))
    drive(chain, [(b"x" * count, 0.0)])
    assert tally.counters().changed == changed
    drive(chain, [(b"x" * count, 10.0), (b"x" * count, 0.0)])
    assert tally.counters().changed == (3 * changed or 1)  # the third has to wait for the second at least


def test_an_end_that_waits_for_the_wire_is_no_chunk_that_a_limit_held():
    bucket = Bucket(10_000.0)
    Bandwidth(Tally(), bucket).push(b"x" * 100, 0.0)  # another connection has the wire for 10 ms
    tally = Tally()
    Bandwidth(tally, bucket).push(Mark.END, 0.0)
    assert tally.counters().changed == 0


def test_connections_take_turns_on_the_wire():
    bucket = Bucket(1000.0)
    one, two = Bandwidth(Tally(), bucket), Bandwidth(Tally(), bucket)
    one.push(b"a" * 500, 0.0)
    two.push(b"b" * 50, 0.0)
    assert one.due_s() == pytest.approx(0.05)
    assert two.due_s() == pytest.approx(0.10)


@given(st.binary(min_size=1, max_size=500), st.integers(1, 60), st.floats(0, 0.1))
def test_the_slicer_gives_pieces_of_its_size_its_pause_apart(data, size, pause_s):
    chain, tally = Chain(), Tally()
    chain.add("t", Slicer(tally, size, pause_s))
    out, _ = drive(chain, [(data, 0.0)])
    assert joined(out) == data
    assert tally.counters().changed == (len(data) > size)
    assert all(len(piece) == size for piece, _ in out[:-1])
    gaps_s = [after - before for (_, before), (_, after) in itertools.pairwise(out)]
    assert all(gap_s >= pause_s - 1e-9 for gap_s in gaps_s)


def test_a_cut_holds_and_counts_what_it_holds():
    chain, tally = Chain(), Tally()
    chain.add("t", Stage(tally))
    assert chain.push(b"one", 0.0) == chain.push(b"two", 1.0) == chain.pull(1e6) == []
    assert tally.counters().held_bytes == chain.held == 6
    assert chain.remove("t", 5.0) == [b"one", b"two"]
    assert (tally.counters().delay_ms.min, tally.counters().delay_ms.max) == (4000.0, 5000.0)


def test_what_a_removed_toxic_held_goes_through_those_behind_it():
    chain = Chain()
    chain.add("cut", Stage(Tally()))
    chain.add("slow", Latency(Tally(), 0.1, 0.0, Dice(1)))
    chain.push(b"held", 0.0)
    assert chain.remove("cut", 7.0) == []
    assert chain.due_s() == pytest.approx(7.1)
    assert chain.pull(7.1) == [b"held"]


def test_a_connection_that_ends_takes_its_held_bytes_out_of_the_count():
    chain, tally = Chain(), Tally()
    chain.add("t", Bandwidth(tally, Bucket(10.0)))
    chain.push(b"x" * 100, 0.0)
    chain.pull(0.1)
    chain.discard()
    assert tally.counters().held_bytes == 0


def test_timeout_loses_bytes_and_closes_once():
    drop = Drop(Tally(), 0.2, 10.0)
    chain = Chain()
    chain.add("t", drop)
    assert chain.push(b"lost", 10.1) == []
    assert chain.due_s() == pytest.approx(10.2)
    assert chain.pull(10.2) == [Mark.CLOSE]
    assert chain.due_s() == NEVER


def test_timeout_of_zero_never_closes_and_lets_pass_after_removal():
    chain = Chain()
    chain.add("t", Drop(Tally(), 0.0, 10.0))
    assert chain.push(b"lost", 10.1) == []
    assert chain.due_s() == NEVER
    assert chain.remove("t", 11.0) == []
    assert chain.push(b"kept", 11.0) == [b"kept"]


def test_the_first_byte_becomes_a_reset_and_is_counted():
    tally = Tally()
    chain = Chain()
    chain.add("t", ResetAtFirstByte(tally, 3))
    assert chain.push(b"x", 0.0) == [Mark.RESET]
    assert tally.counters().connections == 1


@given(st.integers(), st.integers(1, 1000))
def test_dice_are_the_same_by_name_and_differ_by_connection(seed, number):
    draws = [Dice(seed, "edge", 1, number).uniform() for _ in range(2)]
    assert draws[0] == draws[1] != Dice(seed, "edge", 1, number + 1).uniform()
    assert 0.0 <= draws[0] < 1.0


def test_same_seed_same_jitter():
    def run(seed):
        chain = Chain()
        chain.add("t", Latency(Tally(), 0.1, 0.05, Dice(seed)))
        return drive(chain, [(b"x", 1.0)] * 20)[0]

    assert run(5) == run(5) != run(6)
