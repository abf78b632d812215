"""What a run asks of whoever keeps it safe, real or simulated: see ``safety`` and ``simulated``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.guard.client import ALLOWED_S, PROMISE_S
from harness.guard.records import Argument, Record
from harness.guard.undo import Outcome


class Guards(Protocol):
    """Whoever undoes what the run cannot undo any more (``harness.guard.client.Guardian``)."""

    def allow(self, step_s: float = ALLOWED_S, /) -> None:
        """The next step may take so long."""
        ...

    def open(
        self,
        verb: str,
        arguments: Mapping[str, Argument],
        *,
        episode: int,
        fault: str,
        promise_s: float = PROMISE_S,
        within_s: float,
    ) -> Record:
        """Make an undo record durable before the act."""
        ...

    def close(self, record: Record, /) -> bool:
        """Take it back after the proof; False where it was undone meanwhile."""
        ...

    def undo(self, record: Record, /) -> Outcome:
        """Undo one record now."""
        ...

    def undo_everything(self) -> Sequence[Outcome]:
        """Undo all that is open now."""
        ...


class Alarm(Protocol):
    """What ends a run at once. ``in_force``: a fault is, or may be."""

    in_force: bool

    @property
    def guardian(self) -> Guards:
        """Who undoes."""
        ...

    def look(self) -> None:
        """Raise MustStop where the run must not go on."""
        ...
