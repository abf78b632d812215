"""Programs of this package that stand by for their caller and outlive it.

Comes in: a module and its words. Goes out: a process in a session of its own, so that no signal to the
caller's group reaches it, with pipes on standard input and output; and the first line that it says.
"""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO


def start_standby(
    module: str, words: Sequence[str], *, errors: IO[bytes] | int, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start ``python -m module words``; ``errors``: where its standard error goes, as Popen takes it."""
    home = Path(__file__).resolve().parents[2]  # the folder that holds the package
    return subprocess.Popen(
        # -S: it needs no site-packages, and starts in half the time.
        [sys.executable, "-S", "-P", "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        pass_fds=pass_fds,
        env={"PYTHONPATH": str(home), "PATH": "/usr/bin:/bin"},
        cwd="/",
        start_new_session=True,
    )


def first_line(process: subprocess.Popen[bytes], within_s: float) -> bytes:
    """Wait for its first line on standard output; b"" where none comes in time."""
    out = process.stdout
    assert out is not None
    readable, _, _ = select.select([out], [], [], within_s)
    return out.readline() if readable else b""
