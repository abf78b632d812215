"""Which toxic is which stage: the one table.

Comes in: a toxic in force and one direction of one connection. Goes out: its stage there, or None where it
has none (``refuse`` closes the listener, ``reset_peer`` needs only the first bytes of the caller).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from harness.proxy.http1 import Framer
from harness.proxy.spec import ToxicSpec, Way
from harness.proxy.toxics.base import Dice, Stage, Tally
from harness.proxy.toxics.content import Corrupt, Watch, WatchRequests, WrongBody
from harness.proxy.toxics.timing import Bandwidth, Bucket, Drop, Latency, ResetAtFirstByte, Slicer

# Drawn per chunk or per answer, inside the stage; all others are drawn once a connection.
DRAWN_INSIDE = frozenset({"corrupt", "wrong_body"})
# They act on the listener, so a share of the connections means nothing to them.
ON_LISTENER = frozenset({"blackhole", "refuse"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a stage stands: a direction of a connection, its dice, and what was the first to pass there.

    ``watch`` is one for both directions.
    """

    way: Way
    number: int
    dice: Dice
    opening: bytes
    now_s: float
    watch: Watch


class Active:
    """A toxic in force on one edge: what its stages on all connections share."""

    def __init__(self, spec: ToxicSpec) -> None:
        self.spec = spec
        self.tally = Tally()
        rate_bytes_s = spec.number("rate") * 1024.0 or 1.0
        self._buckets = {"upstream": Bucket(rate_bytes_s), "downstream": Bucket(rate_bytes_s)}

    def touches(self, dice: Dice) -> bool:
        """Draw whether it touches a connection at all; what lies on the listener touches each."""
        if self.spec.type in DRAWN_INSIDE | ON_LISTENER:
            return True
        return dice.uniform() < self.spec.toxicity

    def stage(self, place: Place) -> Stage | None:
        """Make its stage for one direction of one connection."""
        spec = self.spec
        match spec.type:
            case "latency":
                return self._latency(place)
            case "bandwidth":
                return self._on(place, Bandwidth(self.tally, self._buckets[place.way]))
            case "cut":
                return self._on(place, Stage(self.tally))
            case "blackhole":
                return Stage(self.tally)
            case "slicer":
                pause_s = spec.number("delay") / 1e3
                return self._on(place, Slicer(self.tally, int(spec.number("size")), pause_s))
            case "timeout":
                return self._on(place, Drop(self.tally, spec.number("timeout") / 1e3, place.now_s))
            case "reset_peer":
                return ResetAtFirstByte(self.tally, place.number) if place.way == "upstream" else None
            case "corrupt":
                return self._corrupt(place)
            case "wrong_body":
                return self._wrong_body(place)
            case "refuse":
                return None
            case _:
                assert_never(spec.type)

    def _on(self, place: Place, stage: Stage) -> Stage | None:
        return stage if place.way in self.spec.ways() else None

    def _corrupt(self, place: Place) -> Stage | None:
        framer, share = Framer(place.way, place.opening), self.spec.toxicity
        stage = Corrupt(self.tally, framer, toxicity=share, number=place.number, dice=place.dice)
        return self._on(place, stage)

    def _wrong_body(self, place: Place) -> Stage:
        if place.way == "upstream":
            return WatchRequests(self.tally, place.watch)
        framer, share = Framer(place.way, place.opening), self.spec.toxicity
        stage = WrongBody(self.tally, framer, toxicity=share, number=place.number, dice=place.dice)
        return stage.replace_by(self.spec.body(), place.watch)

    def _latency(self, place: Place) -> Stage | None:
        """Both ways: half the latency and half the jitter each, so that the round trip grows by the whole."""
        share = 1e-3 / len(self.spec.ways())
        length_s, jitter_s = self.spec.number("latency") * share, self.spec.number("jitter") * share
        return self._on(place, Latency(self.tally, length_s, jitter_s, place.dice))
