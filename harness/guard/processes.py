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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.guard.shell import monotonic_s

PROC = Path("/proc")
GONE = ("Z", "X")
STILL = ("T", "t", *GONE)
FREEZE_ROUNDS, FREEZE_ROUND_S = 15, 0.002
"""A parent in ``vfork`` cannot stop before its child goes on: it is waited for no longer than this."""
KILLED_WITHIN_S = 0.2


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
    return "T" in _thread_states(pid)


def _thread_states(pid: int) -> tuple[str, ...]:
    """State letter of every thread; empty if the process is gone."""
    try:
        threads = os.listdir(PROC / str(pid) / "task")
    except (FileNotFoundError, ProcessLookupError):
        return ()
    stats = (_stat(PROC / str(pid) / "task" / thread / "stat") for thread in threads)
    return tuple(fields[0] for fields in stats if fields)


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


def kill_run(variable: str, value: str) -> tuple[int, ...]:
    """SIGKILL every carrier and everything below one, whatever it carries; gives the pids seen.

    All are stopped first: what stands still starts nothing, and no parent is gone before its children are
    known. What carries no token dies first, and its carriers stay, stopped, where it does not: so nothing
    is left once no carrier is. Again until none is seen.
    """
    found = _frozen(variable, value)
    strays = [pid for pid in found if not carries(pid, variable, value)]
    left = _killed(strays, found)
    parents = _parents()
    above = {pid for one in left for pid in _line(one, parents)}
    _killed([pid for pid in found if pid not in above], found)
    return tuple(found)


def _frozen(variable: str, value: str) -> dict[int, int]:
    """Stop the whole tree of a run, in rounds until nobody is new; gives pids and their start ticks."""
    found: dict[int, int] = {}
    for _ in range(FREEZE_ROUNDS):
        tree = {pid: start_ticks(pid) for pid in _tree(carriers(variable, value))}
        tree = {pid: ticks for pid, ticks in tree.items() if ticks}
        new = {pid: ticks for pid, ticks in tree.items() if found.get(pid) != ticks}
        if not new and all(_stands_still(pid) for pid in tree):
            return found
        for pid, ticks in new.items():
            _signal(pid, ticks, signal.SIGSTOP)
        found |= new
        select.select([], [], [], FREEZE_ROUND_S)
    return found


def _killed(pids: Sequence[int], ticks: Mapping[int, int]) -> list[int]:
    """SIGKILL to all, then wait; gives those that have not ended, or that we may not signal."""
    for pid in pids:
        _signal(pid, ticks[pid], signal.SIGKILL)
    left, until_s = [], monotonic_s() + KILLED_WITHIN_S
    for pid in pids:
        with contextlib.suppress(ProcessLookupError), pinned(pid, ticks[pid]) as handle:
            if not ended_within(handle, max(0.0, until_s - monotonic_s())):
                left.append(pid)
    return left


def _signal(pid: int, ticks: int, number: signal.Signals) -> None:
    # PermissionError: a program of another user. It stays, and so does the record.
    with contextlib.suppress(ProcessLookupError, PermissionError), pinned(pid, ticks) as handle:
        signal.pidfd_send_signal(handle, number)


def _stands_still(pid: int) -> bool:
    return all(state in STILL for state in _thread_states(pid))


def _parents() -> dict[int, int]:
    """Parent of every process there is."""
    stats = {int(name): _stat(PROC / name / "stat") for name in os.listdir(PROC) if name.isdigit()}
    return {pid: int(fields[1]) for pid, fields in stats.items() if fields}


def _line(pid: int, parents: Mapping[int, int]) -> list[int]:
    """A process and all above it."""
    line = [pid]
    while (above := parents.get(line[-1], 0)) and above not in line:
        line.append(above)
    return line


def _tree(roots: Iterable[int]) -> set[int]:
    """The roots and everything below them, but never ourselves."""
    parents, top = _parents(), set(roots)
    below = {pid for pid in parents if not top.isdisjoint(_line(pid, parents))}
    return (top | below) - {os.getpid()}


def ended_within(handle: int, length_s: float) -> bool:
    """Wait until the process behind a pidfd has ended, at most ``length_s``."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(length_s * 1000))
