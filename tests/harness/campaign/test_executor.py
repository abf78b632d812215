"""The pool of processes: a death costs one chunk's time, a deadly chunk is named, and nobody is left over."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.campaign.executor import DEATHS_MAX, Done, PoolExecutor
from harness.errors import Refused
from harness.targets.local.kernel import ending_with_us
from tests.harness.campaign.rows_kit import row
from tests.harness.campaign.works import Told, workers

ROOT = Path(__file__).resolve().parents[3]
both = pytest.mark.parametrize("count", [1, 2])


def nothing() -> None:
    """What a worker needs no more of."""


def ended(work: Told, chunks: range, count: int) -> dict[int, Done]:
    pool = PoolExecutor(count, ending_with_us())
    pool.submit_all(work, chunks)
    found = [done for done in pool.results() if done is not None]
    assert len({done.chunk for done in found}) == len(found), "a chunk came twice"
    assert multiprocessing.active_children() == []
    return {done.chunk: done for done in found}


@both
def test_each_chunk_comes_once_with_its_rows(tmp_path: Path, count: int):
    found = ended(Told(str(tmp_path)), range(6), count)
    assert found == {chunk: Done(chunk, (row(chunk),)) for chunk in range(6)}
    assert len(workers(tmp_path)) <= count


@both
def test_a_worker_that_is_killed_once_loses_nothing(tmp_path: Path, count: int):
    found = ended(Told(str(tmp_path), once=frozenset({1, 4})), range(6), count)
    assert [found[chunk].rows for chunk in range(6)] == [(row(chunk),) for chunk in range(6)]
    assert len(workers(tmp_path, 1)) == len(workers(tmp_path, 4)) == 2


@both
def test_a_chunk_over_which_workers_keep_dying_is_given_up_and_named_and_others_are_done(
    tmp_path: Path, count: int
):
    found = ended(Told(str(tmp_path), always=frozenset({2})), range(6), count)
    assert found[2].rows == ()
    assert found[2].why == f"{DEATHS_MAX} workers died over it, the last one was ended by SIGKILL"
    assert len(workers(tmp_path, 2)) == DEATHS_MAX
    assert all(found[chunk].rows == (row(chunk),) for chunk in (0, 1, 3, 4, 5))


@both
def test_what_a_chunk_raises_is_told_of_it_alone(tmp_path: Path, count: int):
    found = ended(Told(str(tmp_path), raising=frozenset({0})), range(3), count)
    assert found[0] == Done(0, why="ValueError: no luck with 0")
    assert [found[chunk].why for chunk in (1, 2)] == ["", ""]
    assert len(workers(tmp_path)) <= count, "an error is no death"


def test_a_worker_that_cannot_do_the_question_says_so(tmp_path: Path):
    found = ended(Told(str(tmp_path), refused=frozenset({0})), range(1), 1)
    assert found[0] == Done(0, why="this machine has another code", refused=True)


def failing() -> None:
    raise SystemExit(3)


def test_a_process_that_cannot_even_begin_is_refused_and_not_tried_for_ever(tmp_path: Path):
    pool = PoolExecutor(2, failing)
    pool.submit_all(Told(str(tmp_path)), range(4))
    with pytest.raises(Refused, match="ended with code 3 before it did anything"):
        list(pool.results())
    assert multiprocessing.active_children() == []


@both
def test_cancel_leaves_no_process_and_touches_no_other(tmp_path: Path, count: int):
    stranger = multiprocessing.get_context("spawn").Process(
        target=os.kill, args=(os.getpid(), 0), daemon=True
    )
    pool = PoolExecutor(count, nothing)
    pool.submit_all(Told(str(tmp_path), waiting=frozenset({0, 1, 2, 3})), range(4))
    stranger.start()
    results = pool.results()
    while len(workers(tmp_path)) < count:
        assert next(results) is None
    begun = workers(tmp_path)
    pool.cancel()
    assert [pid for pid in begun if Path(f"/proc/{pid}").exists()] == []
    assert list(results) == []
    stranger.join()
    assert stranger.exitcode == 0


def test_a_worker_that_is_killed_by_somebody_while_it_works_is_replaced(tmp_path: Path):
    pool = PoolExecutor(1, nothing)
    pool.submit_all(Told(str(tmp_path), waiting=frozenset({0})), range(1))
    found = []
    for done in pool.results():
        if len(begun := workers(tmp_path)) == 1 and not (tmp_path / "go").exists():
            os.kill(begun[0], signal.SIGKILL)
            (tmp_path / "go").touch()
        found += [done] if done is not None else []
    assert found == [Done(0, (row(0),))]
    assert len(workers(tmp_path)) == 2


PARENT = """
import sys
from harness.campaign.executor import PoolExecutor
from harness.targets.local.kernel import ending_with_us
from tests.harness.campaign.works import Told
if __name__ == "__main__":
    pool = PoolExecutor(2, ending_with_us())
    pool.submit_all(Told(sys.argv[1], waiting=frozenset({0, 1})), range(2))
    list(pool.results())
"""


def test_a_killed_parent_leaves_no_worker(tmp_path: Path, until: Callable[..., object]):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    notes = tmp_path / "notes"
    notes.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, script, notes], cwd=ROOT, env=environment) as parent:
        until(lambda: len(workers(notes)) == 2, within_s=60)
        parent.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers(notes)), within_s=60)


def test_ctrl_c_is_for_the_parent_and_a_worker_goes_on_until_it_is_told(tmp_path: Path):
    """A terminal sends its signal to everybody: two would tell of one Ctrl-C, and a chunk would be lost."""
    pool = PoolExecutor(1, nothing)
    pool.submit_all(Told(str(tmp_path), waiting=frozenset({0})), range(1))
    found = []
    for done in pool.results():
        if (begun := workers(tmp_path)) and not (tmp_path / "go").exists():
            os.kill(begun[0], signal.SIGINT)
            (tmp_path / "go").touch()
        found += [done] if done is not None else []
    assert found == [Done(0, (row(0),))]
    assert len(workers(tmp_path)) == 1
