"""A hang that cannot outlast whoever made it, for callers without a guardian: a child continues the process.

Comes in: the pidfd of a process that is to be stopped. Goes out: a ``Leash``. The process is continued when
it is let go, when the caller ends in whatever way, or when the time is over: whichever comes first.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys

from harness.guard.standby import first_line, start_standby

READY = b"held\n"
START_WITHIN_S = 15.0
END_WITHIN_S = 5.0


class NotHeld(Exception):
    """The child did not start; nothing was stopped yet and nothing may be."""


class Leash:
    """Holds one process, from before its SIGSTOP on, by its ``pidfd``; for at most ``within_s``.

    Raises NotHeld where the child is not there. The pidfd may be closed afterwards: the child has its own.
    """

    def __init__(self, pidfd: int, within_s: float) -> None:
        words = (str(pidfd), f"{within_s:.3f}")
        self._child = start_standby(
            "harness.guard.leash", words, errors=subprocess.DEVNULL, pass_fds=(pidfd,)
        )
        held = first_line(self._child, START_WITHIN_S) == READY
        assert self._child.stdout is not None
        self._child.stdout.close()
        if not held:
            self.let_go()
            raise NotHeld("whoever is to continue the process did not start")

    def let_go(self) -> None:
        """Have the process continued, and wait until the child has done it; again is harmless."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        try:
            self._child.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def main(words: list[str]) -> int:
    """``python -m harness.guard.leash PIDFD SECONDS``: hold until standard input ends, then continue it."""
    pidfd, within_s = int(words[0]), float(words[1])
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.write(1, READY)
    select.select([0], [], [], within_s)
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGCONT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
