"""Who does the chunks of a campaign: processes of this machine, each on a pipe of its own.

Comes in: numbers of chunks. Goes out: the rows of each, as they come, or why there are none. A worker that
dies takes one chunk with it, which is given to another; where workers keep dying over it, it is given up.
The pools of the standard library were no help: there one death is everybody's, nobody knows whose fault it
was, and a worker that is killed while it answers leaves half an answer that is waited for without end.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Protocol

from harness.campaign.model import RunRow
from harness.errors import Refused

TICK_S = 0.25
DEATHS_MAX = 3
"""A chunk over which so many workers died is given up: once or twice may be the machine's doing."""
Rows = tuple[RunRow, ...]
Work = Callable[[int], Rows]
"""Does one chunk; it is sent to where it is done, so it must be picklable. ``Refused``: none can be done
there.
"""


@dataclass(frozen=True, slots=True)
class Done:
    """One chunk that is over: its rows, or ``why`` there are none; ``refused``: there will be none of any."""

    chunk: int
    rows: Rows = ()
    why: str = ""
    refused: bool = False


class Executor(Protocol):
    """Who does chunks; ``cancel`` ends all that is not over."""

    def submit_all(self, work: Work, chunks: Sequence[int], /) -> None:
        """Begin."""
        ...

    def results(self) -> Iterator[Done | None]:
        """Give each chunk once, as it comes; None at least every ``TICK_S`` in which none came."""
        ...

    def cancel(self) -> None:
        """End it."""
        ...


def done_of(work: Work, chunk: int) -> Done:
    """Do one chunk; what it raises is told, and hides no other."""
    try:
        return Done(chunk, work(chunk))
    except Refused as error:
        return Done(chunk, why=str(error), refused=True)
    except Exception as error:  # noqa: BLE001 - handed on as a value
        return Done(chunk, why=f"{type(error).__name__}: {error}")


class PoolExecutor:
    """``workers`` processes of this machine; see ``Executor``. ``prepare`` is called in each before it works.

    To be used from the thread that made it: what ``prepare`` asks of the kernel may count from that.
    """

    def __init__(self, workers: int, prepare: Callable[[], None]) -> None:
        self._workers_max = workers
        self._prepare = prepare
        self._workers: list[_Worker] = []
        self._work: Work = _nothing
        self._waiting: deque[int] = deque()
        self._deaths: Counter[int] = Counter()

    def submit_all(self, work: Work, chunks: Sequence[int]) -> None:
        """See ``Executor``."""
        self._work, self._waiting = work, deque(chunks)

    def results(self) -> Iterator[Done | None]:
        """See ``Executor``; ``Refused`` where a process cannot even be started."""
        try:
            while self._waiting or any(worker.chunk is not None for worker in self._workers):
                self._give_out()
                said = wait([worker.pipe for worker in self._workers], timeout=TICK_S)
                for worker in [one for one in self._workers if one.pipe in said]:
                    yield self._heard(worker)
                if not said:
                    yield None
        finally:
            self.cancel()

    def cancel(self) -> None:
        """See ``Executor``."""
        self._waiting.clear()
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.end()

    def _give_out(self) -> None:
        """Start a process as long as there is more to do than there are idle ones; each idle one gets a
        chunk.
        """
        idle = sum(worker.chunk is None for worker in self._workers)
        more = min(self._workers_max - len(self._workers), len(self._waiting) - idle)
        self._workers += [_Worker(self._prepare, self._work) for _ in range(more)]
        for worker in self._workers:
            if worker.ready and worker.chunk is None and self._waiting:
                worker.give(self._waiting.popleft())

    def _heard(self, worker: _Worker) -> Done | None:
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            return self._lost(worker)
        worker.ready, worker.chunk = True, None
        return said if isinstance(said, Done) else None

    def _lost(self, worker: _Worker) -> Done | None:
        """Bury a worker; what it was doing is given out again, first of all, or given up."""
        self._workers.remove(worker)
        how = worker.end()
        if not worker.ready:
            raise Refused(f"a worker process {how} before it did anything")
        chunk = worker.chunk
        if chunk is None:
            return None
        self._deaths[chunk] += 1
        if self._deaths[chunk] < DEATHS_MAX:
            self._waiting.appendleft(chunk)
            return None
        return Done(chunk, why=f"{DEATHS_MAX} workers died over it, the last one {how}")


class _Worker:
    """One process and our end of its pipe; ``chunk``: what it is doing, None = nothing. ``ready``: it is up.

    Spawned, not forked: it begins as fresh as any other, whatever this process has done. The other end of the
    pipe is its alone, so that its death is the end of the pipe, even in the middle of an answer.
    """

    def __init__(self, prepare: Callable[[], None], work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, prepare, work), daemon=True)
        self.process.start()
        theirs.close()
        self.chunk: int | None = None
        self.ready = False

    def give(self, chunk: int) -> None:
        """Let it do a chunk; a process that is gone is noticed when it is listened to."""
        self.chunk = chunk
        try:
            self.pipe.send(chunk)
        except ConnectionError:
            return

    def end(self) -> str:
        """Wait for its end, which has begun; says how it came."""
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        self.process.close()
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _serve(pipe: Connection, prepare: Callable[[], None], work: Work) -> None:
    """Do chunks until nobody asks any more. Ctrl-C is for whoever gave them out: it ends us, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
    pipe.send(None)
    while True:
        try:
            chunk = pipe.recv()
        except EOFError:
            return
        pipe.send(done_of(work, chunk))


def _nothing(_: int) -> Rows:
    return ()
