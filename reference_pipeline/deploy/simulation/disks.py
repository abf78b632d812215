"""The Store and Folder ports on a simulated disk: what is durable is what the disk has synced.

A store is one file of records, each with its length and checksum; a commit is one record and one sync. Who
opens it after a power cut reads up to the last whole record: a torn one was never acknowledged.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from reference_pipeline.ports import Append, Row, StoreFailed

_HEAD = 8  # length and checksum, four bytes each
_VALUES = "values"


class Disk(Protocol):
    """A disk as one life of a process has it."""

    def names(self) -> list[str]:
        """Names of all files, in order."""
        ...

    def append(self, name: str, data: bytes, /) -> None:
        """Add to the end of a file, made if missing; OSError where that fails."""
        ...

    def write(self, name: str, data: bytes, /) -> None:
        """Replace all of a file."""
        ...

    def read(self, name: str, /) -> bytes:
        """All of a file; FileNotFoundError where there is none."""
        ...

    def rename(self, name: str, other: str, /) -> None:
        """Give a file another name."""
        ...

    def remove(self, name: str, /) -> None:
        """Remove a file; FileNotFoundError where there is none."""
        ...

    def sync(self, name: str, /) -> None:
        """Make all of a file durable."""
        ...

    def sync_names(self) -> None:
        """Make renames durable."""
        ...


class _Commit(msgspec.Struct, frozen=True, array_like=True):
    """What one commit adds: entries of logs that did not have their key, and named values."""

    appends: list[tuple[str, str, bytes]]
    values: dict[str, bytes]


_ENCODE, _DECODE = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(_Commit).decode


class SimulatedStore:
    """Logs ``logs`` in the file ``name`` of ``disk``; opened by each life anew."""

    def __init__(self, disk: Disk, name: str, logs: Sequence[str]) -> None:
        self._disk = disk
        self._name = name
        self._rows: dict[str, list[Row]] = {log: [] for log in logs}
        self._found: dict[str, dict[str, bytes]] = {log: {} for log in (*logs, _VALUES)}
        self._whole = 0  # bytes of commits that are durable
        self._torn = False  # whether there are more, of one that failed
        self._recover()

    def commit(self, appends: Sequence[Append], values: Mapping[str, bytes] | None = None, /) -> list[int]:
        """See :meth:`reference_pipeline.ports.Store.commit`."""
        new: dict[tuple[str, str], bytes] = {}
        for log, key, value in appends:
            if key not in self._found[log]:
                new.setdefault((log, key), value)
        commit = _Commit([(log, key, value) for (log, key), value in new.items()], dict(values or {}))
        content = _ENCODE(commit)
        try:
            if self._torn:
                self._cut()
            self._torn = True
            self._disk.append(self._name, _head(content) + content)
            self._disk.sync(self._name)
        except OSError as error:
            raise StoreFailed(f"commit failed: {error}") from error
        self._torn = False
        self._whole += _HEAD + len(content)
        seqs = self._take(commit)
        return [seqs.pop((log, key), 0) for log, key, _ in appends]

    def read(self, log: str, after: int, limit: int, /) -> list[Row]:
        """See :meth:`reference_pipeline.ports.Store.read`."""
        return self._rows[log][after : after + limit]

    def find(self, log: str, key: str, /) -> bytes | None:
        """See :meth:`reference_pipeline.ports.Store.find`."""
        return self._found[log].get(key)

    def _take(self, commit: _Commit) -> dict[tuple[str, str], int]:
        seqs = {}
        for log, key, value in commit.appends:
            rows = self._rows[log]
            rows.append(Row(len(rows) + 1, key, value))
            self._found[log][key] = value
            seqs[log, key] = len(rows)
        self._found[_VALUES].update(commit.values)
        return seqs

    def _recover(self) -> None:
        """Read what earlier lives have committed, up to what was torn."""
        try:
            data = self._disk.read(self._name)
        except FileNotFoundError:
            return
        while (content := _whole(data, self._whole)) is not None:
            self._take(_DECODE(content))
            self._whole += _HEAD + len(content)
        self._torn = self._whole < len(data)

    def _cut(self) -> None:
        """Take away what a commit has left that failed, or was torn: it was never acknowledged."""
        # Beside it and renamed: emptied in place, a power cut would leave nothing of what was acknowledged.
        other = f"{self._name}.cut"
        self._disk.write(other, self._disk.read(self._name)[: self._whole])
        self._disk.sync(other)
        self._disk.rename(other, self._name)
        self._disk.sync_names()


def _head(content: bytes) -> bytes:
    return len(content).to_bytes(4, "little") + zlib.crc32(content).to_bytes(4, "little")


def _whole(data: bytes, at: int) -> bytes | None:
    """The content of the record at ``at``; None where none is whole."""
    length = int.from_bytes(data[at : at + 4], "little")
    content = data[at + _HEAD : at + _HEAD + length]
    return content if content and data[at : at + _HEAD] == _head(content) else None


class SimulatedFolder:
    """The Folder port: a folder is the beginning of the names of its files."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path = path

    def inner(self, name: str, /) -> SimulatedFolder:
        """See :class:`reference_pipeline.folders.Folder`."""
        return SimulatedFolder(self._disk, f"{self._path}/{name}")

    def names(self) -> list[str]:
        """See :class:`reference_pipeline.folders.Folder`."""
        start = f"{self._path}/"
        below = (name.removeprefix(start) for name in self._disk.names() if name.startswith(start))
        return sorted({name.partition("/")[0] for name in below if not name.endswith(".partial")})

    def read(self, name: str, /) -> bytes | None:
        """See :class:`reference_pipeline.folders.Folder`."""
        try:
            return self._disk.read(f"{self._path}/{name}")
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes, /) -> None:
        """See :class:`reference_pipeline.folders.Folder`."""
        whole = f"{self._path}/{name}"
        partial = f"{whole}.partial"
        self._disk.write(partial, data)
        self._disk.sync(partial)
        self._disk.rename(partial, whole)
        self._disk.sync_names()

    def append(self, name: str, data: bytes, /) -> None:
        """See :class:`reference_pipeline.folders.Folder`."""
        self._disk.append(f"{self._path}/{name}", data)

    def remove(self, name: str, /) -> None:
        """See :class:`reference_pipeline.folders.Folder`."""
        try:
            self._disk.remove(f"{self._path}/{name}")
        except FileNotFoundError:
            return
