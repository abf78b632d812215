"""What the kernel says of processes, and signals to exactly one of them.

Comes in: a pid with the clock tick at which that process started; a variable and value that it was
started with. Goes out: whether it is there, stopped, a carrier. A pid that was reused is a stranger and
gets no signal.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
GONE = ("Z", "X")


def _stat(path: Path) -> list[str]:
    """Fields of a ``stat`` file from the state on; [] if it is gone. The name may hold brackets."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()


def start_ticks(pid: int) -> int:
    """When the process started, in clock ticks after boot; 0 if it is gone or a zombie."""
    fields = _stat(PROC / str(pid) / "stat")
    return 0 if not fields or fields[0] in GONE else int(fields[19])


def is_there(pid: int, ticks: int) -> bool:
    """Say whether exactly this process lives."""
    return ticks > 0 and start_ticks(pid) == ticks


def is_stopped(pid: int) -> bool:
    """Say whether any thread of the process is stopped by a signal (state T)."""
    try:
        threads = os.listdir(PROC / str(pid) / "task")
    except (FileNotFoundError, ProcessLookupError):
        return False
    stats = (_stat(PROC / str(pid) / "task" / thread / "stat") for thread in threads)
    return any(fields[0] == "T" for fields in stats if fields)


def carries(pid: int, variable: str, value: str) -> bool:
    """Say whether the process was started with ``variable=value`` in its environment."""
    try:
        block = (PROC / str(pid) / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return f"{variable}={value}".encode() in block.split(b"\0")


def carriers(variable: str, value: str) -> tuple[int, ...]:
    """Pids of all living processes started with ``variable=value``, but never ourselves."""
    pids = (int(name) for name in os.listdir(PROC) if name.isdigit())
    return tuple(p for p in pids if p != os.getpid() and carries(p, variable, value) and start_ticks(p))


@contextlib.contextmanager
def pinned(pid: int, ticks: int) -> Iterator[int]:
    """Hold a pidfd of exactly this process; ``ProcessLookupError`` if it is gone or another has its pid."""
    handle = os.pidfd_open(pid)
    try:
        if not is_there(pid, ticks):
            raise ProcessLookupError(f"pid {pid} is not the process that started at tick {ticks}")
        yield handle
    finally:
        os.close(handle)


def kill_carriers(variable: str, value: str) -> tuple[int, ...]:
    """SIGKILL every carrier seen now; gives their pids. Again until none is seen: one may have forked."""
    found = carriers(variable, value)
    for pid in found:
        with contextlib.suppress(ProcessLookupError), pinned(pid, start_ticks(pid)) as handle:
            if carries(pid, variable, value):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
    return found


def ended_within(handle: int, length_s: float) -> bool:
    """Wait until the process behind a pidfd has ended, at most ``length_s``."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(length_s * 1000))
