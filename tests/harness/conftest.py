"""What tests of several packages of the harness share: a look from another namespace of pids."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APART = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")


@pytest.fixture
def in_other_pid_space() -> Callable[[Sequence[str]], subprocess.CompletedProcess[str]]:
    """Run a program as a container beside us would: same boot and files, other pids. Else skips."""
    tried = subprocess.run([*APART, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no namespace of pids can be made here, so this was not tried: {tried.stderr}")

    def run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*APART, *words], capture_output=True, text=True, check=False, cwd=ROOT)

    return run
