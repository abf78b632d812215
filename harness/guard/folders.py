"""Which state folders are ours: private ones with their owner's file in them.

Comes in: a folder. Goes out: the owner and the store that its file names, or its removal. The name alone says
nothing: a folder of a user may be called the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import stat
from pathlib import Path

from harness.guard.records import Owner, ourselves, why_not_ours

_OWNER_FILE = ".hormesis-owner.json"
_NAME = re.compile(r"hormesis-([1-9][0-9]{0,9})-[A-Za-z0-9_]{8}")
_BYTES_MAX = 16 * 1024


def mark(folder: Path, store: Path | None = None) -> None:
    """Write into a state folder that this process owns it, and for a run of which store."""
    named = {} if store is None else {"store": str(store.resolve())}
    data = json.dumps(dataclasses.asdict(ourselves()) | named).encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(folder / _OWNER_FILE, flags, 0o600), "wb") as file:
        file.write(data)


def owner_of(folder: Path) -> Owner | None:
    """Read whose state folder this is; None where it is none: no file in it, not ours, a link."""
    return _marked(folder)[0]


def under_way(root: Path) -> tuple[tuple[int, str], ...]:
    """Pid and store (absolute) of every living runner of ours that has a state folder in ``root``."""
    marks = (_marked(folder) for folder in sorted(root.glob("hormesis-[0-9]*-*")))
    return tuple((owner.pid, store) for owner, store in marks if owner and store and owner.lives())


def _marked(folder: Path) -> tuple[Owner | None, str]:
    """Owner and store by the folder's file; no owner where it is none of ours, "" where no store is named."""
    named = _NAME.fullmatch(folder.name)
    if not named or not _is_private(folder):
        return None, ""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
        with os.fdopen(os.open(folder / _OWNER_FILE, flags), "rb") as file:
            if why_not_ours(os.fstat(file.fileno())):
                return None, ""
            members = json.loads(file.read(_BYTES_MAX))
        store = str(members.pop("store", ""))
        owner = Owner(**members)
        return (owner, store) if owner.pid == int(named[1]) else (None, "")
    return None, ""


def _is_private(folder: Path) -> bool:
    """Say whether this is a real folder, no link, that is ours and that nobody else may write."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and not why_not_ours(found)


def remove_state(folder: Path) -> None:
    """Remove a state folder, its owner's file last: one that was cut short still says whose it is."""
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if entry.name == _OWNER_FILE:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        if [entry.name for entry in folder.iterdir()] == [_OWNER_FILE]:
            shutil.rmtree(folder, ignore_errors=True)


def remove_empty(folder: Path) -> bool:
    """Remove a state folder in which nothing is, not even yet an owner; False where it is none such.

    An owner's file without a byte is none: whoever made it was killed before it wrote.
    """
    if not _NAME.fullmatch(folder.name) or not _is_private(folder):
        return False
    try:
        if [(entry.name, entry.lstat().st_size) for entry in folder.iterdir()] == [(_OWNER_FILE, 0)]:
            (folder / _OWNER_FILE).unlink()
        folder.rmdir()
    except OSError:
        return False
    return True
