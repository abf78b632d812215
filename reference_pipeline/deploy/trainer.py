"""The Trainer port on one machine: a child process a job, ended with the learner."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from reference_pipeline.shell import process_id

WALL_LIMIT_S = 240.0


class ChildTrainer:
    """Runs ``reference_pipeline.deploy.train`` for one folder of ``trainings`` at a time, each at most
    ``limit_s``.
    """

    def __init__(self, trainings: Path, limit_s: float = WALL_LIMIT_S) -> None:
        self._trainings = trainings
        self._limit_s = limit_s
        self._child: asyncio.subprocess.Process | None = None

    async def run(self, key: str, /) -> int:
        """Fit the job in the folder ``key``; give the exit code (negative: the signal that ended it)."""
        folder = self._trainings / key
        command = [sys.executable, "-P", "-m", "reference_pipeline.deploy.train"]
        with (folder / "log.txt").open("ab") as log:
            child = self._child = await asyncio.create_subprocess_exec(
                *command, str(folder), str(process_id()), stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(self._limit_s):
                return await child.wait()
        except TimeoutError:
            self.stop()  # stopped or starved: it holds up all that come after it
            return await child.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        """End the child that fits, if one does; :meth:`run` returns then."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                self._child.kill()
