"""``python -m harness.guard SPEC.json``: watch one run.

Comes in: SPEC.json. Goes out: an exit code of ``guardian``, or 2 for a wrong SPEC.json.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.guard.guardian import guard, read_watch

WRONG_SPEC = 2


def main(words: list[str]) -> int:
    """Watch until the end; gives the exit code."""
    try:
        watch = read_watch(Path(words[0]))
        Path(words[0]).unlink(missing_ok=True)  # it has been read, and a killed runner could not remove it
    except (IndexError, OSError, ValueError, LookupError, TypeError) as error:
        sys.stderr.write(f"python -m harness.guard SPEC.json: {error}\n")
        return WRONG_SPEC
    return guard(watch)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
