"""What a figure was measured on: processor, cores, kernel, Python, medium; no host name, no path."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from harness.run.scratch import medium


def fingerprint() -> str:
    """Describe this machine in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")
    cores = len(os.sched_getaffinity(0))
    system = f"Linux {platform.release()} · Python {platform.python_version()}"
    return f"{model} · {cores} cores · {system} · {medium()}"
