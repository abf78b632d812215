"""Writes a file so that nobody ever finds half of it. Comes in: a path and bytes. Goes out: the file."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that whoever reads it, or whatever is killed, finds the old or the new one whole."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(data)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
