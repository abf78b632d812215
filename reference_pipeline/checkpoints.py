"""Checkpoints of one training: the last whole one counts, whatever was killed when.

Comes in: what a training has after a step. Goes out: the newest checkpoint whose bytes are what was written.
A file is its content's SHA-256, a line end, and the content; it appears under its name only when whole.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from reference_pipeline.durable import write_durably

_PREFIX, _SUFFIX = "checkpoint-", ".bin"


class Checkpoint(NamedTuple):
    """What a training had after ``step`` steps."""

    step: int
    data: bytes


def save_checkpoint(folder: Path, step: int, data: bytes) -> None:
    """Make ``data`` the checkpoint of ``step``; older ones are removed once it is there."""
    digest = hashlib.sha256(data).hexdigest().encode()
    write_durably(folder / f"{_PREFIX}{step:06d}{_SUFFIX}", digest + b"\n" + data)
    for other in _steps(folder):
        if other < step:
            (folder / f"{_PREFIX}{other:06d}{_SUFFIX}").unlink()


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """Give the newest one that is sound; a damaged one is as if it were not there."""
    for step in sorted(_steps(folder), reverse=True):
        digest, _, data = (folder / f"{_PREFIX}{step:06d}{_SUFFIX}").read_bytes().partition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() == digest:
            return Checkpoint(step, data)
    return None


def _steps(folder: Path) -> list[int]:
    names = (path.name for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"))
    numbers = (name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in names)
    return [int(number) for number in numbers if number.isdecimal()]
