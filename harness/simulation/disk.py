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
    """``seen`` is what readers see; a power cut leaves the first ``kept`` bytes of ``durable`` for sure.

    ``kept`` -1: not even its name. While a file is only appended to, both are one buffer: a sync copies
    nothing. ``unsynced`` are the writes since, None where it was emptied. ``read`` is what the last reader
    was given, until the next write: who reads a file again and again is given one and the same object.
    """

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    kept: int = -1
    unsynced: list[bytes | None] = field(default_factory=list)
    read: bytes | None = None

    @classmethod
    def whole(cls, data: bytearray) -> _File:
        """A file as it lies on the platter."""
        return cls(data, data, len(data))

    def on_platter(self) -> bytearray:
        """What a power cut leaves for sure."""
        return self.durable[: max(0, self.kept)]


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
        self._renamed: list[tuple[str, str, _File | None]] = []
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
        life.kernel.mix(data)
        file = self._files.setdefault(name, _File())
        file.seen += data
        file.read = None
        file.unsynced.append(bytes(data))
        self._stored_bytes += len(data)

    def write(self, life: Life, name: str, data: bytes) -> None:
        """Replace all of a file, made if missing: emptied first, as opening it for that does."""
        self._begin(life, "write", len(data))
        life.kernel.mix(data)
        file = self._files.setdefault(name, _File())
        self._stored_bytes += len(data) - len(file.seen)
        file.seen = bytearray(data)
        file.read = None
        file.unsynced += [None, bytes(data)]

    def read(self, life: Life, name: str) -> bytes:
        """Give all of a file; FileNotFoundError where there is none."""
        self._begin(life, "read")
        file = self._file(name)
        if file.read is None:
            file.read = bytes(file.seen)
        return file.read

    def rename(self, life: Life, name: str, other: str) -> None:
        """Give a file another name, in place of the one that has it."""
        self._begin(life, "rename")
        file = self._file(name)
        before = self._files.pop(other, None)
        self._stored_bytes -= len(before.seen) if before else 0
        self._renamed.append((name, other, before))
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
        file.durable, file.kept = file.seen, len(file.seen)
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
                    self._files[other] = before
        self._renamed.clear()
        for name in sorted(self._files):
            self._lose(name)
        self._stored_bytes = sum(len(file.seen) for file in self._files.values())

    def _lose(self, name: str) -> None:
        file = self._files[name]
        if file.kept < 0 and self._dice.random() < 0.5:  # its name was not durable either
            del self._files[name]
            return
        whole = int(self._dice.integers(len(file.unsynced) + 1))
        left = file.on_platter()
        for write in file.unsynced[:whole]:
            left = bytearray() if write is None else left + write
        torn = file.unsynced[whole] if whole < len(file.unsynced) else None
        if torn:
            left += torn[: int(self._dice.integers(len(torn) + 1))]
        self._files[name] = _File.whole(left)

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


class Mount:
    """The disk as one life has it: what it does after its death raises ``ProcessDead``."""

    def __init__(self, disk: Disk, life: Life) -> None:
        self._disk = disk
        self._life = life

    def names(self) -> list[str]:
        """See :class:`Disk`."""
        return self._disk.names(self._life)

    def append(self, name: str, data: bytes, /) -> None:
        """See :class:`Disk`."""
        self._disk.append(self._life, name, data)

    def write(self, name: str, data: bytes, /) -> None:
        """See :class:`Disk`."""
        self._disk.write(self._life, name, data)

    def read(self, name: str, /) -> bytes:
        """See :class:`Disk`."""
        return self._disk.read(self._life, name)

    def rename(self, name: str, other: str, /) -> None:
        """See :class:`Disk`."""
        self._disk.rename(self._life, name, other)

    def remove(self, name: str, /) -> None:
        """See :class:`Disk`."""
        self._disk.remove(self._life, name)

    def sync(self, name: str, /) -> None:
        """See :class:`Disk`."""
        self._disk.sync(self._life, name)

    def sync_names(self) -> None:
        """See :class:`Disk`."""
        self._disk.sync_names(self._life)
