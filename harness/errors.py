"""Errors by what the caller must do next; each class owns one exit code.

A library function raises the narrowest class; only ``frontends`` turn them into exit codes.
The table of codes is in ``harness.verdict.codes``.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class HormesisError(Exception):
    """Root of every error that Hormesis raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file that the user wrote.

    ``line`` and ``column`` count from 1; 0 means "the file as a whole".
    """

    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    width: int = 1
    excerpt: str = ""
    why: str = ""
    help: str = ""


@dataclass(eq=False)  # frozen would break raising it through a context manager, which sets __traceback__
class UsageProblem(HormesisError):
    """The file or the command alone is wrong: exit 2, nothing was touched."""

    problems: tuple[Problem, ...] = field(default=())

    def __str__(self) -> str:
        return "; ".join(f"{p.file}:{p.line}:{p.column}: {p.message}" for p in self.problems)


class Refused(HormesisError):
    """The file is right, the world is not (port in use, target missing): exit 5."""


class NothingToHit(Refused):
    """The service has no process just now; no signal was sent."""


class Untrustworthy(HormesisError):
    """Something ran but cannot be trusted; the run ends VOID: exit 4."""


class PartGone(Untrustworthy):
    """A part of the harness that held a fault is gone: whether the fault is, only the run's end can prove."""


class Unsafe(HormesisError):
    """A clean state could not be proven: exit 6, wins over all others."""
