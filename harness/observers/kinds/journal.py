"""A healer's journal that is no route of a service: a file that grows, or a page; one JSON event a line.

What stands there at the first look is of an earlier run, and is left out. So is a line that is no JSON.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import msgspec

from harness.observers.fetch import Unseen, fetch

BYTES_MAX = 1 << 20
"""Read at one look; what is behind it is read at the next. A line that is longer is none."""


class JournalFile:
    """Reads on from where the last look ended; from the start again where the file is another or shorter."""

    def __init__(self, file: Path) -> None:
        self._file, self._inode, self._after, self._begun = file, 0, 0, False

    def look(self) -> list[bytes] | None:
        """Give whole lines that are new; None where there is no file."""
        first, self._begun = not self._begun, True
        try:
            if not self._file.exists():
                return None
            if not self._file.is_file():
                raise Unseen("it is no file")
            with self._file.open("rb") as opened:
                state = os.fstat(opened.fileno())
                if first:
                    self._inode, self._after = state.st_ino, state.st_size
                elif state.st_ino != self._inode or state.st_size < self._after:
                    self._inode, self._after = state.st_ino, 0
                return self._lines(opened)
        except OSError as error:
            raise Unseen(f"{type(error).__name__}: {error.strerror}") from error

    def _lines(self, opened: BinaryIO) -> list[bytes]:
        opened.seek(self._after)
        data = opened.read(BYTES_MAX)
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and len(data) == BYTES_MAX:
            whole = data  # no line is that long: passed over
        self._after += len(whole)
        return _events(whole.split(b"\n"))


class JournalPage:
    """Asks for the whole page again, and gives lines that were not there before, each once."""

    def __init__(self, url: str, within_s: float) -> None:
        self._url, self._within_s = url, within_s
        self._known: set[tuple[int, bytes]] | None = None

    def look(self) -> list[bytes] | None:
        """Give whole lines that are new; None where the server has no such page."""
        reply = fetch(self._url, urlsplit(self._url).path or "/", self._within_s)
        if reply.status == 404:
            self._known = self._known or set()
            return None
        if reply.status != 200:
            raise Unseen(f"status {reply.status}")
        whole = reply.body[: reply.body.rfind(b"\n") + 1]
        lines = list(_numbered(whole.split(b"\n")))
        first, known = self._known is None, self._known or set()
        new = [] if first else [line for line in lines if line not in known]
        self._known = known.union(lines)
        return _events(line for _, line in new)


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number equal lines: a page that drops its oldest ones moves each, and none is new by that."""
    count: Counter[bytes] = Counter()
    for line in lines:
        count[line] += 1
        yield count[line], line


def _events(lines: Iterable[bytes]) -> list[bytes]:
    return [line for line in (one.strip() for one in lines) if line and _is_event(line)]


def _is_event(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return b"\r" not in line
