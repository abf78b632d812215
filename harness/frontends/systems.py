"""The system that a user names, or the bundled one; read, never imported."""

from __future__ import annotations

from pathlib import Path

from harness.errors import Problem, UsageProblem
from harness.experiment.model import System
from harness.experiment.sources import bundled_system, read_system
from harness.frontends.arguments import usage


def system_file(name: str | None) -> Path:
    """The named system file, or the bundled one; it may not be there."""
    path = bundled_system() if name is None else Path(name)
    if path is None:
        raise usage("HRM303", "the bundled system is not installed", help_text="name a file: hormesis.yaml")
    return path


def named_system(name: str | None) -> System:
    """Read the named system file, or the bundled one; ``UsageProblem`` has all that is wrong in it."""
    path = system_file(name)
    problems: list[Problem] = []
    system = read_system(path, problems)
    if system is None:
        raise UsageProblem(tuple(problems))
    return system
