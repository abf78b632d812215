"""Results to standard output, everything else to standard error; a closed pipe ends quietly.

The exit code of a run must survive ``hormesis run FILE | head -1``: so a reader that went away
silences the stream and changes nothing else.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO


def prepare() -> None:
    """Let a terminal without Unicode show a replacement instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def say(text: str) -> None:
    """Write a result, with a line end, to standard output."""
    _write(sys.stdout, text + "\n")


def say_exactly(content: bytes) -> None:
    """Write a result to standard output byte for byte."""
    _write(sys.stdout, content.decode("utf-8"))


def tell(text: str, end: str = "\n") -> None:
    """Write progress or a message to standard error."""
    _write(sys.stderr, text + end)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed by the caller (>&-)
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Point the stream at nothing, so that the flush at exit does not raise a second time."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, stream.fileno())
    finally:
        os.close(nothing)
