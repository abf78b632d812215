"""The halt: a file that stops every run of a store and lets none begin, until it is released with a reason.

Comes in: a reason. Goes out: ``<store>/.halt``, and a line in ``<store>/.halt.log`` for each step.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from harness.guard.shell import wall_text


def halt_file(store: Path) -> Path:
    """Name the file whose being there is the halt."""
    return store / ".halt"


def is_halted(store: Path) -> bool:
    """Say whether the store is halted; one that cannot be looked at counts as halted."""
    try:
        os.lstat(halt_file(store))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def halt_reason(store: Path) -> str:
    """The reason that was given; "" where the store is not halted, and a word where the file does not say."""
    if not is_halted(store):
        return ""
    try:
        found = json.loads(halt_file(store).read_bytes())
        return str(found["reason"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return "the halt file does not say why"


def halt(store: Path, reason: str) -> None:
    """Halt the store; again replaces the reason. Raises OSError where the store cannot be written."""
    store.mkdir(parents=True, exist_ok=True)
    line = _line(reason)
    new = store / f".halt.{os.getpid()}"
    new.write_bytes(line)
    new.replace(halt_file(store))
    _note(store, b'{"halted": ' + line.rstrip(b"\n") + b"}\n")


def release(store: Path, reason: str) -> bool:
    """Release the store; False where it was not halted. Both reasons stay in the log."""
    try:
        halt_file(store).unlink()
    except FileNotFoundError:
        return False
    _note(store, b'{"released": ' + _line(reason).rstrip(b"\n") + b"}\n")
    return True


def _line(reason: str) -> bytes:
    by = {"pid": os.getpid(), "uid": os.getuid()}
    return json.dumps({"reason": reason, "at": wall_text(), "by": by}).encode() + b"\n"


def _note(store: Path, line: bytes) -> None:
    with (store / ".halt.log").open("ab") as log:
        log.write(line)
