"""Looks at processes through /proc: who is it, in which state, whose child, who holds a port.

Comes in: a pid or a port. Goes out: values; a process that is gone gives the empty answer, never an error,
because between any two looks it may go.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
GONE = frozenset("ZXx")
LISTENING = "0A"  # TCP_LISTEN as /proc/net/tcp writes it


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


def port_holder(port: int) -> int:
    """Pid of the process that listens on TCP ``port``; 0 if none, or not ours to see."""
    return next(iter(holders(port, _pids())), 0)


def holders(port: int, pids: Iterable[int]) -> list[int]:
    """Those of ``pids`` that hold a socket listening on TCP ``port``: several, where it was inherited."""
    links = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    return [pid for pid in pids if links and not links.isdisjoint(_open_files(pid))]


def command_line(pid: int) -> str:
    """The words of its command, with blanks between them; "" if it is gone."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
    return b" ".join(words).decode("utf-8", "replace").strip()


def _listening_inodes(port: int) -> list[str]:
    tables = [PROC / "net" / name for name in ("tcp", "tcp6")]
    lines = [
        line.split() for table in tables if table.exists() for line in table.read_text("ascii").splitlines()
    ]
    return [
        fields[9]
        for fields in lines
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    ]


def _open_files(pid: int) -> Iterator[str]:
    folder = PROC / str(pid) / "fd"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed since: the others still count
                yield os.readlink(folder / name)


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(PROC) if name.isdigit())
