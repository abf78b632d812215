"""A simulated disk: it belongs to the host, so what a killed process wrote is still there.

Comes in: appends, whole files, renames, removals, syncs. Goes out: what a reader sees, and after a power cut
one of the states that a real disk may be in: of each file a prefix of what was not synced, the last write
possibly torn; of each creation and rename that no directory sync followed, one or the other. A kill loses
nothing: the cache is the host's.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

import numpy as np

from harness.simulation.processes import Life


@dataclass(slots=True)
class _File:
    """``seen`` is what readers see; ``kept`` what a power cut leaves for sure, None = not even its name."""

    seen: bytearray = field(default_factory=bytearray)
    kept: bytes | None = None
    unsynced: list[bytes | None] = field(default_factory=list)  # None: emptied


class Disk:
    """The disk of one host; ``capacity_bytes`` may be lowered while it is in use.

    ``operations`` counts all that was asked of it, ``failing`` maps an operation (write, read, rename, sync)
    to the errno that it fails with, in whole.

    >>> from harness.simulation.kernel import Kernel
    >>> kernel = Kernel(seed=7)
    >>> life, disk = Life(kernel, "one", 1), Disk(kernel.stream("disk"))
    >>> disk.append(life, "log", b"first "); disk.sync(life, "log"); disk.append(life, "log", b"second")
    >>> disk.read(life, "log")
    b'first second'
    >>> disk.power_cut()
    >>> disk.read(life, "log").startswith(b"first ")
    True
    """

    def __init__(self, dice: np.random.Generator, *, capacity_bytes: int = 1 << 30) -> None:
        self._dice = dice
        self._files: dict[str, _File] = {}
        self._renamed: list[tuple[str, str, bytes | None]] = []
        self._stored_bytes = 0
        self.capacity_bytes = capacity_bytes
        self.failing: dict[str, int] = {}
        self.operations = 0

    def names(self, life: Life) -> list[str]:
        """The names of all files, in order."""
        self._begin(life, "read")
        return sorted(self._files)

    def append(self, life: Life, name: str, data: bytes) -> None:
        """Add to the end of a file, made if missing; OSError where the disk is full or fails."""
        self._begin(life, "write", len(data))
        file = self._files.setdefault(name, _File())
        file.seen += data
        file.unsynced.append(bytes(data))
        self._stored_bytes += len(data)

    def write(self, life: Life, name: str, data: bytes) -> None:
        """Replace all of a file, made if missing: emptied first, as opening it for that does."""
        self._begin(life, "write", len(data))
        file = self._files.setdefault(name, _File())
        self._stored_bytes += len(data) - len(file.seen)
        file.seen = bytearray(data)
        file.unsynced += [None, bytes(data)]

    def read(self, life: Life, name: str) -> bytes:
        """Give all of a file; FileNotFoundError where there is none."""
        self._begin(life, "read")
        return bytes(self._file(name).seen)

    def rename(self, life: Life, name: str, other: str) -> None:
        """Give a file another name, in place of the one that has it."""
        self._begin(life, "rename")
        file = self._file(name)
        before = self._files.pop(other, None)
        self._stored_bytes -= len(before.seen) if before else 0
        self._renamed.append((name, other, before.kept if before else None))
        del self._files[name]
        self._files[other] = file

    def remove(self, life: Life, name: str) -> None:
        """Remove a file; FileNotFoundError where there is none."""
        self._begin(life, "rename")
        self._stored_bytes -= len(self._file(name).seen)
        del self._files[name]

    def sync(self, life: Life, name: str) -> None:
        """Make all of a file durable, its name included."""
        self._begin(life, "sync")
        file = self._file(name)
        file.kept = bytes(file.seen)
        file.unsynced.clear()

    def sync_names(self, life: Life) -> None:
        """Make every rename durable: the sync of a directory."""
        self._begin(life, "sync")
        self._renamed.clear()

    def power_cut(self) -> None:
        """Leave what a disk without power may have kept; who used it must have been killed before."""
        for name, other, before in reversed(self._renamed):
            if self._dice.random() < 0.5 and other in self._files:
                self._files[name] = self._files.pop(other)
                if before is not None:
                    self._files[other] = _File(bytearray(before), before)
        self._renamed.clear()
        for name in sorted(self._files):
            self._lose(name)
        self._stored_bytes = sum(len(file.seen) for file in self._files.values())

    def _lose(self, name: str) -> None:
        file = self._files[name]
        if file.kept is None and self._dice.random() < 0.5:  # its name was not durable either
            del self._files[name]
            return
        whole = int(self._dice.integers(len(file.unsynced) + 1))
        left = bytearray(file.kept or b"")
        for write in file.unsynced[:whole]:
            left = bytearray() if write is None else left + write
        torn = file.unsynced[whole] if whole < len(file.unsynced) else None
        if torn:
            left += torn[: int(self._dice.integers(len(torn) + 1))]
        self._files[name] = _File(left, bytes(left))

    def _file(self, name: str) -> _File:
        file = self._files.get(name)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return file

    def _begin(self, life: Life, operation: str, size: int = 0) -> None:
        life.check()
        self.operations += 1
        if code := self.failing.get(operation):
            raise OSError(code, f"the simulated disk fails at each {operation}")
        if size and self._stored_bytes + size > self.capacity_bytes:
            raise OSError(errno.ENOSPC, "the simulated disk is full")
