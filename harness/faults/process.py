"""Process faults: a process dies (``process.kill``) or stands still (``process.hang``).

Origin. Kill: out-of-memory kills, evictions, segmentation faults, a deploy without drain; the
kernel says so at once and the port refuses. Hang: a lock never released, a dead disk, a stopped
container; the port still accepts and nothing answers, so nothing that only watches the pid sees it.

Comes in: parameters from an experiment. Goes out: one ``Effect``. The table is ``catalog.py``.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from harness.faults.effects import Kill, Pause
from harness.faults.kind import DURATION_MAX_S, Duration, FaultKind, FaultProblem, ServiceName, typed

TIMES_MAX = 100


class KillParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``service``: the name in the system file whose one process gets SIGKILL.

    ``times``: a succession of so many kills in one episode, ``every_s`` apart, of whoever serves by then.
    """

    service: ServiceName
    times: Annotated[int, msgspec.Meta(ge=1, le=TIMES_MAX)] = 1
    every_s: Duration | None = None


class HangParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``service``: whose one process gets SIGSTOP. ``duration_s``: then SIGCONT; without it, sticky."""

    service: ServiceName
    duration_s: Duration | None = None


def compile_kill(parameters: KillParameters) -> Kill:
    """Compile ``process.kill``.

    >>> compile_kill(KillParameters(service="gateway"))
    Kill(service='gateway', times=1, every_s=0.0)
    """
    if (parameters.times > 1) != (parameters.every_s is not None):
        raise FaultProblem(
            "process.kill: 'times' above 1 and 'every_s' belong together, e.g. times: 5, every_s: 0.8",
            argument="every_s" if parameters.times > 1 else "times",
        )
    every_s = parameters.every_s or 0.0
    if (parameters.times - 1) * every_s > DURATION_MAX_S:
        raise FaultProblem(
            f"process.kill: the last kill would come after more than {DURATION_MAX_S:g} s", argument="times"
        )
    return Kill(service=parameters.service, times=parameters.times, every_s=every_s)


def compile_hang(parameters: HangParameters) -> Pause:
    """Compile ``process.hang``.

    >>> compile_hang(HangParameters(service="scorer-a", duration_s=3.0))
    Pause(service='scorer-a', duration_s=3.0)
    """
    return Pause(service=parameters.service, duration_s=parameters.duration_s)


ROWS = (
    FaultKind(
        kind="process.kill",
        parameters=KillParameters,
        compile=typed(KillParameters, compile_kill),
        what="ends one process of a service with SIGKILL, once or several times in succession",
        proof="the process is gone (pidfd) and its port refuses or answers with a new boot id",
        undo="the service runs again: by the platform, else started by the harness",
        undone_within_s=20.0,  # asked at once; a service may take its start_timeout_s to be ready
    ),
    FaultKind(
        kind="process.hang",
        parameters=HangParameters,
        compile=typed(HangParameters, compile_hang),
        what="stops one process of a service with SIGSTOP: the port accepts, nothing answers",
        proof="every thread is in state T, the port accepts and no byte comes back",
        undo="SIGCONT to that very process, if it still exists",
        undone_within_s=1.0,
    ),
)
