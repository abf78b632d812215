"""The entries of the healer's journal, as values.

Comes in: acts and what was seen. Goes out: what one journal line says.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from reference_pipeline.healing.acts import Act
from reference_pipeline.healing.ports import DeadLetter

Kind = Literal["detected", "diagnosed", "decided", "action.started", "action.finished", "verified"]
Choice = Literal["", "act", "page", "refrain"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry rests on: the act it is about, how it went, and counted facts.

    ``policy``: the commit of the policy that a decision was made under.
    """

    act: Act | None = None
    ok: bool | None = None
    choice: Choice = ""
    facts: dict[str, float | str] = {}
    policy: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One journal entry; ``at_s`` is CLOCK_MONOTONIC, so that a next life can still count hours."""

    kind: Kind
    episode: str
    target: str
    reason: str
    at_s: float
    evidence: Evidence = Evidence()


def is_of(letter: DeadLetter, field: str, source: str) -> bool:
    """Tell whether ``field`` is all that ``letter`` lacks, and ``source`` is there instead."""
    return len(letter.why) == 1 and field not in letter.record and source in letter.record
