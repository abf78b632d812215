"""Rows of a part with the commit they are of, and how processes share its items: a second
``make bars PART=NAME`` takes what is free.

A claim is a file lock, which the kernel releases when its holder dies; what is done is read from the stored
rows, so a cut session leaves nothing that has to be cleaned up.
"""

from __future__ import annotations

import fcntl
import functools
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

CLAIMS = Path(__file__).resolve().parents[1] / "reports"
PAUSE_S = 10.0

Item = TypeVar("Item")
Row = TypeVar("Row", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Commit:
    """Which code is measured; ``dirty`` = the tree differs from it (results apart)."""

    id: str
    dirty: bool


def read_commit(root: Path) -> Commit:
    """Ask git; without git the code is unknown and counts as dirty, so nothing is skipped."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=root, check=True, capture_output=True, text=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", ".", ":(exclude)benchmarks/results")
        return Commit(git("rev-parse", "HEAD"), bool(changed))
    except (OSError, subprocess.CalledProcessError):
        return Commit("unknown", True)


ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def commit_text() -> str:
    """Which code this process measures with: read once, since what was imported stays as it was."""
    return _commit_now()


def _commit_now() -> str:
    commit = read_commit(ROOT)
    return f"{commit.id[:7]}{'+changes' if commit.dirty else ''}"


class TreeChanged(RuntimeError):
    """The tree is no commit, or another than at the start: a row would name code that was not measured."""


def refuse_a_changed_tree() -> None:
    """Raise TreeChanged where a row could not name the code that it is measured with."""
    if commit_text().endswith("+changes"):
        raise TreeChanged("rows are kept of commits only: commit first, or measure in a clone of its own")
    if _commit_now() != commit_text():
        raise TreeChanged(f"begun at {commit_text()}, and the tree is at {_commit_now()} now; begin anew")


def stored(path: Path, kind: type[Row]) -> list[Row]:
    """Read all whole rows of ``path``; none where it is not there yet. A torn line at the end is none."""
    whole = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [msgspec.json.decode(line, type=kind) for line in whole if line]


def keep(path: Path, rows: Sequence[msgspec.Struct]) -> None:
    """Append rows in one write, so that a cut session leaves an item whole or not at all.

    Raises TreeChanged where the code changed while they were measured.
    """
    refuse_a_changed_tree()
    append(path, rows)


def append(path: Path, rows: Sequence[msgspec.Struct]) -> None:
    """Append rows; a torn line at the end, of a disk that was full, is cut off first."""
    with path.open("ab") as file:
        whole = path.read_bytes().rfind(b"\n") + 1
        if whole < file.tell():
            file.truncate(whole)
        file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def share_out(
    items: Sequence[Item],
    *,
    claims: Path,
    done: Callable[[], Collection[Item]],
    do: Callable[[Item], None],
    pause_s: float = PAUSE_S,
) -> None:
    """Do every item that is not in ``done()`` unless another process has claimed it, until all are done.

    ``claims``: a folder for the locks. Where the rest is in other hands it is waited for, a look every
    ``pause_s`` seconds; an item whose holder died without storing it is done here.
    """
    while missing := _missing(items, done()):
        if not sum([_take(item, claims=claims, done=done, do=do) for item in missing]):
            time.sleep(pause_s)


def _missing(items: Sequence[Item], done: Collection[Item]) -> list[Item]:
    return [item for item in items if item not in done]


def _take(
    item: Item, *, claims: Path, done: Callable[[], Collection[Item]], do: Callable[[Item], None]
) -> bool:
    with _claimed(claims, str(item)) as mine:
        if not mine or item in done():
            return False
        do(item)
        return True


@contextmanager
def _claimed(folder: Path, name: str) -> Iterator[bool]:
    """Hold the claim on ``name``; False where another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = "".join(letter if letter.isalnum() else "-" for letter in name)
    with (folder / plain).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
