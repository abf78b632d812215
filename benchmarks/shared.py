"""Shares the items of a part between processes: a second ``make bars PART=NAME`` takes what nobody measures.

A claim is a file lock, which the kernel releases when its holder dies; what is done is read from the stored
rows, so a cut session leaves nothing that has to be cleaned up.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

CLAIMS = Path(__file__).resolve().parents[1] / "reports"
PAUSE_S = 10.0

Item = TypeVar("Item")


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
    while missing := [item for item in items if item not in done()]:
        if not sum([_take(item, claims=claims, done=done, do=do) for item in missing]):
            time.sleep(pause_s)


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
