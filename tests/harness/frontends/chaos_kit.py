"""``chaos`` as a child process in which nothing of the user's has a say.

Its settings file is empty, its HOME is fresh, it asks nobody for a newer version, it imports nothing from
where it was started, and it ends with its process group after a deadline.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CHAOS = Path(sys.executable).parent / "chaos"
DEADLINE_S = 120.0
OURS: Mapping[str, str] = {}


def chaos(folder: Path, *arguments: str, also: Mapping[str, str] = OURS) -> tuple[int, str]:
    """Run ``chaos`` in ``folder``; gives its exit code and all that it said.

    ``also``: variables besides PATH. RuntimeError where it is not over after two minutes.
    """
    home = folder / "fresh-home"
    home.mkdir(exist_ok=True)
    settings = home / "no-settings.yaml"
    settings.write_text("")
    quiet = ("--no-version-check", "--no-log-file", "--settings", str(settings))
    with subprocess.Popen(
        [str(CHAOS), *quiet, *arguments],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(home),
            "PYTHONSAFEPATH": "1",
            "PYTHONPATH": str(ROOT),
            **also,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"chaos {' '.join(arguments)} did not end") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # whatever it may have left
    return process.returncode, said
