"""Looks at processes through /proc: who is it, in which state, whose child.

Comes in: a pid. Goes out: values; a process that is gone gives the empty answer, never an error,
because between any two looks it may go.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
GONE = frozenset("ZXx")


def _stat(path: Path) -> list[str]:
    """Fields of a ``stat`` file from field 3 (state) on; [] if it is gone.

    The name in field 2 may hold blanks and brackets, so everything up to the last ")" is cut.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()


def start_ticks(pid: int) -> int:
    """Field 22 of ``stat``: when the process started, in clock ticks after boot; 0 if gone or a zombie.

    Pid and start ticks together name one process for good; a pid alone may be reused.
    """
    fields = _stat(PROC / str(pid) / "stat")
    return 0 if not fields or fields[0] in GONE else int(fields[19])


def thread_states(pid: int) -> tuple[str, ...]:
    """State letter of every thread (R, S, D, T, ...); empty if the process is gone."""
    try:
        threads = os.listdir(PROC / str(pid) / "task")
    except (FileNotFoundError, ProcessLookupError):
        return ()
    stats = (_stat(PROC / str(pid) / "task" / thread / "stat") for thread in threads)
    return tuple(fields[0] for fields in stats if fields)


def processor_s(pid: int) -> float:
    """Seconds of processor that all threads of the process have used; 0.0 if it is gone."""
    try:
        threads = os.listdir(PROC / str(pid) / "task")
        used = ((PROC / str(pid) / "task" / thread / "schedstat").read_text().split() for thread in threads)
        return sum(int(fields[0]) for fields in used) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def is_stopped(pid: int) -> bool:
    """Say whether every thread of the process is in state T (stopped by a signal)."""
    states = thread_states(pid)
    return bool(states) and set(states) == {"T"}


def carries(pid: int, variable: str, value: str) -> bool:
    """Say whether the process was started with ``variable=value`` in its environment."""
    try:
        block = (PROC / str(pid) / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return f"{variable}={value}".encode() in block.split(b"\0")


def carriers(variable: str, value: str) -> tuple[int, ...]:
    """Pids of all living processes started with ``variable=value``."""
    return tuple(pid for pid in _pids() if carries(pid, variable, value) and start_ticks(pid))


def descendants(root: int) -> tuple[int, ...]:
    """Pids of all living processes below ``root``, by the parent links as they are now."""
    return tuple(parents_below(root))


def parents_below(root: int) -> dict[int, int]:
    """Parent of each living process below ``root``, parents before their children."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _stat(PROC / str(pid) / "stat")
        if fields and fields[0] not in GONE:
            children.setdefault(int(fields[1]), []).append(pid)
    found: dict[int, int] = {}
    front = [root]
    while front:
        parent = front.pop()
        below = children.get(parent, [])
        found.update(dict.fromkeys(below, parent))
        front.extend(below)
    return found


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(PROC) if name.isdigit())
