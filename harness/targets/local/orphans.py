"""Orphans: processes of a former life of a service that still listen on its port.

Comes in: a port, the variable that all processes of this run carry, who belongs to the life of now. Goes out:
pids, and their end. Who does not carry the token is a stranger: it is neither named here nor signalled.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable

from harness.targets.local.kernel import is_gone, pinned
from harness.targets.local.procfs import GONE, PROC, carriers, carries, descendants, start_ticks
from harness.targets.local.sockets import holders, is_listened_on

Mark = tuple[str, str]
"""Name and value of the variable in the environment of all that this run has started."""


def orphans_on(port: int, mark: Mark, root: int = 0) -> tuple[int, ...]:
    """Pids of this run's processes that listen on ``port`` and are not ``root``, nor below it.

    None where somebody of the life of now listens too: then it serves, whoever else does. ``root`` 0: nobody
    lives now.
    """
    if not is_listened_on(port):
        return ()
    found = holders(port, carriers(*mark))
    now = {root, *descendants(root)} if root else set[int]()  # after: who was forked meanwhile is in it
    return () if now.intersection(found) else tuple(pid for pid in found if start_ticks(pid))


def is_below(pid: int, root: int) -> bool:
    """Say whether ``pid`` lives below ``root``, by its line of parents as it is now."""
    while pid > 1:
        try:
            lines = (PROC / str(pid) / "status").read_text("utf-8", "replace").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return False
        told = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if told["State"][0] in GONE:
            return False
        pid = int(told["PPid"])
        if pid == root:
            return True
    return False


def end_processes(pids: Iterable[int], mark: Mark, within_s: float) -> tuple[int, ...]:
    """SIGKILL those of ``pids`` that carry the token; gives those that ended within ``within_s`` each."""
    ended = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError), pinned(pid, start_ticks(pid)) as handle:
            if carries(pid, *mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                ended += [pid] if is_gone(handle, within_s) else []
    return tuple(ended)
