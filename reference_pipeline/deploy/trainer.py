"""The Trainer port on one machine: a child process a job, ended with the learner."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path


class ChildTrainer:
    """Runs ``reference_pipeline.deploy.train`` for one folder at a time."""

    async def run(self, folder: Path, /) -> int:
        """Fit the job of ``folder``; give the exit code (negative: the signal that ended it)."""
        with (folder / "log.txt").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "reference_pipeline.deploy.train",
                str(folder),
                stdout=log,
                stderr=log,
            )
        try:
            return await child.wait()
        finally:
            with suppress(ProcessLookupError):
                child.kill()
