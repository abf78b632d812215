"""A file, or all that a glob finds: what is in them, or only their stamps and lengths."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.observers.fetch import Unseen

BYTES_MAX = 4 << 20
"""Read at each look, four times a second; more would take a core from who is measured."""
FILES_MAX = 1000
DIGITS = 12


@dataclass(frozen=True, slots=True)
class FileState:
    """Files at ``pattern`` below ``root``. A rename onto one of them is never seen half done."""

    root: Path
    pattern: str
    by: Literal["content", "stamp"]

    def look(self) -> str | None:
        """Give a digest over names and content (or stamps); None where there is no file."""
        try:
            found = self._found()
            digest = hashlib.sha256()
            for file in found:
                digest.update(f"{file}\0".encode("utf-8", "surrogateescape"))
            for piece in self._stamps(found) if self.by == "stamp" else self._contents(found):
                digest.update(piece)
        except (OSError, ValueError, RuntimeError) as error:  # the last: a glob that begins with /
            raise Unseen(f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}") from error
        words = digest.hexdigest()[:DIGITS]
        return None if not found else words if len(found) == 1 else f"{len(found)} files {words}"

    def _found(self) -> list[Path]:
        is_glob = any(letter in self.pattern for letter in "*?[")
        named = sorted(self.root.glob(self.pattern)) if is_glob else [self.root / self.pattern]
        if not is_glob and named[0].is_dir():
            raise Unseen("it is a folder: write a glob, e.g. folder/*")
        found = [file for file in named if file.is_file()]
        if len(found) > FILES_MAX:
            raise Unseen(f"{len(found)} files are found, at most {FILES_MAX} are looked at")
        return found

    def _stamps(self, found: list[Path]) -> Iterator[bytes]:
        for file in found:
            state = file.stat()
            yield f"{state.st_mtime_ns} {state.st_size}\0".encode()

    def _contents(self, found: list[Path]) -> Iterator[bytes]:
        left = BYTES_MAX
        for file in found:
            with file.open("rb") as opened:
                data = opened.read(left + 1)
            left -= len(data)
            if left < 0:
                raise Unseen(f"more than {BYTES_MAX >> 20} MiB to read at each look: write 'by: stamp'")
            yield b"%d\0" % len(data) + data
