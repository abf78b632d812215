"""Where the driver's bytes go: a file that is only ever appended to, or memory in a simulated world.

Comes in: whole rows and lines. Goes out: the same bytes, in the same order.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Sink(Protocol):
    """Takes bytes; what it was given is never changed."""

    def write(self, data: bytes, /) -> None:
        """Append all of ``data``; OSError where that cannot be done."""
        ...

    def close(self) -> None:
        """Make all of it durable; nothing comes after that."""
        ...


class FileSink:
    """A file, made if missing; no link is followed."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o644)

    def write(self, data: bytes, /) -> None:
        """See ``Sink``."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._fd, left) :]

    def close(self) -> None:
        """See ``Sink``."""
        os.fsync(self._fd)
        os.close(self._fd)


class MemorySink:
    """Bytes in memory.

    >>> sink = MemorySink()
    >>> sink.write(b"one "); sink.write(b"two"); sink.close()
    >>> bytes(sink.data)
    b'one two'
    """

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> None:
        """See ``Sink``."""
        self.data += data

    def close(self) -> None:
        """See ``Sink``: memory is as durable as it gets."""
