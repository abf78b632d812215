"""Chunks done by a Dask cluster on loopback: real processes, one killed, none reachable from outside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from harness.campaign.executor import Done
from harness.campaign.model import RunRow
from harness.campaign.parts import held
from harness.errors import Refused
from tests.harness.campaign.campaign_kit import Toy, chunk_of, written
from tests.harness.campaign.cluster_kit import Cluster
from tests.harness.campaign.rows_kit import question, row
from tests.harness.campaign.works import Told, workers

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'hormesis[dask]'")

from harness.campaign.dask import DaskExecutor
from harness.campaign.engine import run_chunks
from harness.campaign.table import encode

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path, until: Callable[..., object]) -> Iterator[Callable[..., Cluster]]:
    """Make a cluster with ``workers`` workers; it is gone afterwards."""
    made: list[Cluster] = []

    def make(count: int = 2, **environment: str) -> Cluster:
        (folder := tmp_path / "cluster").mkdir()
        one = Cluster(folder, **environment)
        made.append(one)
        until(one.address, within_s=60)
        for _ in range(count):
            one.worker()
        return one

    yield make
    for one in made:
        one.end()


def ended(address: str, work: Told, chunks: range) -> dict[int, Done]:
    executor = DaskExecutor(address)
    executor.submit_all(work, chunks)
    try:
        found = [done for done in executor.results() if done is not None]
    finally:
        executor.cancel()
    assert len({done.chunk for done in found}) == len(found), "a chunk came twice"
    return {done.chunk: done for done in found}


class Slowly(Toy):
    """Each chunk waits until it was seen to be under way, so that a worker can be killed over it."""

    def __call__(self, chunk: int) -> tuple[RunRow, ...]:
        folder = Path(os.environ["NOTES"])
        Told(str(folder), waiting=frozenset({3}))(chunk)
        return super().__call__(chunk)


def test_a_killed_worker_costs_nothing_and_the_table_is_the_same_byte_for_byte(
    tmp_path: Path, cluster: Callable[..., Cluster]
):
    asked, notes = question(pairs_max=24), tmp_path / "notes"
    notes.mkdir()
    one = cluster(NOTES=str(notes))
    killed: list[int] = []

    def look() -> None:
        """Kill the worker that does chunk 3, in the middle of it; whoever has it next may end it."""
        begun = workers(notes, 3)
        if begun and not killed:
            (victim,) = (process for process in one.processes if process.pid == begun[0])
            victim.kill()
            killed.append(victim.wait())
            (notes / "go").touch()

    def told(folder: Path, work: Toy, executor: object) -> bytes:
        with held(folder, asked) as parts:
            merge = run_chunks(work, executor, parts, tell=lambda _: None, look=look)
        return encode(merge.table())

    table = told(tmp_path / "dask", Slowly(asked), DaskExecutor(one.address()))
    assert killed == [-9]
    assert len(workers(notes, 3)) == 2, "the killed worker's chunk was done by the other one"
    assert table == told(tmp_path / "here", Toy(asked), _Here())


class _Here:
    def submit_all(self, work: Callable[[int], tuple[RunRow, ...]], chunks: list[int]) -> None:
        self.done = [Done(chunk, work(chunk)) for chunk in chunks]

    def results(self) -> Iterator[Done]:
        yield from self.done

    def cancel(self) -> None:
        """There is nothing to end."""


def test_simulated_worlds_are_the_same_in_a_worker_of_dask(
    tmp_path: Path, cluster: Callable[..., Cluster], small_template: Path
):
    one = cluster()
    work = chunk_of(written(tmp_path, sham=True), small_template)
    executor = DaskExecutor(one.address())
    executor.submit_all(work, range(2))
    found = [done for done in executor.results() if done is not None]
    executor.cancel()
    assert [done.why for done in found] == ["", ""]
    rows = {done.chunk: done.rows for done in found}
    assert {chunk: work(chunk) for chunk in rows} == rows
    assert all(row.doubt() == "" and row.units > 300 for chunk in rows for row in rows[chunk])


def test_a_chunk_that_kills_its_worker_is_given_up_and_named_and_others_are_done(
    tmp_path: Path, cluster: Callable[..., Cluster]
):
    notes = tmp_path / "notes"
    notes.mkdir()
    one = cluster(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    work = Told(str(notes), always=frozenset({2}), raising=frozenset({5}))
    found = ended(one.address(), work, range(8))
    assert "workers died over it" in found[2].why
    assert found[5] == Done(5, why="ValueError: no luck with 5")
    assert all(found[chunk].rows == (row(chunk),) for chunk in (0, 1, 3, 4, 6, 7))


def test_nobody_can_be_reached_but_over_loopback(tmp_path: Path, cluster: Callable[..., Cluster]):
    notes = tmp_path / "notes"
    notes.mkdir()
    one = cluster()
    seen: set[str] = set()

    def look() -> None:
        pids = [os.getpid(), *(process.pid for process in one.processes)]
        below = [child for pid in pids for child in psutil.Process(pid).children(recursive=True)]
        for process in [*map(psutil.Process, pids), *below]:
            found = process.net_connections(kind="inet")
            seen.update(each.laddr.ip for each in found if each.status == "LISTEN" or not each.raddr)

    executor = DaskExecutor(one.address())
    executor.submit_all(Told(str(notes), waiting=frozenset(range(6))), range(6))
    for _ in executor.results():
        if len(workers(notes)) == 2:  # both are at work, so all that they listen on is there
            look()
            (notes / "go").touch()
    executor.cancel()
    assert seen == {"127.0.0.1"}


def test_workers_with_several_threads_are_refused(tmp_path: Path, cluster: Callable[..., Cluster]):
    one = cluster(count=0)
    one.worker(threads=2)
    with pytest.raises(Refused, match="more than one thread"):
        ended(one.address(), Told(str(tmp_path)), range(1))
    assert workers(tmp_path) == []


def test_a_scheduler_that_ends_is_told_and_not_waited_for(tmp_path: Path, cluster: Callable[..., Cluster]):
    one = cluster(count=1)
    executor = DaskExecutor(one.address())
    executor.submit_all(Told(str(tmp_path), waiting=frozenset({0})), range(1))
    results = executor.results()
    while not workers(tmp_path, 0):
        assert next(results) is None
    one.end()
    with pytest.raises(Refused, match=r"gone|lost"):
        list(results)
    executor.cancel()


def test_where_no_scheduler_is_none_is_waited_for():
    with pytest.raises(Refused, match=r"no scheduler answers at tcp://127\.0\.0\.1:1 "):
        DaskExecutor("tcp://127.0.0.1:1")


def test_an_address_that_is_none_is_refused():
    with pytest.raises(Refused, match="no scheduler answers at nowhere"):
        DaskExecutor("nowhere://x")
