"""Results to standard output, everything else to standard error; a stream that is lost ends quietly.

The exit code of a run must survive ``hormesis run FILE | head -1``, a terminal that is closed, and a log on
a full disk: so a stream that takes no more is silenced, and nothing else changes. Where the output is the
result, ``lost_output`` tells that it is not there; a reader that went away had enough of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import unicodedata
from typing import TextIO

# What a terminal, a log or a reader of text obeys instead of showing: control and format characters (escape
# codes, direction marks), line ends other than our own, halves of surrogate pairs.
OBEYED = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
# Why standard output took no more, the first reason first; it is of the process, as that stream is.
_LOST: list[str] = []


def prepare() -> None:
    """Let a terminal without Unicode show a replacement instead of raising; nothing is lost so far."""
    _LOST.clear()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def harmless(text: str) -> str:
    r"""Write what would be obeyed instead of shown as JSON writes it; line ends stay.

    >>> print(harmless("a\x1b[2Jb\r\n\u202ec"))
    a\u001b[2Jb\u000d
    \u202ec
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if letter in "\n\t" or unicodedata.category(letter) not in OBEYED:
        return letter
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def say(text: str) -> None:
    """Write a result, with a line end, to standard output; control characters are shown, not obeyed."""
    _write(sys.stdout, harmless(text) + "\n")


def say_exactly(content: bytes) -> None:
    """Write a result to standard output byte for byte."""
    _write(sys.stdout, content.decode("utf-8"))


def tell(text: str, end: str = "\n", *, start: str = "") -> None:
    """Write progress or a message to standard error; ``start`` and ``end`` go out as they are."""
    _write(sys.stderr, start + harmless(text) + end)


def lost_output() -> str:
    """Say why a part of the results is not on standard output, "" where all is, or nobody wants it."""
    return _LOST[0] if _LOST else ""


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed by the caller (>&-)
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:  # a reader that went away, a terminal that hung up, a full disk
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            _LOST.append(error.strerror or str(error))
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Point the stream at nothing, so that the flush at exit does not raise a second time."""
    with contextlib.suppress(OSError):  # one without a descriptor fails again at the next word, as quietly
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, stream.fileno())
        finally:
            os.close(nothing)
