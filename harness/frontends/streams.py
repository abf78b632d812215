"""Results to standard output, everything else to standard error; a closed pipe ends quietly.

The exit code of a run must survive ``hormesis run FILE | head -1``: so a reader that went away
silences the stream and changes nothing else.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TextIO

# What a terminal, a log or a reader of text obeys instead of showing: control and format characters (escape
# codes, direction marks), line ends other than our own, halves of surrogate pairs.
OBEYED = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


def prepare() -> None:
    """Let a terminal without Unicode show a replacement instead of raising."""
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
