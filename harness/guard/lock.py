"""One run a target and store: a lock that the kernel releases when its holder dies, whatever kills it.

Comes in: store and target. Goes out: ``<store>/.lock-<target>``, flocked, which says who holds it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from harness.guard.records import Owner, ourselves
from harness.guard.shell import wall_text

_LOCK = ".lock-"


class Held(Exception):
    """Another process holds the lock; the text says which."""


@contextlib.contextmanager
def locked(store: Path, target: str) -> Iterator[str]:
    """Hold the lock of ``target`` in ``store``; gives a word on a holder before us that died, or "".

    Raises Held where another process has it, OSError where the file cannot be made.
    """
    path = store / f"{_LOCK}{target}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Held(f"{path} is held by {_holder(handle)[0]}") from error
        who, released = _holder(handle)
        _write(handle, dataclasses.asdict(ourselves()) | {"started": wall_text()})
        try:
            yield "" if released else f"{path} was last held by {who}, which is gone; the lock is free"
        finally:
            _write(handle, {})
    finally:
        os.close(handle)


def holders(store: Path) -> tuple[str, ...]:
    """Say who holds a lock in ``store`` now, a text each; nothing is made or written."""
    targets = [path.name.removeprefix(_LOCK) for path in sorted(store.glob(f"{_LOCK}*"))]
    return tuple(f"{target}: {who}" for target in targets if (who := holder(store, target)))


def holder(store: Path, target: str) -> str:
    """Say who holds the lock of ``target`` now, "" where nobody does; OSError where no look is possible."""
    try:
        handle = os.open(
            store / f"{_LOCK}{target}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(handle)[0]
    finally:
        os.close(handle)
    return ""


def _write(handle: int, members: dict[str, object]) -> None:
    os.ftruncate(handle, 0)
    if members:
        os.pwrite(handle, json.dumps(members).encode() + b"\n", 0)


def _holder(handle: int) -> tuple[str, bool]:
    """Say who wrote the file last, and whether they released it in order."""
    data = os.pread(handle, 4096, 0)
    if not data.strip():
        return "a process that has not said who it is", True
    try:
        found = json.loads(data)
        owner = Owner(
            pid=int(found["pid"]),
            start_ticks=int(found["start_ticks"]),
            boot=str(found["boot"]),
            space=int(found.get("space", 0)),
        )
        started = str(found["started"])
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return "a process whose entry cannot be read", False
    there = owner.state()
    there += " (a child of it may hold the lock)" if there == "which is gone" else ""
    return f"pid {owner.pid}, {there}, since {started} (boot {owner.boot})", False
