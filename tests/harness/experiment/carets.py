"""What an error's excerpt marks."""

from __future__ import annotations

from harness.errors import Problem


def under_carets(problem: Problem) -> str:
    """The words above the carets of a problem's excerpt."""
    above, below = problem.excerpt.split("\n")
    start = below.index("^")
    return above[start : start + below.count("^")]
