"""Everything found wrong in one file, each with its place: collected, then raised at once.

Comes in: a message code, a path into the file's data. Goes out: ``Problem``s with line, column and
excerpt. The table of codes is ``messages.py``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.errors import Problem, UsageProblem
from harness.experiment.excerpt import excerpt, quoted

Path = tuple[str | int, ...]
NEAR_CUTOFF = 0.5


@dataclass(frozen=True, slots=True)
class Mark:
    """Where something stands: line and column from 1, width in letters."""

    line: int
    column: int
    width: int = 1


@dataclass(slots=True)
class Marks:
    """Where every value and key of a file stands, by its path: ``("method", 0, "name")``."""

    lines: tuple[str, ...] = ()
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)

    def find(self, path: Path, *, key: bool = False) -> Mark:
        """Give the mark of the value at ``path`` (its key with ``key``), else of what holds it."""
        order = (self.keys, self.values) if key else (self.values, self.keys)
        for length in range(len(path), -1, -1):
            for table in order:
                if path[:length] in table:
                    return table[path[:length]]
        return Mark(0, 0)


@dataclass(slots=True)
class Findings:
    """The problems of one file, in the order of their lines when raised."""

    file: str
    marks: Marks = field(default_factory=Marks)
    problems: list[Problem] = field(default_factory=list)
    flagged: set[Path] = field(default_factory=set)

    def add(
        self,
        code: str,
        message: str,
        path: Path,
        *,
        key: bool = False,
        label: str = "",
        why: str = "",
        help: str = "",  # noqa: A002 - the word of the message form
    ) -> None:
        """Note a problem at ``path`` (at its key with ``key``); the second one at a value is dropped."""
        if path in self.flagged:
            return
        if not key:
            self.flagged.add(path)
        self.add_at(code, message, self.marks.find(path, key=key), label=label, why=why, help=help)

    def add_at(
        self,
        code: str,
        message: str,
        mark: Mark,
        *,
        label: str = "",
        why: str = "",
        help: str = "",  # noqa: A002 - the word of the message form
    ) -> None:
        """Note a problem at a position of the file; ``Mark(0, 0)`` is the file as a whole."""
        shown = excerpt(self.marks.lines, mark.line, mark.column, mark.width, label=label)
        self.problems.append(
            Problem(
                code=code,
                message=message,
                file=self.file,
                line=mark.line,
                column=mark.column,
                width=mark.width,
                excerpt=shown,
                why=why,
                help=help,
            )
        )

    def raise_if_any(self) -> None:
        """Raise one ``UsageProblem`` with all problems, by line; nothing if there are none."""
        if self.problems:
            raise UsageProblem(tuple(sorted(self.problems, key=lambda p: (p.line, p.column))))


def near(word: str, known: Iterable[str]) -> str:
    """Give the known word most like ``word``, or "" if none is near."""
    return next(iter(difflib.get_close_matches(word[:100], tuple(known), n=1, cutoff=NEAR_CUTOFF)), "")


def advice(word: str, known: Iterable[str]) -> str:
    """Write a help line: the near word first, then all that are known.

    >>> advice("scorer_a", ("gateway", "scorer-a"))
    "did you mean 'scorer-a'? Known: gateway, scorer-a"
    """
    names = sorted(known)
    listed = f"Known: {', '.join(names)}" if names else "None is known here."
    likely = near(word, names)
    return f"did you mean {quoted(likely)}? {listed}" if likely else listed
