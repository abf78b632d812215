"""A child that was bound to its parent ends with it, even where it can do nothing for that itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from harness.targets.local.procfs import start_ticks

PARENT = """
import subprocess, sys
from harness.targets.local.kernel import ending_with_us
child = subprocess.Popen(["sleep", "600"], preexec_fn=ending_with_us())
sys.stdout.write(f"{child.pid}\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def test_a_stopped_child_dies_with_its_killed_parent(until):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        child = int(parent.stdout.readline())
        ticks = start_ticks(child)
        assert ticks
        os.kill(child, signal.SIGSTOP)
        parent.kill()
    until(lambda: start_ticks(child) != ticks)
