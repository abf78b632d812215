"""Where a system's state lies during a run: in memory where there is room, and gone afterwards.

A shared disk answers an fsync after 0.1 to 0.6 s now and then, as long as a deadline; that is noise of the
machine, not of the system. ``HORMESIS_SCRATCH`` names another folder, to have the disk in the measurement.
What a killed runner left behind is removed by the next run, where a file in it names that runner; without
such a file (a user's folder, or one of a version that wrote none) nothing in it is ever removed, and an empty
one a minute after it was made. Nothing is, either, where that runner cannot be seen from here: of another
boot, or of another pid namespace of this one.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import Refused
from harness.guard.folders import mark, owner_of, remove_empty, remove_state
from harness.guard.shell import boot_id, wall_s
from harness.shell import environment

MEMORY = Path("/dev/shm")
ROOM_BYTES_MIN = 512 * 1024 * 1024
PREFIX = "hormesis-"
MADE_WITHIN_S = 60.0
"""A runner that has made its folder writes whose it is at once; one without, and older, is nobody's."""


def scratch_root() -> Path:
    """Name the folder for states: ``HORMESIS_SCRATCH``, else memory with room, else the system's own.

    Raises Refused where the named one is no folder that we may write into.
    """
    named = environment("HORMESIS_SCRATCH")
    if named:
        folder = Path(named)
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise Refused(f"HORMESIS_SCRATCH names {named!r}, which is no folder to write into")
        return folder
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and _room_bytes(MEMORY) >= ROOM_BYTES_MIN
    return MEMORY if usable else Path(tempfile.gettempdir())


def scratch_roots() -> tuple[Path, ...]:
    """Name every folder where a runner of this user may have its state, whatever its own environment says."""
    named = environment("HORMESIS_SCRATCH")
    places = [*([Path(named)] if named else []), MEMORY, Path(tempfile.gettempdir())]
    return tuple(dict.fromkeys(place.resolve() for place in places if place.is_dir()))


def _room_bytes(folder: Path) -> int:
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


def medium() -> str:
    """Say for the record on what the state lies."""
    return "state in memory" if scratch_root() == MEMORY else "state on disk"


@contextlib.contextmanager
def scratch(store: Path) -> Iterator[Path]:
    """Give an empty folder of this process, 0700, and remove it at the end. ``store``: the run's."""
    root = scratch_root()
    _sweep(root)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=root) as folder:
        mark(Path(folder), store)
        try:
            yield Path(folder)
        finally:
            remove_state(Path(folder))  # in an order that leaves its owner's file to the last


def _sweep(root: Path) -> None:
    """Remove what runners left that are no more; what is in a folder without its owner's file stays.

    One of another boot is a reboot's or another machine's: `hormesis undo` of its store removes it.
    """
    for folder in root.glob(f"{PREFIX}[0-9]*-*"):
        owner = owner_of(folder)
        if owner is None and _is_old(folder):  # a runner that was killed before it wrote whose it is
            remove_empty(folder)
        if (
            owner is not None
            and owner.boot == boot_id()
            and not owner.is_out_of_sight()
            and not owner.lives()
        ):
            remove_state(folder)


def _is_old(folder: Path) -> bool:
    try:
        return wall_s() - folder.lstat().st_mtime > MADE_WITHIN_S
    except OSError:
        return False
