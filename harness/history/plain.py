"""A folder that is read without following links: what stands in a store may have been put there by anybody.

Comes in: a path, names in it. Goes out: bytes, or ``NotPlain`` for what is no plain file of a sane size.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

FILE_BYTES_MAX = 2 * 1024**3  # a run of 20 million units is below; more is no run, or a sparse file
SMALL_BYTES_MAX = 16 * 1024 * 1024  # plans of 1,000 episodes are below 1 MB


class NotPlain(Exception):
    """A name that leads to no plain file: a link, a pipe, a device, or one too large."""


def reason_of(error: Exception) -> str:
    """Say what is wrong, without the name of a file: that is told beside it.

    >>> reason_of(FileNotFoundError(2, "No such file or directory", "plan.json"))
    'no such file or directory'
    """
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)


class Folder:
    """A folder read by descriptor: what is in it is opened without following links."""

    def __init__(self, path: Path, flags: int = 0) -> None:
        self._fd = os.open(path, flags | os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def holds(self, name: str) -> bool:
        """Whether there is something of that name, be it a link."""
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=self._fd, follow_symlinks=False)
            return True
        return False

    def open(self, name: str) -> int:
        """Open a plain file; without O_NONBLOCK a named pipe would hang the reader."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(name, flags, dir_fd=self._fd)
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > FILE_BYTES_MAX:
            os.close(fd)
            larger = stat.S_ISREG(found.st_mode)
            raise NotPlain(
                f"{name} is {f'larger than {FILE_BYTES_MAX} bytes' if larger else 'no plain file'}"
            )
        return fd

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Read a plain file of at most ``limit`` bytes; where it is not told, JSON is small."""
        most = limit or (SMALL_BYTES_MAX if name.endswith(".json") else FILE_BYTES_MAX)
        with os.fdopen(self.open(name), "rb") as file:
            if os.fstat(file.fileno()).st_size > most:
                raise NotPlain(f"{name} is larger than {most} bytes")
            return file.read()

    def names(self, name: str) -> list[str]:
        """What a folder in it holds, which is no link."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, dir_fd=self._fd)
        try:
            return os.listdir(fd)
        finally:
            os.close(fd)
