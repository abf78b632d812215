"""A campaign on disk: the question, a part a chunk, the table; whole files only, so a kill leaves none torn.

``<store>/<id>/{question.json, parts/<chunk>.jsonl.gz, table.json, verdict.json, kept/}``. The id is made of
the question: the same command finds what an earlier one has left, and goes on.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from harness.campaign.model import Question, RunRow
from harness.campaign.table import Table
from harness.errors import Refused, Untrustworthy
from harness.experiment.excerpt import quoted
from harness.history.model import QUESTION_FILE
from harness.history.plain import Folder, NotPlain
from harness.run.writing import write_whole
from harness.verdict.model import Verdict

TABLE_FILE, VERDICT_FILE = "table.json", "verdict.json"
_LOCK_FILE = ".lock"
_PART_BYTES_MAX = 64 * 1024 * 1024
"""Ten pairs are some kilobytes: what unpacks to more is a bomb."""
_SUFFIX = ".jsonl.gz"
_SEAL = b"sha256 "
"""Begins the last line of a part; what follows is over question, number and rows: whoever edits a figure by
hand, or brings a part from elsewhere, is told so."""
_UNREADABLE = (OSError, NotPlain, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_AGAIN = "remove it and run the same command: it is done again"


def campaign_name(question: Question) -> str:
    """The name of a question's folder: its title and a hash of all of it."""
    slug = re.sub(r"[^a-z0-9]+", "-", question.title.lower()).strip("-")[:24].strip("-") or "campaign"
    digest = hashlib.sha256(msgspec.json.encode(question, order="deterministic")).hexdigest()
    return f"{slug}-{digest[:12]}"


class Parts:
    """The parts of one campaign in ``folder``; made by ``held``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts = folder / "parts"

    def present(self) -> set[int]:
        """Numbers of the chunks that are there."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._parts.glob(f"*{_SUFFIX}"))
        return {int(name) for name in names if re.fullmatch("[0-9]+", name)}

    def read(self, chunk: int) -> tuple[RunRow, ...]:
        """The rows of one chunk; ``Untrustworthy`` where something else has been at its file."""
        path = self._path(chunk)
        try:
            with Folder(self._parts) as folder:
                data = folder.read(path.name, _PART_BYTES_MAX)
            with gzip.GzipFile(fileobj=io.BytesIO(data or b"-")) as packed:
                text = packed.read(_PART_BYTES_MAX + 1)
            if len(text) > _PART_BYTES_MAX:
                raise Untrustworthy(f"{path} holds more than {_PART_BYTES_MAX} bytes: it is no part")
            rows, _, seal = text.rpartition(_SEAL)
            if seal != self._sealed(chunk, rows):
                raise Untrustworthy(
                    f"{path} was changed after it was written, or is of another campaign; {_AGAIN}"
                )
            return tuple(msgspec.json.decode(line, type=RunRow) for line in rows.splitlines())
        except (OSError, NotPlain, EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Untrustworthy(f"{path} cannot be read ({error}); {_AGAIN}") from error

    def write(self, chunk: int, rows: Sequence[RunRow]) -> None:
        """Keep the rows of one chunk; the same rows give the same bytes."""
        lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        self._write(self._path(chunk), gzip.compress(lines + _SEAL + self._sealed(chunk, lines), mtime=0))

    def write_file(self, name: str, data: bytes) -> Path:
        """Keep another file of the campaign; gives its path."""
        self._write(self.folder / name, data)
        return self.folder / name

    def _sealed(self, chunk: int, lines: bytes) -> bytes:
        with Folder(self.folder) as folder:
            question = folder.read(QUESTION_FILE) if folder.holds(QUESTION_FILE) else b""
        named = hashlib.sha256(question).digest() + str(chunk).encode() + b"\n"
        return hashlib.sha256(named + lines).hexdigest().encode() + b"\n"

    def _path(self, chunk: int) -> Path:
        return self._parts / f"{chunk:07d}{_SUFFIX}"

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_whole(path, data)
        except OSError as error:
            words = f"{path} cannot be written: {error.strerror}; what was done before stays"
            raise Untrustworthy(f"{words}, and the same command goes on from there") from error


def outcome_of(store: Path, name: str) -> tuple[Table, Verdict] | None:
    """What came of the campaign ``name`` (an id in ``store``, or a path); None where none has ended there.

    ``Untrustworthy`` where a file of it cannot be read.
    """
    for folder in (store / name, Path(name)):
        table, verdict = folder / TABLE_FILE, folder / VERDICT_FILE
        # A name that no file system takes is none; Path.is_file raises there.
        if not (os.path.isfile(table) and os.path.isfile(verdict)):
            continue
        try:
            return (
                msgspec.json.decode(table.read_bytes(), type=Table),
                msgspec.json.decode(verdict.read_bytes(), type=Verdict),
            )
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Untrustworthy(f"{folder}: its outcome cannot be read ({error}); ask it again") from error
    return None


def unfinished(folder: Path) -> tuple[str, str]:
    """Say how far a campaign that is not over has come, and what goes on with it."""
    try:
        with Folder(folder) as opened:
            question = msgspec.json.decode(opened.read(QUESTION_FILE), type=Question)
        kept = [chunk for chunk in Parts(folder).present() if chunk < question.chunks()]
        pairs = question.pairs_in(kept)
    except (*_UNREADABLE, ArithmeticError) as error:  # no pairs a chunk, or more than there can be
        why = f"{folder} is not over, and its {QUESTION_FILE} cannot be read: {error}"
        return why, "begin anew, with the command that began it"
    title, file = quoted(question.title), quoted(question.experiment_file)
    return (
        f"{folder} is not over: of {title} {pairs} of at most {question.pairs_max} pairs are kept, "
        f"in {len(kept)} of {question.chunks()} parts",
        f"the same command goes on: hormesis campaign {file} --seed {question.seed} and what else it was "
        "begun with",
    )


@contextmanager
def held(folder: Path, question: Question) -> Iterator[Parts]:
    """Hold the campaign in ``folder``, made if missing; the lock ends with this process.

    ``Refused`` where another process has it, or where it holds another question.
    """
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK_FILE).open("ab") as lock:  # a file of its own: it is never replaced
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"{folder} is being run by another process; wait for its end") from error
        written = msgspec.json.format(msgspec.json.encode(question), indent=1) + b"\n"
        file = folder / QUESTION_FILE
        if not file.exists():
            write_whole(file, written)
        elif file.read_bytes() != written:
            raise Refused(f"{file} is another question; nothing was run")
        for path in (*folder.glob(".*.json.*"), *(folder / "parts").glob(".*")):
            path.unlink()  # half written when a process before us was killed
        yield Parts(folder)
