"""What a target is: it applies an effect with proof, undoes it, and proves that it is gone.

Comes in: an ``Effect``. Goes out: ``Applied`` (what was hit, when, and how that was seen). A target that
cannot do an effect says so in ``abilities`` and the plan is refused before anything is touched.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from harness.errors import Untrustworthy
from harness.faults.effects import Effect
from harness.ports import Clock
from harness.shell import monotonic_s, sleep_until

Proof = tuple[str, ...]


class WithoutEffect(Untrustworthy):
    """The injection was done and its effect was not seen from outside; it has been undone."""


class Applied(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One effect in force. Instants are monotonic seconds; ``start_ticks`` guards against pid reuse.

    ``effective_at_s`` is when the effect was first seen from outside the injector; on an edge, when the proxy
    had put it in force, which the look right after confirms. ``pid`` 0: no process, or size zero. ``handle``
    is the target's own name for what it did, such as a toxic's; ``shows`` as in ``history.events.Injected``.
    """

    effect: Effect
    pid: int
    start_ticks: int
    boot_id: str
    asked_at_s: float
    effective_at_s: float
    proof: Proof
    handle: str = ""
    shows: str = ""


class Prepared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an effect will be undone, known before it is done: a verb of the guardian and its arguments.

    ``pid`` and ``start_ticks`` name the process that will be hit (0: none), ``handle`` what will be added.
    """

    effect: Effect
    verb: str
    arguments: dict[str, int | str]
    pid: int = 0
    start_ticks: int = 0
    handle: str = ""


class Target(Protocol):
    """Where effects are done. Every method may be called again: undo twice is undo once."""

    def apply(self, effect: Effect, /) -> Applied:
        """Do the effect and prove it; ``Refused`` if nothing can be hit, else ``WithoutEffect``."""
        ...

    def undo(self, applied: Applied, /) -> bool:
        """Make it undone; True if there was still something to undo."""
        ...

    def is_clean(self, applied: Applied, /) -> Proof:
        """Look, without trusting ``undo``, that the effect is gone; ``Unsafe`` if that is not seen."""
        ...


class Able(Protocol):
    """A target that says which effects it can do, by their tag (``kill``, ``pause``)."""

    def abilities(self) -> frozenset[str]:
        """Tags of the effects that ``apply`` takes."""
        ...


class Prepares(Protocol):
    """A target whose effects can be undone by somebody else, should the runner die."""

    def prepare(self, effect: Effect, /) -> Prepared:
        """Say what the next ``apply`` of this effect will do; ``Refused`` if it would be. Touches nothing."""
        ...

    def renew(self) -> None:
        """Say that the runner lives: what is leased stays. Quick, and from any thread."""
        ...


class MachineClock:
    """The machine's own clock; see ``harness.ports.Clock``."""

    def now_s(self) -> float:
        """Read the monotonic clock."""
        return monotonic_s()

    def sleep_until(self, at_s: float, /) -> None:
        """Sleep until the monotonic instant ``at_s``."""
        sleep_until(at_s)


class NullTarget:
    """The sham: applies every effect with size zero and says so.

    With ``looker`` its clean proofs are real looks at the system, the same as after a fault.
    """

    def __init__(self, looker: Target | None = None, *, clock: Clock | None = None) -> None:
        self._looker = looker
        self._clock = clock or MachineClock()

    def apply(self, effect: Effect, /) -> Applied:
        """Do nothing; effective when asked."""
        now_s = self._clock.now_s()
        return Applied(
            effect=effect,
            pid=0,
            start_ticks=0,
            boot_id="",
            asked_at_s=now_s,
            effective_at_s=now_s,
            proof=("sham: size zero, nothing was done",),
        )

    def undo(self, applied: Applied, /) -> bool:  # noqa: ARG002 (the protocol's argument)
        """Nothing was done, so nothing is needed."""
        return False

    def is_clean(self, applied: Applied, /) -> Proof:
        """Look as after a fault if there is a looker, else say that nothing was done."""
        if self._looker is None:
            return ("sham: size zero, nothing to undo",)
        return self._looker.is_clean(applied)
