"""How a system's own state is brought back between runs, and how that is proven, as its file says.

Comes in: decoded data. Goes out: ``Reset``, and findings about its commands.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings

WORDS = ("{python}", "{system}")
_WORD = re.compile(r"\{[a-z]+\}")
Command = tuple[str, ...]


class Reset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``do`` is called before each run, then ``prove``: exit code 0, and the output that it had at first.

    Both are argument lists in which ``{python}`` and ``{system}`` are filled in, called in the system file's
    folder; each ends within ``within_s``. Without ``do`` nothing is done, and ``prove`` says whether that
    was right.
    """

    prove: Command
    do: Command = ()
    within_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 60.0


def check_reset(reset: Reset | None, findings: Findings) -> None:
    """Note an empty proof, and words that are filled in nowhere: between runs nothing has a port."""
    if reset is None:
        return
    if not reset.prove:
        findings.add(
            "HRM204",
            "'prove' names no program",
            ("reset", "prove"),
            why="a state that nobody has looked at is not proven",
            help="write e.g. [sha256sum, registry.db]",
        )
    for key, command in (("do", reset.do), ("prove", reset.prove)):
        for n, part in enumerate(command):
            if stray := next((word for word in _WORD.findall(part) if word not in WORDS), None):
                findings.add(
                    "HRM204",
                    f"{quoted(stray)} is not filled in here",
                    ("reset", key, n),
                    why="it is called between runs, when nothing of the system is there",
                    help=f"there are {' and '.join(WORDS)}",
                )
