"""What an arm plugs into the request path: how hops are asked, and who answers when they fail.

``service`` knows these protocols alone. The arm ``reference`` is made in ``hops`` and ``fallback``,
the arm ``seed`` in ``seed.path``; ``deploy.local`` chooses by ``HEALING``. Without an :class:`InPath`
nothing in the path heals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec

from reference_pipeline.ports import Clock
from reference_pipeline.records import Decided

Answered = TypeVar("Answered")
_ACTS_MAX = 10_000  # of one life of the gateway; older ones are forgotten first


class Ask(msgspec.Struct, Generic[Answered], frozen=True):
    """One question to a hop. ``read`` turns the reply's body into the answer, or raises CallFailed.

    ``hops_left`` counts this hop and those after it in the same request, which share its time.
    """

    edge: str
    route: str
    body: bytes
    read: Callable[[bytes], Answered]
    hops_left: int = 1


class Hops(Protocol):
    """The way to other services."""

    async def ask(self, ask: Ask[Answered], until_s: float, /) -> Answered:
        """Get the answer before ``until_s``, the end of the whole request.

        Raises:
            CallFailed: there is no usable answer; the request goes on without this hop.
        """
        ...

    def signals(self) -> Mapping[str, float]:
        """Numbers for ``/signals``; names that end in ``_total`` only grow."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Records that cannot be decided as they should, by id, in order.

    ``rows`` are their feature rows where the features hop did answer. ``broken`` names, by id, the
    fields that break the contract (missing or invalid); empty after a failed hop.
    """

    records: Mapping[str, msgspec.Raw]
    rows: Sequence[msgspec.Raw] | None = None
    broken: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Fallback(Protocol):
    """Who answers when a hop failed or a record is broken; takes no time and asks nobody."""

    def decide(self, lost: Lost, /) -> list[Decided]:
        """Decide all of ``lost`` in order, each ``degraded``; an empty list says that it cannot."""
        ...

    def learn(self, decided: Sequence[Decided], /) -> None:
        """See decisions that were made as they should."""
        ...


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that in-path healing switched; ``effect`` false: nothing that serves was changed."""

    seq: int
    at_s: float
    act: str
    detail: str
    effect: bool


class Acts:
    """What in-path healing did in this life of the gateway, for ``GET /acts``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._acts: list[Act] = []
        self._seq = 0

    def note(self, act: str, detail: str, *, effect: bool = True) -> None:
        """Write down that ``act`` was done now."""
        self._seq += 1
        now_s = self._clock.now_s()
        self._acts.append(Act(seq=self._seq, at_s=now_s, act=act, detail=detail, effect=effect))
        del self._acts[:-_ACTS_MAX]

    def page(self, after: int, limit: int) -> list[Act]:
        """Give at most ``limit`` acts with a seq above ``after``, in order."""
        first = self._seq - len(self._acts) + 1
        start = max(0, after + 1 - first)
        return self._acts[start : start + limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class InPath:
    """An arm's healing in the request path; ``repairs``: fields declared so are coerced before the check."""

    hops: Hops
    fallback: Fallback
    acts: Acts
    repairs: bool = True
