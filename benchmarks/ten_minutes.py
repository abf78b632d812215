"""Ten minutes: from an empty folder with a FastAPI server to the first table, by the docs' commands alone.

Comes in: ``docs/ten-minutes.md``, whose server and commands are taken word by word. Timed is what the
commands take, one after the other, in an environment that has Hormesis and FastAPI: no installation, and
nobody who reads. Goes out: seconds a command, and the table.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared import ROOT

NAME = "ten_minutes"
SEED = 3
FORECAST_S = 110.0
LIMIT_S = 600.0
DOCUMENT = ROOT / "docs" / "ten-minutes.md"


@dataclass(frozen=True, slots=True)
class Step:
    """One command: how long it took, how it ended, what it said."""

    command: str
    seconds: float
    exit_code: int
    said: str


def server_of(document: str) -> str:
    """The program that the document shows."""
    (program,) = re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    return str(program)


def commands_of(document: str) -> list[str]:
    """The commands that it shows, in their order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def walk(folder: Path, document: str) -> list[Step]:
    """Put the server into ``folder``, which is empty, and do the commands there until one fails."""
    (folder / "server.py").write_text(server_of(document), "utf-8")
    steps: list[Step] = []
    for command in commands_of(document):
        program, *words = shlex.split(command)
        if program != "hormesis":
            raise ValueError(f"{DOCUMENT.name} shows a command that is none of ours: {command}")
        started_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "harness.frontends.cli", *words],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HORMESIS_STORE": str(folder / "store")},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=2 * LIMIT_S,
            check=False,
        )
        said = done.stdout + done.stderr
        steps.append(Step(command, time.monotonic() - started_s, done.returncode, said))
        if done.returncode != 0:
            break
    return steps


def run(_: bool) -> dict[str, object]:
    """Walk once, and say how long it took: there is no shorter way."""
    document = DOCUMENT.read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="ten-minutes-") as own:
        folder = Path(own) / "flats"  # modules are not imported from beside a folder that all may write into
        folder.mkdir()
        steps = walk(folder, document)
    return bars_and_figures(steps, len(commands_of(document)))


def bars_and_figures(steps: Sequence[Step], wanted: int) -> dict[str, object]:
    """Compute the figures and the bars; a walk that broke off meets none."""
    total_s = sum(step.seconds for step in steps)
    whole = len(steps) == wanted and all(step.exit_code == 0 for step in steps)
    table = whole and bool(re.search(r"^process\.kill server$", steps[-1].said, re.MULTILINE))
    return {
        "commands": [
            {"command": step.command, "seconds": round(step.seconds, 1), "exit_code": step.exit_code}
            for step in steps
        ],
        "total_s": round(total_s, 1),
        "table": steps[-1].said.splitlines() if steps else [],
        "bars": {
            "every command of the docs ends well": whole,
            "the last one shows the table": table,
            "within ten minutes": table and total_s <= LIMIT_S,
        },
    }
