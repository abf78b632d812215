"""The toxics in force on one edge, what each connection meets of them, and what they did; pure.

Comes in: toxics to add and remove, connections that open. Goes out: stages in their lanes, counters, and how
the port must behave. Real connections (``edges``) and simulated ones are touched by these lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, Protocol

from harness.errors import Refused
from harness.proxy.spec import ToxicCounters, ToxicSpec, Way
from harness.proxy.toxics.base import Dice, Stage
from harness.proxy.toxics.content import Watch
from harness.proxy.toxics.table import DRAWN_INSIDE, Active, Place

Mode = Literal["open", "refuse", "blackhole"]
"""How a port meets new connections."""

# A connection counts when a chunk, an answer or its first byte was hit, not when it could be.
_COUNTS_ITSELF = DRAWN_INSIDE | {"reset_peer"}


class NameTaken(Refused):
    """The edge has a toxic of that name."""


class ActedLane(Protocol):
    """One direction of a connection; ``opening`` is what was the first to pass."""

    way: Way
    opening: bytes

    def add(self, name: str, stage: Stage, /) -> None:
        """Put a stage on it."""
        ...

    def remove(self, name: str, /) -> None:
        """Take a stage off; what it held goes on."""
        ...


class Joined(Protocol):
    """A connection, number ``number`` of its edge; ``over``: it has ended."""

    number: int
    over: bool

    @property
    def lanes(self) -> Mapping[Way, ActedLane]:
        """Its two directions."""
        ...

    def reset(self) -> None:
        """End it with RST."""
        ...


class Acting:
    """The toxics of the edge ``name``; ``generation`` counts their changes."""

    def __init__(self, name: str, seed: int) -> None:
        self.generation = 0
        self._name = name
        self._seed = seed
        self._toxics: dict[str, tuple[Active, int]] = {}
        self._added = 0

    def __bool__(self) -> bool:
        return bool(self._toxics)

    def __iter__(self) -> Iterator[ToxicSpec]:
        return (active.spec for active, _ in self._toxics.values())

    def put(self, spec: ToxicSpec) -> None:
        """Put a toxic in force for connections that open from now on; ``NameTaken`` if there is one."""
        if spec.name in self._toxics:
            raise NameTaken(f"edge {self._name} has a toxic {spec.name} already")
        self._added += 1
        self._toxics[spec.name] = Active(spec), self._added
        self.generation += 1

    def reach(self, name: str, links: Iterable[Joined], now_s: float) -> None:
        """Let the toxic of that name act on connections that are there already."""
        active, ordinal = self._toxics[name]
        for link in links:
            self._touch(link, active, ordinal, now_s=now_s, existing=True)

    def meet(self, link: Joined, now_s: float) -> None:
        """Let all toxics act on a connection that opens."""
        for active, ordinal in self._toxics.values():
            self._touch(link, active, ordinal, now_s=now_s, existing=False)

    def drop(self, name: str, links: Iterable[Joined]) -> bool:
        """Take a toxic off; False if there is none. What it held is delivered, in order."""
        if self._toxics.pop(name, None) is None:
            return False
        self.generation += 1
        for link in links:
            for lane in link.lanes.values():
                lane.remove(name)
        return True

    def mode(self) -> Mode:
        """How the port must meet new connections."""
        kinds = {spec.type for spec in self}
        return "refuse" if "refuse" in kinds else "blackhole" if "blackhole" in kinds else "open"

    def counters(self) -> dict[str, ToxicCounters]:
        """What each toxic has touched, by name."""
        return {name: active.tally.counters() for name, (active, _) in self._toxics.items()}

    def _touch(self, link: Joined, active: Active, ordinal: int, *, now_s: float, existing: bool) -> None:
        """Let a toxic act on a connection, if the draw says so."""
        name = (self._seed, self._name, ordinal, link.number)
        if link.over or not active.touches(Dice(*name)):
            return
        if existing:
            active.tally.kept(link.number)
        if active.spec.type == "refuse" or (active.spec.type == "reset_peer" and existing):
            active.tally.connection(link.number)
            link.reset()
            return
        if active.spec.type not in _COUNTS_ITSELF:
            active.tally.connection(link.number)
        watch = Watch()
        for lane in link.lanes.values():
            place = Place(
                way=lane.way,
                number=link.number,
                dice=Dice(*name, lane.way),
                opening=lane.opening,
                now_s=now_s,
                watch=watch,
            )
            stage = active.stage(place)
            if stage is not None:
                stage.kept = existing
                lane.add(active.spec.name, stage)
