"""How a problem is shown: what, where, the line with carets, why, what to do."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import Problem, UsageProblem
from harness.experiment.messages import MESSAGES
from harness.units import plural

# What reading a stored run calls its problems, by the code that `explain code` lists.
STORED: Mapping[str, str] = {"no-campaign": "HRM403", "damaged-campaign": "HRM404", "no-run": "HRM405"}


def code_of(problem: Problem) -> str:
    """Give the HRM code of a problem."""
    return STORED.get(problem.code, problem.code)


def problem_text(problem: Problem) -> str:
    """Write one problem in the form of ruff and uv."""
    place = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
    lines = [f"error[{code_of(problem)}]: {problem.message}", f"  --> {place}"]
    lines += [problem.excerpt] if problem.excerpt else []
    lines += [f"  why: {problem.why}"] if problem.why else []
    mend = problem.help or (MESSAGES[code_of(problem)].mend if problem.code in STORED else "")
    lines += [f"  help: {mend}"] if mend else []
    return "\n".join(lines)


def usage_text(error: UsageProblem) -> str:
    """Write all problems of one usage error, and that nothing was done."""
    count = len(error.problems)
    end = f"{plural(count, 'problem')}. Nothing was done."
    return "\n\n".join([*map(problem_text, error.problems), end])


def length_text(length_s: float) -> str:
    """Write a length for a forecast.

    >>> length_text(42.4), length_text(150), length_text(5000)
    ('42 s', '2 min 30 s', '1 h 23 min')
    """
    whole = round(length_s)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
