"""The real command ``hormesis``, which kills its own process at a boundary between two steps.

``python victim.py BOUNDARY WORDS...``: a boundary is the first time that a function of the runner, its target
or its guardian's client is entered, left, or calls into C from a new place. 0 = none; ``count`` = none, and
the number of boundaries is printed at the end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
STEPS = tuple(str(ROOT / "harness" / part) for part in ("run", "guard", "targets", "history/log.py"))


class Boundaries:
    """Counts boundaries of the main thread; at ``at`` the process is gone."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen: set[tuple[str, str, str, int]] = set()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """As ``sys.setprofile`` wants it."""
        code = frame.f_code
        if not code.co_filename.startswith(STEPS):
            return
        line = frame.f_lineno if event.startswith("c_") else 0
        key = (code.co_filename, code.co_qualname, event, line)
        if key in self.seen:
            return
        self.seen.add(key)
        if len(self.seen) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Run the command; gives its exit code."""
    from harness.frontends.cli import main as hormesis

    at, words = sys.argv[1], sys.argv[2:]
    boundaries = Boundaries(0 if at == "count" else int(at))
    if at != "0":
        sys.setprofile(boundaries)
    sys.argv[1:] = words
    code = hormesis()
    sys.setprofile(None)
    if at == "count":
        sys.stdout.write(f"boundaries {len(boundaries.seen)}\n")
    return code


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
