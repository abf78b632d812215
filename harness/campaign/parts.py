"""A campaign on disk: the question, a part a chunk, the table; whole files only, so a kill leaves none torn.

``<store>/<id>/{question.json, parts/<chunk>.jsonl.gz, table.json}``. The id is made of the question: the same
command finds what an earlier one has left, and goes on.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from harness.campaign.model import Question, RunRow
from harness.errors import Refused

QUESTION_FILE, TABLE_FILE = "question.json", "table.json"
_SUFFIX = ".jsonl.gz"


def campaign_name(question: Question) -> str:
    """The name of a question's folder: its title and a hash of all of it."""
    words = "".join(letter if letter.isalnum() else "-" for letter in question.title.lower())
    slug = "-".join(filter(None, words.split("-")))[:24].strip("-") or "campaign"
    digest = hashlib.sha256(msgspec.json.encode(question, order="deterministic")).hexdigest()
    return f"{slug}-{digest[:12]}"


class Parts:
    """The parts of one campaign in ``folder``, made if missing."""

    def __init__(self, folder: Path, question: Question) -> None:
        self.folder = folder
        self._parts = folder / "parts"
        self._parts.mkdir(parents=True, exist_ok=True)
        written = msgspec.json.format(msgspec.json.encode(question), indent=1) + b"\n"
        file = folder / QUESTION_FILE
        if not file.exists():
            _write(file, written)
        elif file.read_bytes() != written:
            raise Refused(f"{file} is another question; nothing was run")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the campaign; ``Refused`` where another process has it."""
        with (self.folder / QUESTION_FILE).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Refused(f"{self.folder} is being run by another process; wait for its end") from error
            yield

    def present(self) -> set[int]:
        """Numbers of the chunks that are there."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._parts.glob(f"*{_SUFFIX}"))
        return {int(name) for name in names if name.isdigit()}

    def read(self, chunk: int) -> tuple[RunRow, ...]:
        """The rows of one chunk."""
        lines = gzip.decompress(self._path(chunk).read_bytes()).splitlines()
        return tuple(msgspec.json.decode(line, type=RunRow) for line in lines)

    def write(self, chunk: int, rows: Sequence[RunRow]) -> None:
        """Keep the rows of one chunk; the same rows give the same bytes."""
        lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        _write(self._path(chunk), gzip.compress(lines, mtime=0))

    def write_table(self, data: bytes) -> Path:
        """Keep the table; gives its file."""
        _write(self.folder / TABLE_FILE, data)
        return self.folder / TABLE_FILE

    def _path(self, chunk: int) -> Path:
        return self._parts / f"{chunk:07d}{_SUFFIX}"


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(data)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
