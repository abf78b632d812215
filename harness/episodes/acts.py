"""Acts that changed the system and that the harness did not make, matched to a fault's service.

In: the supervisor's ledger in a history. Out: effectful acts, the first one that answers a fault.
Effectful is what replaces or ends a process: ``started`` and ``killed`` (by liveness). What the
harness asked for itself stands in the ledger as ``asked`` before it, and is no act.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.history.events import Platform

EFFECTFUL = frozenset({"started", "killed"})


def platform_acts(ledger: Sequence[Platform], since_s: float) -> tuple[Platform, ...]:
    """Effectful acts from ``since_s`` on, in order, without the harness's own starts.

    An ``asked`` restart, or a start of what does not run, owns the next ``started`` of that service.
    A start of what runs already owns nothing: else it would swallow the platform's next restart.
    """
    owned: set[str] = set()
    running: set[str] = set()
    acts: list[Platform] = []
    for line in ledger:
        if line.act in EFFECTFUL and line.at_s >= since_s:
            own = line.act == "started" and line.service in owned
            acts += [] if own else [line]
        _follow(line, owned, running)
    return tuple(acts)


def _follow(line: Platform, owned: set[str], running: set[str]) -> None:
    """Keep the books: which services run, and whose next start is the harness's own."""
    name = line.service
    match line.act:
        case "asked":
            starts = line.detail == "restart" or (line.detail == "start" and name not in running)
            (owned.add if starts else owned.discard)(name)
        case "started":
            owned.discard(name)
            running.add(name)
        case "exited" | "stopped":
            running.discard(name)
        case _:
            pass  # ready, backoff, liveness_failed, killed: neither starts nor ends a process by itself


def first_act(acts: Sequence[Platform], service: str, from_s: float, to_s: float) -> Platform | None:
    """The first act on ``service`` in [from_s, to_s); None = nobody acted."""
    return next((act for act in acts if act.service == service and from_s <= act.at_s < to_s), None)
