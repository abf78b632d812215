"""A helper process of ours (supervisor, fault proxy): told by a file, says one line, ends with its input.

Comes in: a module, its SPEC.json, an environment. Goes out: the line that it says when it listens. It dies
with us, and it ends when our end of its standard input closes.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import msgspec

from harness.errors import Refused, Unsafe
from harness.targets.local.kernel import ending_with_us

LISTEN_WITHIN_S = 60.0  # the zygote's imports are in it
END_WITHIN_S = 10.0


class Child:
    """One helper process, started on construction in a private ``folder``; ``words`` names it for people.

    ``Refused``: the folder was used by another run.
    """

    def __init__(
        self, words: str, module: str, spec: msgspec.Struct, *, folder: Path, environment: dict[str, str]
    ) -> None:
        self._words = words
        self._log = folder / "log.txt"
        path = _write(spec, folder)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                env=environment,
                start_new_session=True,  # a terminal's Ctrl-C is for the runner, which undoes first
                # A stopped process does not see that its input closed.
                preexec_fn=ending_with_us(),  # noqa: PLW1509 - takes no lock
            )

    def first_line(self) -> bytes:
        """Wait for the line that says it listens; ``Refused`` with the end of its log if none comes."""
        if self.process.stdout is None:
            raise Unsafe(f"{self._words} was started without a pipe")
        readable, _, _ = select.select([self.process.stdout], [], [], LISTEN_WITHIN_S)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            raise Refused(f"{self._words} did not start{self.log_tail()}")
        return line

    def close_input(self) -> None:
        """Tell it to end now."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def end(self, within_s: float = END_WITHIN_S) -> None:
        """Wait until it has ended, after it was told to; SIGKILL if it takes too long."""
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def log_tail(self) -> str:
        """The last lines of what it wrote on standard error; "" if there are none."""
        return tail(self._log)


def _write(spec: msgspec.Struct, folder: Path) -> Path:
    """Write SPEC.json where only we can read it: its environments may hold the user's values."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise Refused(f"{folder.parent} was used by another run; state must be fresh") from error
    path = folder / "SPEC.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(spec))
    return path


def tail(path: Path, line_count: int = 15) -> str:
    """The last lines of a log, each on its own line, indented and printable; "" if there are none."""
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-line_count:]
    return "".join(f"\n  | {_plain(line[:500])}" for line in lines)


def _plain(line: str) -> str:
    """Escape control characters: a log line must not move the cursor of who reads the message."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
