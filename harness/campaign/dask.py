"""Who does the chunks of a campaign: workers of a Dask cluster that is up already, named by its address.

Comes in: numbers of chunks. Goes out: the rows of each, as they come. Needs the extra ``[dask]``, and workers
of one thread each that have the same code and see the same files. A worker that dies loses nothing: the
scheduler gives its chunks to others, and gives up one over which more died than its own setting
``distributed.scheduler.allowed-failures`` allows.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError

from distributed import Client, Future, KilledWorker, wait

from harness.campaign.executor import TICK_S, Done, Work, done_of
from harness.errors import Refused

CONNECT_S = 10.0
ALONE_S = 60.0
"""Without any worker for so long, nobody is waited for any more."""


class DaskExecutor:
    """The workers of the scheduler at ``address`` (``tcp://host:port``); see ``Executor``.

    Raises ``Refused`` where there is none, or its workers are not such as simulated runs need.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._waiting: deque[int] = deque()
        self._given: dict[Future, int] = {}
        self._work: Work | None = None
        try:
            self._client = Client(address, timeout=CONNECT_S)
        except (OSError, ValueError) as error:
            words = f"no scheduler answers at {address} within {CONNECT_S:g} s ({error})"
            raise Refused(f"{words}; start one: `dask scheduler`") from error

    def submit_all(self, work: Work, chunks: Sequence[int]) -> None:
        """See ``Executor``."""
        self._work, self._waiting = work, deque(chunks)

    def results(self) -> Iterator[Done | None]:
        """See ``Executor``; ``Refused`` where the scheduler, or every worker for a minute, is gone."""
        alone = 0
        while self._waiting or self._given:
            workers = self._workers()
            alone = 0 if workers else alone + 1
            if alone * TICK_S > ALONE_S:
                raise Refused(f"{self._address} has no worker; start some: `dask worker {self._address}`")
            # One a worker: what lies ready on one that dies would count as having killed it.
            self._give_out(workers)
            over = self._over()
            for future in over:
                yield self._taken(future)
            if not over:
                yield None

    def cancel(self) -> None:
        """See ``Executor``: what is under way on a worker comes to its end there and is forgotten."""
        self._waiting.clear()
        given, self._given = list(self._given), {}
        with contextlib.suppress(OSError, CancelledError):  # a scheduler that is gone has nothing to cancel
            if given and self._client.status == "running":
                self._client.cancel(given, force=True)
        self._client.close()

    def _workers(self) -> int:
        """How many there are. Two runs in the threads of one process would share what is a process's own."""
        gone = f"the scheduler at {self._address} is gone; what was done stays, start it and go on"
        if self._client.status != "running":
            raise Refused(gone)
        try:
            threads = self._client.nthreads()
        except OSError as error:
            raise Refused(f"{gone} ({error})") from error
        if many := [name for name, count in sorted(threads.items()) if count != 1]:
            raise Refused(f"worker {many[0]} has more than one thread; start workers with `--nthreads 1`")
        return len(threads)

    def _give_out(self, at_most: int) -> None:
        while self._waiting and len(self._given) < at_most:
            chunk = self._waiting.popleft()
            # Not pure: a result that the cluster remembers from an earlier campaign is nothing that was done.
            future = self._client.submit(done_of, self._work, chunk, pure=False, retries=0)
            self._given[future] = chunk

    def _over(self) -> list[Future]:
        """Wait a little; give the chunks that are over, in the order in which they were given out."""
        try:
            if self._given:
                wait(list(self._given), timeout=TICK_S, return_when="FIRST_COMPLETED")
            else:
                self._client.wait_for_workers(1, timeout=TICK_S)
        except (TimeoutError, CancelledError):
            pass
        return [future for future in self._given if future.done()]

    def _taken(self, future: Future) -> Done | None:
        chunk = self._given[future]
        try:
            done: Done = future.result(timeout=CONNECT_S)
        except TimeoutError:
            return None  # whoever had the rows has died before we got them: they are made again
        except KilledWorker as error:
            done = Done(chunk, why=f"workers died over it, the last one {error.last_worker.address}")
        except CancelledError as error:
            raise Refused(f"{self._address} lost chunk {chunk}; what was done stays, run it again") from error
        except Exception as error:  # noqa: BLE001 - what the cluster made of it is told, and hides no other
            done = Done(chunk, why=f"{type(error).__name__}: {error}")
        del self._given[future]
        future.release()
        return done
