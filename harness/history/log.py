"""``history.jsonl``: one chained line an event, written durably, read without ever raising.

Each line is ``{"seq", "mono_s", "wall", "event", "chain"}``; ``chain`` is the SHA-256 of the
previous chain and of the line's bytes before it. The chain starts from a *genesis* digest, which
the store makes of the manifest and the plan, so that an edit of those breaks the first line.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from harness.errors import Untrustworthy
from harness.history.events import (
    Clean,
    Cleared,
    ControlRaised,
    Entry,
    Event,
    HitAgain,
    Injected,
    NotClean,
    RunEnded,
    RunStarted,
    Undone,
    WithoutEffect,
)

LINE_BYTES_MAX = 64 * 1024
ERROR_CHARS_MAX = 8_000  # a traceback longer than this must not make its own line unreadable
GENESIS = hashlib.sha256(b"hormesis history 1").hexdigest()

_DURABLE = (
    RunStarted,
    Injected,
    HitAgain,
    WithoutEffect,
    Cleared,
    Undone,
    Clean,
    NotClean,
    ControlRaised,
    RunEnded,
)
_CHAIN_KEY = b',"chain":"'
_CHAIN_TAIL = len(_CHAIN_KEY) + 64 + len(b'"}\n')


class _Unchained(msgspec.Struct, frozen=True):
    seq: int
    mono_s: float
    wall: str
    event: Event


def _digest(previous: str, head: bytes) -> str:
    return hashlib.sha256(previous.encode() + head).hexdigest()


class HistoryWriter:
    """Appends events to a new file; one thread only.

    ``clock`` gives (monotonic seconds, wall time as text). Every line is handed to the kernel at
    once, so a killed runner loses nothing; effects, undos and both ends are also fsynced, so a
    lost machine still knows what harm was done. ``hide`` takes out of each text what must not be written.
    Raises FileExistsError where the file exists.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], tuple[float, str]],
        genesis: str = GENESIS,
        hide: Callable[[str], str] | None = None,
    ) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o644)
        self._clock = clock
        self._hide = hide
        self._chain = genesis
        self._seq = 0

    def append(self, event: Event) -> Entry:
        """Write one event and give the entry as it will be read back.

        Raises Untrustworthy when the event could not be read back (NaN, longer than a line).
        """
        if self._hide is not None:
            event = msgspec.convert(_without(msgspec.to_builtins(event), self._hide), Event)
        if isinstance(event, ControlRaised) and len(event.error) > ERROR_CHARS_MAX:
            event = msgspec.structs.replace(event, error=event.error[:ERROR_CHARS_MAX] + " ... (cut)")
        mono_s, wall = self._clock()
        head = msgspec.json.encode(_Unchained(self._seq + 1, mono_s, wall, event))[:-1]
        chain = _digest(self._chain, head)
        line = head + _CHAIN_KEY + chain.encode() + b'"}\n'
        entry = _readable(line)
        _write_all(self._fd, line)
        if isinstance(event, _DURABLE):
            os.fsync(self._fd)
        self._chain, self._seq = chain, entry.seq
        return entry

    def close(self) -> None:
        """Make everything durable and close; a second call does nothing."""
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> HistoryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _without(value: object, hide: Callable[[str], str]) -> object:
    """The same plain data, each text and each key of it hidden where it must be."""
    if isinstance(value, dict):
        return {hide(key): _without(one, hide) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without(one, hide) for one in value]
    return hide(value) if isinstance(value, str) else value


def _readable(line: bytes) -> Entry:
    if len(line) > LINE_BYTES_MAX:
        raise Untrustworthy(f"event of {len(line)} bytes does not fit a history line of {LINE_BYTES_MAX}")
    try:
        return msgspec.json.decode(line, type=Entry)
    except msgspec.DecodeError as error:
        raise Untrustworthy(f"event could not be read back: {error}") from error


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a history file holds: ``entries`` up to the first doubt, and ``cut``, the doubt.

    ``cut`` is empty only when every byte is chained and the last event is ``run.ended``.
    ``torn_bytes`` is the length of an unfinished last line; ``sha256`` is of the whole file.
    """

    entries: tuple[Entry, ...]
    cut: str
    torn_bytes: int
    sha256: str


def read_history(file: BinaryIO, genesis: str = GENESIS) -> Recorded:
    """Read a history as a stream; never raises on content, only on the disk's own errors."""
    whole = hashlib.sha256()
    entries: list[Entry] = []
    chain, cut, torn = genesis, "", 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        whole.update(line)
        if cut:
            continue
        parsed = _parse(line, chain, len(entries) + 1)
        if isinstance(parsed, Entry):
            entries.append(parsed)
            chain = parsed.chain
        else:
            cut = f"history line {len(entries) + 1}: {parsed}"
            torn = 0 if line.endswith(b"\n") else len(line)
    return Recorded(tuple(entries), cut or _ending(entries), torn, whole.hexdigest())


def _parse(line: bytes, previous: str, seq: int) -> Entry | str:
    if len(line) > LINE_BYTES_MAX:
        return f"longer than {LINE_BYTES_MAX} bytes"
    if not line.endswith(b"\n"):
        return f"torn after {len(line)} bytes"
    head, tail = line[:-_CHAIN_TAIL], line[-_CHAIN_TAIL:]
    if tail != _CHAIN_KEY + _digest(previous, head).encode() + b'"}\n':
        return "its checksum does not fit (the line, the plan or the manifest was changed)"
    try:
        entry = msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"not an event of this version: {error}"
    return entry if entry.seq == seq else f"sequence number {entry.seq} instead of {seq}"


def _ending(entries: list[Entry]) -> str:
    if not entries:
        return "history is empty"
    ends = [entry.seq for entry in entries if isinstance(entry.event, RunEnded)]
    if not ends:
        return f"history ends with {_kind(entries[-1])}, not with run.ended"
    return "" if ends == [len(entries)] else f"history goes on after run.ended in line {ends[0]}"


def _kind(entry: Entry) -> str:
    return str(type(entry.event).__struct_config__.tag)
