"""Work for executors, picklable and without a world: it tells who did it, and dies, waits, raises if told."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from harness.campaign.executor import Rows
from harness.errors import Refused
from tests.harness.campaign.rows_kit import row


@dataclass(frozen=True)
class Told:
    """Each chunk notes the process that did it; then it does what its number is listed under.

    ``once``: its first worker kills itself; ``always``: each does. ``raising`` and ``refused``: what it
    raises. ``waiting``: it waits for a file ``go``, which may never be there.
    """

    folder: str
    once: frozenset[int] = frozenset()
    always: frozenset[int] = frozenset()
    raising: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()
    waiting: frozenset[int] = frozenset()

    def __call__(self, chunk: int) -> Rows:
        note = Path(self.folder) / f"{chunk}.{os.getpid()}"
        first = not list(Path(self.folder).glob(f"{chunk}.*"))
        note.write_text("done here")
        if chunk in self.always or (chunk in self.once and first):
            os.kill(os.getpid(), signal.SIGKILL)
        if chunk in self.raising:
            raise ValueError(f"no luck with {chunk}")
        if chunk in self.refused:
            raise Refused("this machine has another code")
        while chunk in self.waiting and not (Path(self.folder) / "go").exists():
            signal.sigtimedwait([], 0.01)
        return (row(chunk),)


def workers(folder: Path, chunk: int | None = None) -> list[int]:
    """The processes that have begun a chunk, or any."""
    notes = folder.glob("*.*" if chunk is None else f"{chunk}.*")
    return sorted({int(path.suffix[1:]) for path in notes})
