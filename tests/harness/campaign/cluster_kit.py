"""A Dask cluster on loopback: a scheduler and workers, each a process that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.harness.campaign.campaign_kit import ROOT

LOOPBACK = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")


class Cluster:
    """A scheduler and workers without nannies, each a process of its own, on loopback."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", **environment}
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--port", "0", "--scheduler-file", str(folder / "scheduler.json"))

    def _start(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        """Start it with its words of Dask in a file, which a failed test shows."""
        with (self.folder / f"{program}-{len(self.processes)}.txt").open("wb") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{program}", *LOOPBACK, *words],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        self.processes.append(started)
        return started

    def worker(self, threads: int = 1) -> subprocess.Popen[bytes]:
        file = str(self.folder / "scheduler.json")
        local = str(self.folder / "local")
        words = (
            "--scheduler-file",
            file,
            "--nthreads",
            str(threads),
            "--local-directory",
            local,
            "--no-nanny",
        )
        return self._start("worker", *words)

    def address(self) -> str:
        """The scheduler's, once it is up; "" before."""
        log = (self.folder / "scheduler-0.txt").read_text()
        return next((word for word in log.split() if word.startswith("tcp://127.0.0.1:")), "")

    def end(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
