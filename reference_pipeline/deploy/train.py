"""``python -m reference_pipeline.deploy.train FOLDER PID``: the child process that fits one job.

It has one thread, is the last in line for the processor, may use ``CPU_LIMIT_S`` of it, and ends when PID,
the learner that started it, is gone: a new one takes the job up again from its checkpoint. That one waits
until this one has ended: two would write the same files.
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from reference_pipeline.fitting import run_job
from reference_pipeline.folders import DiskFolder
from reference_pipeline.jobs import LOCK_FILE, read_result

CPU_LIMIT_S = 60
_NICE = 10


class Orphaned(RuntimeError):
    """The learner is gone: nobody would register the result."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit the job in the folder named first; 0 where there is a result, good or bad."""
    folder, learner = sys.argv[1:] if arguments is None else arguments
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))

    def go_on() -> None:
        if os.getppid() != int(learner):
            raise Orphaned(f"process {learner} is gone")

    go_on()
    job = DiskFolder(Path(folder))
    with (job.path / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if read_result(job) is not None:
            return 0  # an older one of this job was quicker than its end
        run_job(job, cpu_s=_cpu_s, go_on=go_on)
    return 0


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
