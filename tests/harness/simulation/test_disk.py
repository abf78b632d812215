"""A kill loses nothing, a power cut only what was not synced, and that in a way a disk may lose it."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulation.disk import Disk
from harness.simulation.kernel import Kernel, ProcessDead
from harness.simulation.processes import Process

ROW = 8


async def idle(life):
    await life.create_future()


@pytest.fixture
def process():
    return Process(Kernel(seed=1), "one", idle)


def disk(seed=1, **more):
    return Disk(np.random.default_rng(seed), **more)


def row(number):
    return b"%07d\n" % number


def rows(data):
    """Whole rows at the front, as recovery reads them."""
    whole = [data[at : at + ROW] for at in range(0, len(data), ROW)]
    return [int(one) for one in whole if len(one) == ROW and one.endswith(b"\n")]


policies = st.sampled_from([1, 10, 0])


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), policies)
def test_a_power_cut_leaves_a_prefix_that_holds_all_that_was_synced(seed, count, every):
    life, own = Process(Kernel(seed=1), "one", idle).start(), disk(seed)
    synced = 0
    for number in range(count):
        own.append(life, "log", row(number))
        if every and number % every == every - 1:
            own.sync(life, "log")
            synced = number + 1
    own.power_cut()
    left = rows(own.read(life, "log")) if "log" in own.names(life) else []
    assert left == list(range(len(left)))
    assert synced <= len(left) <= count


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_a_kill_loses_nothing_that_was_written(seed, count):
    process, own = Process(Kernel(seed=1), "one", idle), disk(seed)
    life = process.start()
    for number in range(count):
        own.append(life, "log", row(number))
    process.kill()
    with pytest.raises(ProcessDead):
        own.append(life, "log", row(count))
    with pytest.raises(ProcessDead):
        own.read(life, "log")
    assert rows(own.read(process.start(), "log")) == list(range(count))


def test_both_ends_of_what_a_power_cut_may_do_are_met():
    found = set()
    for seed in range(200):
        life, own = Process(Kernel(seed=1), "one", idle).start(), disk(seed)
        own.append(life, "log", b"first")
        own.sync(life, "log")
        own.append(life, "log", b"second")
        own.power_cut()
        found.add(own.read(life, "log"))
    assert {b"first", b"firstsecond"} < found
    assert all(b"firstsecond".startswith(one) for one in found)


def test_a_whole_file_that_is_replaced_in_place_may_be_empty_and_one_that_is_renamed_is_one_or_the_other():
    in_place, renamed = set(), set()
    for seed in range(200):
        life, own = Process(Kernel(seed=1), "one", idle).start(), disk(seed)
        own.write(life, "a", b"old")
        own.sync(life, "a")
        own.write(life, "a", b"new")
        own.power_cut()
        in_place.add(own.read(life, "a"))
        own.write(life, "b", b"old")
        own.sync(life, "b")
        own.write(life, "b.new", b"new")
        own.sync(life, "b.new")
        own.rename(life, "b.new", "b")
        own.power_cut()
        renamed.add(own.read(life, "b"))
    assert {b"old", b"", b"new"} <= in_place
    assert renamed == {b"old", b"new"}


def test_a_rename_that_was_synced_stays(process):
    life = process.start()
    for seed in range(50):
        own = disk(seed)
        own.write(life, "a.new", b"new")
        own.sync(life, "a.new")
        own.rename(life, "a.new", "a")
        own.sync_names(life)
        own.power_cut()
        assert own.names(life) == ["a"]
        assert own.read(life, "a") == b"new"


def test_a_full_disk_and_a_failing_one_say_so_and_take_nothing(process):
    life, own = process.start(), disk(capacity_bytes=10)
    own.append(life, "a", b"12345678")
    for write in (own.append, own.write):
        with pytest.raises(OSError, match="is full") as caught:
            write(life, "b", b"123")
        assert caught.value.errno == errno.ENOSPC
    own.remove(life, "a")
    own.append(life, "b", b"1234567890")
    own.failing["sync"] = errno.EIO
    with pytest.raises(OSError, match="fails at each sync") as caught:
        own.sync(life, "b")
    assert caught.value.errno == errno.EIO
    assert own.read(life, "b") == b"1234567890"
    assert own.names(life) == ["b"]


def test_what_is_not_there_is_told_as_a_real_disk_tells_it(process):
    life, own = process.start(), disk()
    for operation in (own.read, own.sync, own.remove):
        with pytest.raises(FileNotFoundError):
            operation(life, "none")
    with pytest.raises(FileNotFoundError):
        own.rename(life, "none", "other")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_may_be_written_however_many(process, kind):
    host = disk()
    host.append(process.start(), "log", kind(bytearray(1 << 15)))
    assert host.read(process.life, "log") == bytes(1 << 15)


STEPS = st.one_of(
    st.tuples(st.sampled_from(["append", "write"]), st.sampled_from("ab"), st.binary(max_size=9)),
    st.tuples(st.just("rename"), st.sampled_from(["ab", "ba"]), st.just(b"")),
    st.tuples(st.just("remove"), st.sampled_from("ab"), st.just(b"")),
)


@given(st.lists(STEPS, max_size=20))
def test_a_reader_is_given_what_is_there_however_often_it_has_read_before(steps):
    host, there = disk(), {}
    life = Process(Kernel(seed=1), "one", idle).start()
    for step, name, data in steps:
        if step == "append":
            host.append(life, name, data)
            there[name] = there.get(name, b"") + data
        elif step == "write":
            host.write(life, name, data)
            there[name] = data
        elif name[0] in there:
            if step == "rename":
                host.rename(life, *name)
                there[name[1]] = there.pop(name[0])
            else:
                host.remove(life, name)
                del there[name]
        for _ in range(2):
            assert {one: host.read(life, one) for one in host.names(life)} == there
