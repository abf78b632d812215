"""What is offered and checked: one small protocol for requests, streams and tables.

A *unit* has an id, a due instant and a weight. ``submit`` hands a parcel of units over,
``collect`` finds each unit's answer, ``check`` judges one answer by value alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Protocol

import msgspec


class Unit(msgspec.Struct, frozen=True, gc=False):
    """One unit of work. ``due_s`` counts from the first slot; ``golden`` is its one right decision or "".

    ``posterior`` is P(y = 1 | x) of its record under the world as it is; NaN where unknown. ``reference`` is
    what the system as prepared would decide about it: 1 declines, 0 does not, -1 where unknown.
    ``posterior_before`` and ``reference_before`` are those of this unit, had the world not moved.

    ``label`` is what will turn out to be true: 0, 1, or -1 where nobody will know. ``label_wait`` times the
    spread of the scenario is what its label takes beyond the least delay; ``explored``: it is looked into
    whatever was decided; ``label_faults``: episodes that touch the label if it falls due while they are on.
    """

    number: int
    id: str
    stream: int
    due_s: float
    weight: float = 1.0
    golden: str = ""
    posterior: float = nan
    reference: int = -1
    posterior_before: float = nan
    reference_before: int = -1
    label: int = -1
    label_wait: float = 0.0
    explored: bool = False
    label_faults: tuple[int, ...] = ()


class Parcel(msgspec.Struct, frozen=True, gc=False):
    """Units handed over together, ready to send; ``fresh`` asks for a connection of its own.

    Without a body there is nothing to send, unless ``instead`` is in force. ``keys``: the ids of the records
    in the body, in their order.
    """

    due_s: float
    units: tuple[Unit, ...]
    body: bytes
    fresh: bool = False
    instead: Change | None = None
    keys: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True, gc=False):
    """What is offered in a parcel's place while ``episode`` is on.

    ``touched`` are the ids of the changed, added or withheld records, in order; ``taint`` their lines
    for the ledger. A parcel without units (a duplicate) is sent outside of the rows.
    """

    episode: int
    parcel: Parcel
    touched: tuple[str, ...]
    taint: bytes


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What came back for a parcel. ``fault`` is a word of ``REASONS``, or "" when something came.

    Instants are monotonic seconds; ``status`` is 0 where there is none. ``handed``: the whole request was
    written to a connection that had been accepted, whatever came back.
    """

    sent_s: float
    ended_s: float
    fault: str = ""
    status: int = 0
    body: bytes = b""
    boot_id: str = ""
    handed: bool = False


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What came back for one unit; ``content`` is None where nothing readable did."""

    fault: str
    status: int
    content: Mapping[str, object] | None


class Finding(msgspec.Struct, frozen=True, gc=False):
    """The judgement of one unit: outcome and reason as in ``harness.history.observations``.

    ``score`` in [0, 1] is the share of the unit that is right (content only, not time);
    ``probability`` is the score of the answer, NaN where there is none;
    ``accepted`` means that the system said for certain that it keeps the unit, ``dead_letter`` that it
    keeps it among the dead letters, ``declined`` that it decided ``DECLINE``.
    """

    outcome: int
    reason: str
    status: int = 0
    score: float = 0.0
    digest: int = 0
    version: str = ""
    accepted: bool = False
    dead_letter: bool = False
    declined: bool = False
    probability: float = nan


class Workload(Protocol):
    """One archetype of work against one system."""

    async def submit(self, parcel: Parcel, /) -> Reply:
        """Hand a parcel over; a transport failure is a reply with ``fault``, not an exception."""
        ...

    def collect(self, parcel: Parcel, reply: Reply, /) -> list[Answer]:
        """Find the answer of every unit of ``parcel``, in its order."""
        ...

    def check(self, unit: Unit, answer: Answer, latency_s: float, /) -> Finding:
        """Judge one answer that came ``latency_s`` after the unit was due."""
        ...
