"""Who listens on a port, and by which command it was started, as the process table shows it.

Comes in: a port, pids. Goes out: values; a process that is gone gives the empty answer, as in ``procfs``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from harness.targets.local.procfs import PROC

LISTENING = "0A"  # TCP_LISTEN as /proc/net/tcp writes it
_FORKED = 0x40  # PF_FORKNOEXEC of the kernel, in field 9 of ``stat``


def port_holder(port: int) -> int:
    """Pid of the process that listens on TCP ``port``; 0 if none, or not ours to see."""
    everybody = (int(name) for name in os.listdir(PROC) if name.isdigit())
    return next(iter(holders(port, everybody)), 0)


def holders(port: int, pids: Iterable[int]) -> list[int]:
    """Those of ``pids`` that hold a socket listening on TCP ``port``: several, where it was inherited."""
    links = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    return [pid for pid in pids if links and not links.isdisjoint(_open_files(pid))]


def is_listened_on(port: int) -> bool:
    """Say whether anybody listens on TCP ``port``."""
    return bool(_listening_inodes(port))


def command_line(pid: int) -> str:
    """The words of its command, with blanks between them; "" if it is gone."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
    return b" ".join(words).decode("utf-8", "replace").strip()


def has_own_command(pid: int) -> bool:
    """Whether it has executed a program since it was forked; before that its command line is its parent's."""
    try:
        text = (PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not int(text[text.rindex(")") + 2 :].split()[6]) & _FORKED


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
