"""Acts on processes through the kernel: die with the parent, adopt orphans, signal one certain process.

Signals go through a pidfd whose process was checked after opening it: a pid that was reused in between is
a stranger and gets no signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import select
import signal
from collections.abc import Callable, Iterator

from harness.shell import monotonic_s
from harness.targets.local.procfs import descendants, start_ticks

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}, {value}): {os.strerror(number)}")


def die_with(parent_pid: int) -> None:
    """Ask for SIGKILL when the parent dies; end at once if it has died already."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def ending_with_us() -> Callable[[], None]:
    """Give what a child calls before its program begins (``preexec_fn``), so that it dies with us.

    The kernel's word holds where a child is stopped and reads no closed pipe. It counts from the thread that
    starts the child: call it from the main thread. It takes no lock of another thread.
    """
    return functools.partial(die_with, os.getpid())


def outlive_parent() -> None:
    """Take ``die_with`` back."""
    _prctl(PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Become the parent of every orphan below, so that nothing of the tree gets out of sight."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_descendants(root: int, within_s: float) -> tuple[int, ...]:
    """SIGKILL everything below ``root`` until nothing is left; returns what still lives after ``within_s``.

    In rounds, because a process may fork while we look. The caller is ``root`` itself and a subreaper:
    what loses its parent on the way turns up as a child of ``root`` in the next round.
    """
    until_s = monotonic_s() + within_s
    left = descendants(root)
    while left and monotonic_s() < until_s:
        for pid in left:
            with contextlib.suppress(ProcessLookupError), pinned(pid, start_ticks(pid)) as handle:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([], [], [], 0.002)
        _reap()
        left = descendants(root)
    return left


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


@contextlib.contextmanager
def pinned(pid: int, ticks: int) -> Iterator[int]:
    """Hold a pidfd of exactly this process; ``ProcessLookupError`` if it is gone or another has its pid."""
    handle = os.pidfd_open(pid)
    try:
        if ticks == 0 or start_ticks(pid) != ticks:
            raise ProcessLookupError(f"pid {pid} is not the process that started at tick {ticks}")
        yield handle
    finally:
        os.close(handle)


def is_gone(handle: int, within_s: float) -> bool:
    """Wait until the process behind a pidfd has ended, at most ``within_s``; True if it has."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(within_s * 1000))
