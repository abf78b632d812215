"""The table of words and exit codes: the only place where a number gets its meaning.

Comes in: nothing. Goes out: ``CODES``, which ``hormesis explain code`` prints and the verdict and
the command line take their numbers from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One exit code: its word, what it says, when it comes, what to do next."""

    code: int
    word: str
    what: str
    when: str
    next: str


CODES: tuple[Code, ...] = (
    Code(
        0,
        "PASS",
        "there is evidence for every claim that was made; DONE: nothing was claimed, and it is done",
        "every objective holds with its exact interval, or the file has none",
        "read the report; keep the run folder as a baseline",
    ),
    Code(
        1,
        "FAIL",
        "there is evidence against a claim, and nothing else gives this code",
        "an interval lies wholly on the wrong side of an objective, or a transaction was lost or doubled",
        "open the report at the claim that failed",
    ),
    Code(
        2,
        "USAGE",
        "the file or the command alone is wrong; nothing was touched",
        "a syntax error, an unknown fault, service or key, a negative time, a missing file",
        "mend what the message points at; `hormesis validate FILE` lists everything",
    ),
    Code(
        3,
        "INCONCLUSIVE",
        "the data are valid, and too few for the claim",
        "fewer episodes than the claim's minimum (for example 29 all-pass for a p90), or an open interval; "
        "or a demo that differs from its story, which is no claim",
        "raise repetitions to what the report says it needs; of a demo read what differs",
    ),
    Code(
        4,
        "VOID",
        "something ran but cannot be trusted, so no figure of it counts",
        "baseline not met, a fault without effect, no data, the witness stalled, the history has a gap",
        "read the reason; mend what it names in the file or the system, or run again on a quieter machine",
    ),
    Code(
        5,
        "REFUSED",
        "the file is right, the world is not; nothing was injected",
        "no target, a port in use, a missing permission or ability, a lock or an undo record still open",
        "do what the message names, then run again",
    ),
    Code(
        6,
        "UNSAFE",
        "a clean state could not be proven after a fault; this wins over all other codes",
        "an undo raised, or an independent look still found the fault",
        "read the message and logs/guardian.txt in the run's folder, then run `hormesis undo --store DIR` "
        "on its store: it undoes, proves, and says what is left; run nothing else before",
    ),
    Code(
        70,
        "INTERNAL",
        "an error inside Hormesis itself; it says nothing about your system",
        "an exception that nobody caught; its traceback is in the file that the message names",
        "report it with that file",
    ),
    Code(
        130,
        "INTERRUPTED",
        "stopped by Ctrl-C; every fault was undone first",
        "SIGINT",
        "run again; what was recorded up to then stays readable, as VOID",
    ),
    Code(
        143,
        "TERMINATED",
        "stopped by SIGTERM; every fault was undone first",
        "SIGTERM, for example a CI job that was cancelled",
        "run again; what was recorded up to then stays readable, as VOID",
    ),
)

EXIT_CODE: Mapping[str, int] = {row.word: row.code for row in CODES} | {"DONE": 0}
