"""The closed set of effects: what a target can do to a system, and undo.

A fault (``process.kill``) compiles to effects; a target implements effects, not faults,
so that N faults and M targets need N + M pieces of code and not N x M.
"""

from __future__ import annotations

import msgspec


class Kill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="kill"):
    """End one process of ``service`` with SIGKILL. Undo: the service runs again."""

    service: str


class Pause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="pause"):
    """Stop one process of ``service`` with SIGSTOP: its port stays open, nothing answers.

    Sticky unless ``duration_s`` is set. Undo: SIGCONT to that very process if it still exists.
    """

    service: str
    duration_s: float | None = None


Effect = Kill | Pause
