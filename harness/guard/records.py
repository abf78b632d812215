"""Undo records: what must be done to undo an act, durable before the act is done.

Comes in: a ``Record``. Goes out: ``<store>/.undo/<id>.json``, 0600 in a 0700 folder, and back. A record is
data: a verb of a closed list and its arguments. What cannot be read is an open record that says so.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from harness.guard.processes import is_there, start_ticks
from harness.guard.shell import boot_id, pid_space

VERSION = 1
TTL_S_MAX = 900.0
"""No act stays longer without its undo (``end_run`` apart, which has the hard limit of its run)."""
BYTES_MAX = 64 * 1024
FOLDER = ".undo"
"""Id of the record that stands for a folder of records that cannot be trusted."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,159}")

Argument = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process, for good: its pid, the tick at which it started, and the boot of the machine.

    ``space``: the namespace of its pid, 0 where an older version wrote none.
    """

    pid: int
    start_ticks: int
    boot: str
    space: int = 0

    def lives(self) -> bool:
        """Say whether exactly this process is still there, as far as it can be seen from here."""
        here = self.boot == boot_id() and not self.is_out_of_sight()
        return here and is_there(self.pid, self.start_ticks)

    def is_out_of_sight(self) -> bool:
        """Say whether it is of this boot but of another pid namespace: it may live, nobody here can tell."""
        return self.boot == boot_id() and self.space not in (0, pid_space())

    def state(self) -> str:
        """Say in words whether it lives."""
        if self.is_out_of_sight():
            return "of another pid namespace, so whether it runs cannot be told from here"
        return "which runs" if self.lives() else "which is gone"


def ourselves() -> Owner:
    """This process as an owner."""
    return Owner(pid=os.getpid(), start_ticks=start_ticks(os.getpid()), boot=boot_id(), space=pid_space())


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One act that is or may be in force. ``expires_s`` is an instant of CLOCK_MONOTONIC on ``owner.boot``.

    ``promise_s``: how long undo and proof may take. ``broken``: why the file could not be read; empty
    where it could.
    """

    id: str
    run: str
    target: str
    episode: int
    fault: str
    verb: str
    arguments: dict[str, Argument]
    promise_s: float
    expires_s: float
    opened: str
    owner: Owner
    broken: str = ""


def undo_folder(store: Path) -> Path:
    """Name the folder of the open records of a store."""
    return store / FOLDER


def why_not_ours(found: os.stat_result) -> str:
    """Say why a file or folder cannot be trusted: another user owns it, or may write it; "" if it can."""
    if found.st_uid != os.getuid():
        return f"it belongs to user {found.st_uid}, not to us"
    if found.st_mode & _OTHERS_WRITE:
        return f"others may write it (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""


def write_record(folder: Path, record: Record) -> None:
    """Make ``record`` durable: file and folder are on the disk when this returns.

    OSError where they cannot be; then the act must not be done. The name appears only with the whole
    file behind it. ValueError for an id or seconds that are none, FileExistsError where the record is open
    already.
    """
    if not _ID.fullmatch(record.id):
        raise ValueError(f"{record.id!r} is no id of a record: {_ID.pattern}")
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _settle(folder.parent)
    if wrong := why_not_ours(folder.stat()):
        raise PermissionError(f"{folder} cannot hold undo records: {wrong}")
    path, new = folder / f"{record.id}.json", folder / f".{record.id}.new"
    data = _encode(record)
    if path.exists():
        raise FileExistsError(f"record {record.id} is open already")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    _settle(folder)


def close_record(folder: Path, record_id: str) -> bool:
    """Remove a record for good; False where it was not open any more."""
    try:
        (folder / f"{record_id}.json").unlink()
    except FileNotFoundError:
        return False
    _settle(folder)
    return True


def open_records(folder: Path, run: str = "") -> tuple[Record, ...]:
    """Read all open records, of one run where it is named, oldest first; broken ones belong to every run.

    Where others may write the folder, or it cannot be looked at, nothing in it is read: what is open is then
    the folder itself. Only a folder that is not there is empty.
    """
    try:
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode):
            return (_broken(FOLDER, f"{folder} is no folder: what is open cannot be told"),)
        if wrong := why_not_ours(status):
            return (_broken(FOLDER, f"{folder} cannot be trusted: {wrong}"),)
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):  # nor is there a store that it could lie in
        return ()
    except OSError as error:
        return (_broken(FOLDER, f"{folder} cannot be looked at: {error.strerror}"),)
    found = [record for name in names if (record := _read(folder / name))]
    kept = [record for record in found if not run or record.broken or record.run == run]
    return tuple(sorted(kept, key=lambda record: (record.opened, record.id)))


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _encode(record: Record) -> bytes:
    members = dataclasses.asdict(record)
    del members["broken"]
    return json.dumps({"version": VERSION} | members, indent=1, allow_nan=False).encode() + b"\n"


def _read(path: Path) -> Record | None:
    """Read one record; a file that is none comes back as a broken one, one that was closed meanwhile not."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if wrong := why_not_ours(os.fstat(handle)):
                raise ValueError(wrong)
            return _decode(path.stem, file.read(BYTES_MAX + 1))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        return _broken(path.stem, f"{path.name} cannot be read: {error}")


def _decode(name: str, data: bytes) -> Record:
    if len(data) > BYTES_MAX:
        raise ValueError(f"longer than {BYTES_MAX} bytes")
    members = _members(json.loads(data), {"version": int} | _TYPES, "the record")
    if members.pop("version") != VERSION:
        raise ValueError("a record of another version")
    arguments = members["arguments"]
    if not all(isinstance(v, str | int) and not isinstance(v, bool) for v in arguments.values()):
        raise ValueError("its arguments are not all texts and whole numbers")
    for instant in ("promise_s", "expires_s"):
        if not math.isfinite(members[instant]):
            raise ValueError(f"{instant} is no number of seconds")
    owner = _members({"space": 0} | members.pop("owner"), _OWNER_TYPES, "its owner")
    record = Record(**members, owner=Owner(**owner))
    if record.id != name:
        raise ValueError(f"it calls itself {record.id!r}")
    return record


_OWNER_TYPES: dict[str, type | tuple[type, ...]] = {"pid": int, "start_ticks": int, "boot": str, "space": int}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "run": str,
    "target": str,
    "episode": int,
    "fault": str,
    "verb": str,
    "arguments": dict,
    "promise_s": (int, float),
    "expires_s": (int, float),
    "opened": str,
    "owner": dict,
}


def _members(found: object, types: dict[str, type | tuple[type, ...]], what: str) -> dict:  # type: ignore[type-arg]
    """Check that ``found`` has exactly these members of these types."""
    if not isinstance(found, dict) or set(found) != set(types):
        raise ValueError(f"{what} does not have the members {', '.join(types)}")
    for name, kind in types.items():
        if not isinstance(found[name], kind) or isinstance(found[name], bool):
            raise ValueError(f"{name} of {what} is of the wrong type")
    return dict(found)


def _broken(name: str, why: str) -> Record:
    return Record(
        id=name,
        run="",
        target="",
        episode=0,
        fault="",
        verb="",
        arguments={},
        promise_s=0.0,
        expires_s=0.0,
        opened="",
        owner=Owner(pid=0, start_ticks=0, boot=""),
        broken=why,
    )
