"""What one episode showed: what the healer did, what the faults met, and which invariants broke.

Goes out of the player and into search and shrinker; plain data, so that a worker can send it.
"""

from __future__ import annotations

import itertools
from typing import Literal

import msgspec

from harness.search.schedule import Event

Invariant = Literal["exactly_once", "served", "worse_than_none", "alias", "cause", "bounded", "alarm"]


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Signature(_Frozen, frozen=True, kw_only=True):
    """Which invariant broke, and what it is stuck in: coarse words, the same for the same failure."""

    invariant: Invariant
    stuck: str


class Broken(_Frozen, frozen=True, kw_only=True):
    """One broken invariant; ``detail`` is for people and decides nothing."""

    signature: Signature
    detail: str


class Met(_Frozen, frozen=True, kw_only=True):
    """What became of one fault of the schedule, in its order. Instants in seconds after the warm-up.

    ``began_s`` None: it never began, ``why`` says so. ``met`` False: it did, and nothing met it, so what
    happened then is no evidence about it.
    """

    began_s: float | None
    ended_s: float | None
    met: bool
    why: str


class Seen(_Frozen, frozen=True, kw_only=True, array_like=True):
    """An event of the healer, ``at_s`` seconds after the warm-up: when it was seen from outside."""

    event: Event
    at_s: float


class Outcome(_Frozen, frozen=True, kw_only=True):
    """One episode. ``transitions``: what the healer's journal says, as kind and coarse target, in order.

    ``lost``: units of the witness that were not served, of ``units``; ``near``: invariants that nearly broke.
    ``void``: why nothing can be said of it, "" = something can. ``digest``: over every event of its world.
    """

    arm: str
    transitions: tuple[str, ...]
    seen: tuple[Seen, ...]
    met: tuple[Met, ...]
    near: tuple[str, ...]
    broken: tuple[Broken, ...]
    units: int
    lost: int
    acts: int
    void: str
    digest: str
    virtual_s: float
    events: int

    def signatures(self) -> frozenset[Signature]:
        """What broke, without its details."""
        return frozenset(one.signature for one in self.broken)


def features_of(outcome: Outcome) -> frozenset[str]:
    """What an episode covers: pairs of consecutive transitions, and what nearly broke.

    Single transitions guide no better than chance; pairs hold which came before which.
    """
    path = ("begin", *outcome.transitions, "end")
    pairs = (f"{one} > {other}" for one, other in itertools.pairwise(path))
    return frozenset((*pairs, *(f"near {one}" for one in outcome.near)))
