"""The Trainer port on one machine: a child process a job, ended with the learner."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from reference_pipeline.shell import process_id


class ChildTrainer:
    """Runs ``reference_pipeline.deploy.train`` for one folder at a time."""

    def __init__(self) -> None:
        self._child: asyncio.subprocess.Process | None = None

    async def run(self, folder: Path, /) -> int:
        """Fit the job of ``folder``; give the exit code (negative: the signal that ended it)."""
        command = [sys.executable, "-P", "-m", "reference_pipeline.deploy.train"]
        with (folder / "log.txt").open("ab") as log:
            child = self._child = await asyncio.create_subprocess_exec(
                *command, str(folder), str(process_id()), stdout=log, stderr=log
            )
        try:
            return await child.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        """End the child that fits, if one does; :meth:`run` returns then."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                self._child.kill()
