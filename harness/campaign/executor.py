"""Who does the chunks of a campaign: the processes of this machine, by the standard library's pool.

Comes in: numbers of chunks. Goes out: the rows of each, as they come, or why there are none. A worker that
dies takes the whole pool with it, so what was under way is given out again, and a chunk in whose company
workers keep dying is done alone, so that it is known which one it is.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Protocol

from harness.campaign.model import RunRow

TICK_S = 0.25
DEATHS_MAX = 2
"""A chunk whose worker dies so often, while it does nothing else, is given up."""
Rows = tuple[RunRow, ...]
Work = Callable[[int], Rows]
"""Does one chunk; it is sent to where it is done, so it must be picklable."""


@dataclass(frozen=True, slots=True)
class Done:
    """One chunk that is over: its rows, or ``why`` there are none."""

    chunk: int
    rows: Rows = ()
    why: str = ""


class Executor(Protocol):
    """Who does chunks; ``cancel`` ends all that is not over."""

    def submit_all(self, work: Work, chunks: Sequence[int], /) -> None:
        """Begin."""
        ...

    def results(self) -> Iterator[Done | None]:
        """Give each chunk once, as it comes; None every ``TICK_S`` in which none came."""
        ...

    def cancel(self) -> None:
        """End it."""
        ...


class PoolExecutor:
    """``workers`` processes of this machine; see ``Executor``. ``prepare`` is called in each of them."""

    def __init__(self, workers: int, prepare: Callable[[], None]) -> None:
        self._workers = workers
        self._prepare = prepare
        self._pool: ProcessPoolExecutor | None = None
        self._work: Work = _nothing
        self._open: dict[int, None] = {}
        self._cancelled = False

    def submit_all(self, work: Work, chunks: Sequence[int]) -> None:
        """See ``Executor``."""
        self._work, self._open = work, dict.fromkeys(chunks)

    def results(self) -> Iterator[Done | None]:
        """See ``Executor``."""
        while self._open and not self._cancelled:
            yield from self._together(list(self._open))
            # The pool broke, and one of the first did it.
            for chunk in list(self._open)[: self._in_hand]:
                yield from self._alone(chunk)
        self._end()

    def cancel(self) -> None:
        """See ``Executor``."""
        self._cancelled = True
        self._end()

    @property
    def _in_hand(self) -> int:
        """How many are given out at a time: no worker waits, and little is done again when one dies."""
        return 2 * self._workers

    def _together(self, chunks: Sequence[int]) -> Iterator[Done | None]:
        waiting = iter(chunks)
        under_way: dict[Future[Rows], int] = {}
        with contextlib.suppress(BrokenProcessPool):
            while not self._cancelled:
                while len(under_way) < self._in_hand and (chunk := next(waiting, None)) is not None:
                    under_way[self._submit(chunk)] = chunk
                if not under_way:
                    return
                over = wait(under_way, timeout=TICK_S, return_when=FIRST_COMPLETED).done
                for future in over:
                    yield self._taken(_done(under_way[future], future))
                    del under_way[future]
                if not over:
                    yield None
        self._end()

    def _alone(self, chunk: int) -> Iterator[Done | None]:
        for _ in range(DEATHS_MAX):
            if self._cancelled:
                return
            with contextlib.suppress(BrokenProcessPool):
                future = self._submit(chunk)
                while not wait([future], timeout=TICK_S).done:
                    yield None
                yield self._taken(_done(chunk, future))
                return
            self._end()
        yield self._taken(Done(chunk, why=f"its worker died {DEATHS_MAX} times while it did nothing else"))

    def _taken(self, done: Done) -> Done:
        self._open.pop(done.chunk, None)
        return done

    def _submit(self, chunk: int) -> Future[Rows]:
        if self._pool is None:
            # Spawned, not forked: a worker begins as fresh as any other, whatever this process has done.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, context, initializer=self._prepare)
        return self._pool.submit(self._work, chunk)

    def _end(self) -> None:
        """End the pool; what its processes do is worth nothing any more."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.kill()
                child.join()


def _done(chunk: int, future: Future[Rows]) -> Done:
    """Give what came of it; ``BrokenProcessPool`` where its worker died."""
    try:
        return Done(chunk, future.result())
    except BrokenProcessPool:
        raise
    except Exception as error:  # noqa: BLE001 - one bad chunk is told and hides no other
        return Done(chunk, why=f"{type(error).__name__}: {error}")


def _nothing(_: int) -> Rows:
    return ()
