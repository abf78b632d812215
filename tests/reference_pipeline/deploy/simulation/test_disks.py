"""Stores and folders on a simulated disk: another life reads them, a power cut leaves whole commits."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulation.disk import Disk, Mount
from harness.simulation.kernel import Kernel, ProcessDead
from harness.simulation.processes import Life, Process
from reference_pipeline.deploy.simulation.disks import SimulatedFolder, SimulatedStore
from reference_pipeline.ports import Append, StoreFailed
from reference_pipeline.registry import LOGS, Registry


async def idle(life: Life) -> None:
    await life.create_future()


class Host:
    """One host with a disk and a process that may begin another life."""

    def __init__(self, seed: int = 1) -> None:
        self.disk = Disk(np.random.default_rng(seed))
        self.process = Process(Kernel(seed=1), "one", idle)

    def life(self) -> Mount:
        self.process.kill()
        return Mount(self.disk, self.process.start())


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 5), min_size=1, max_size=20), st.booleans())
def test_what_was_acknowledged_is_there_in_the_next_life_and_nothing_half(seed, sizes, power):
    """Also after a power cut in which the last record was torn: it was never acknowledged."""
    host = Host(seed)
    store = SimulatedStore(host.life(), "store", ["a"])
    keys = []
    for number, size in enumerate(sizes):
        new = [f"{number}-{place}" for place in range(size)]
        store.commit([Append("a", key, key.encode()) for key in new], {"last": str(number).encode()})
        keys += new
    torn = host.life()
    if power:
        torn.append("store", b"half a rec")
        host.process.kill()
        host.disk.power_cut()
    again = SimulatedStore(host.life(), "store", ["a"])
    assert [row.key for row in again.read("a", 0, 1000)] == keys
    assert again.find("values", "last") == str(len(sizes) - 1).encode()
    assert again.commit([Append("a", "new", b"")]) == [len(keys) + 1]
    assert [row.key for row in SimulatedStore(host.life(), "store", ["a"]).read("a", 0, 1000)] == [
        *keys,
        "new",
    ]


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_commit_that_the_disk_did_not_take_is_none(operation):
    host = Host()
    store = SimulatedStore(host.life(), "store", ["a"])
    store.commit([Append("a", "k", b"1")])
    host.disk.failing[operation] = errno.ENOSPC
    with pytest.raises(StoreFailed, match="commit failed"):
        store.commit([Append("a", "l", b"2")], {"v": b"2"})
    assert (len(store.read("a", 0, 10)), store.find("values", "v")) == (1, None)
    del host.disk.failing[operation]
    assert store.commit([Append("a", "m", b"3")]) == [2]
    assert [row.key for row in SimulatedStore(host.life(), "store", ["a"]).read("a", 0, 9)] == ["k", "m"]


@given(st.integers(0, 2**32 - 1))
def test_a_power_cut_while_a_failed_commit_is_taken_away_loses_nothing_that_was_acknowledged(seed):
    host = Host(seed)
    store = SimulatedStore(host.life(), "store", ["a"])
    store.commit([Append("a", "k", b"1")])
    host.disk.failing["sync"] = errno.EIO
    for key in ("l", "m"):  # the second one fails while it takes the first one away
        with pytest.raises(StoreFailed):
            store.commit([Append("a", key, b"2")])
    host.process.kill()
    host.disk.failing.clear()
    host.disk.power_cut()
    left = [row.key for row in SimulatedStore(host.life(), "store", ["a"]).read("a", 0, 9)]
    assert left in (["k"], ["k", "l"]), "what was never acknowledged may be there or not"


def test_a_dead_process_commits_nothing():
    host = Host()
    store = SimulatedStore(host.life(), "store", ["a"])
    host.process.kill()
    with pytest.raises(ProcessDead):
        store.commit([Append("a", "k", b"1")])


def test_a_folder_has_files_and_folders_and_a_half_written_file_is_none():
    host = Host()
    folder = SimulatedFolder(host.life(), "trainings")
    folder.inner("first").write("job.json", b"{}")
    folder.inner("first").append("cpu_s.log", b"1.0\n")
    folder.write("top", b"x")
    mount = host.life()
    mount.write("trainings/first/result.json.partial", b"half")
    again = SimulatedFolder(mount, "trainings")
    assert again.names() == ["first", "top"]
    assert again.inner("first").names() == ["cpu_s.log", "job.json"]
    assert (again.inner("first").read("job.json"), again.read("none")) == (b"{}", None)
    again.remove("top")
    again.remove("top")
    assert again.names() == ["first"]


def test_a_registry_lives_on_it_as_on_a_real_disk():
    host = Host()

    def opened() -> Registry:
        mount = host.life()
        return Registry(SimulatedStore(mount, "registry", LOGS), SimulatedFolder(mount, "artefacts"))

    first = opened()
    one, two = first.put(b"one", "1.0.0", {"cost": 0.1}, {}), first.put(b"two", "1.1.0", {}, {})
    first.set_alias("champion", two.version)
    host.process.kill()
    host.disk.power_cut()
    again = opened()
    assert again.versions() == [one, two]
    assert again.alias("champion").version == two.version
    assert again.artefact(one.sha256) == b"one"
