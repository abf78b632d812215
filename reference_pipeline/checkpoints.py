"""Checkpoints of one training: the last whole one counts, whatever was killed when.

Comes in: what a training has after a step. Goes out: the newest checkpoint whose bytes are what was written.
A file is its content's SHA-256, a line end, and the content; it appears under its name only when whole.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from reference_pipeline.folders import Folder

_PREFIX, _SUFFIX = "checkpoint-", ".bin"


class Checkpoint(NamedTuple):
    """What a training had after ``step`` steps."""

    step: int
    data: bytes


def save_checkpoint(folder: Folder, step: int, data: bytes) -> None:
    """Make ``data`` the checkpoint of ``step``; older ones are removed once it is there."""
    digest = hashlib.sha256(data).hexdigest().encode()
    folder.write(_name(step), digest + b"\n" + data)
    for other in _steps(folder):
        if other < step:
            folder.remove(_name(other))


def newest_checkpoint(folder: Folder) -> Checkpoint | None:
    """Give the newest one that is sound; a damaged one is as if it were not there."""
    for step in sorted(_steps(folder), reverse=True):
        digest, _, data = (folder.read(_name(step)) or b"").partition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() == digest:
            return Checkpoint(step, data)
    return None


def _name(step: int) -> str:
    return f"{_PREFIX}{step:06d}{_SUFFIX}"


def _steps(folder: Folder) -> list[int]:
    names = (name for name in folder.names() if name.startswith(_PREFIX) and name.endswith(_SUFFIX))
    numbers = (name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in names)
    return [int(number) for number in numbers if number.isdecimal()]
