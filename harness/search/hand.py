"""Harms a simulated system at the very instant, and takes it back: no proof lets time pass.

Comes in: faults by their number in the schedule. Goes out: for each whether anything met it, told once it is
over. A hook takes its time like any program, one at a time; what it could not undo is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

import msgspec

from harness.faults.effects import (
    Blackhole,
    Corrupt,
    Cut,
    Delay,
    EdgeEffect,
    Hook,
    Kill,
    Mutate,
    Pause,
    Refuse,
    Relabel,
    Reset,
    Shift,
    Slice,
    Surge,
    Throttle,
    WrongBody,
)
from harness.proxy.spec import EdgeState, ToxicCounters
from harness.run.virtual import VirtualWitness
from harness.search.schedule import Fault
from harness.simulation.kernel import State
from harness.simulation.processes import Life
from harness.targets.local.evidence import did
from harness.targets.local.hooks import Said
from harness.targets.local.toxics import toxic_of
from harness.targets.simulation.system import SimulatedSystem

AGAIN_S = 0.5
"""A hook that failed to undo is asked again so much later."""
HOOK_S = 6.0
"""What a hook may take; it gives up calls of its own after 5 s."""
UNDO_TRIES = 30


@dataclass(slots=True)
class Held:
    """One fault from its begin to its end. Instants are the kernel's; ``ended_s`` None: it is in force.

    ``absent``: what it is on is not there in this arm. ``asked``: its hook has been asked to undo it;
    ``stays``: and never did.
    """

    fault: Fault
    began_s: float
    ended_s: float | None = None
    met: bool = False
    absent: bool = False
    asked: bool = False
    stays: bool = False
    why: str = ""
    life: Life | None = None
    before: EdgeState | None = None
    shows: str = ""
    tries: int = 0


@dataclass(slots=True)
class _Call:
    """A call of a hook that is under way."""

    number: int
    verb: str
    told: list[bytes | Exception]
    late_s: float


@dataclass(slots=True)
class Hand:
    """All faults of one episode. ``held``: by number, what has begun."""

    system: SimulatedSystem
    witness: VirtualWitness
    held: dict[int, Held] = field(default_factory=dict)
    _waiting: list[tuple[float, int, str]] = field(default_factory=list)
    _call: _Call | None = None

    def begin(self, number: int, fault: Fault) -> None:
        """Do it now."""
        held = self.held[number] = Held(fault, self.system.kernel.now_s)
        effect = fault.effect
        match effect:
            case Kill() | Pause():
                self._hit(held, effect)
            case Mutate():
                self.witness.order_on(number)
            case Hook():
                self._begin_hook(number, held)
            case Surge() | Shift() | Relabel():
                raise ValueError(f"a schedule holds no {effect.__struct_config__.tag}")
            case _:
                self._harm_edge(number, held, effect)

    def end(self, number: int) -> None:
        """Undo it now; a hook is asked to, and is over once it has."""
        held = self.held[number]
        if held.ended_s is not None or held.asked:
            return
        effect = held.fault.effect
        match effect:
            case Kill():
                self._over(held)
            case Pause():
                self._go_on(held, effect)
            case Mutate():
                self.witness.order_off(number)
                self._over(held)  # whether a record was touched the taint ledger says later
            case Hook():
                held.asked = True
                self._waiting.append((self.system.kernel.now_s, number, "undo"))
            case Surge() | Shift() | Relabel():
                raise ValueError(f"a schedule holds no {effect.__struct_config__.tag}")
            case _:
                self._mend_edge(number, held, effect)

    def busy(self) -> bool:
        """Whether anything is in force or on its way."""
        return any(held.ended_s is None for held in self.held.values())

    def attend(self) -> None:
        """Take what hooks have said, and let the next begin; to be called often."""
        now_s, call = self.system.kernel.now_s, self._call
        for held in self.held.values():
            if isinstance(held.fault.effect, Pause) and held.ended_s is None and _is_dead(held.life):
                self._over(held, "somebody ended the process")
        if call is not None and (call.told or now_s >= call.late_s):
            self._call = None
            said = call.told[0] if call.told else TimeoutError(f"not done after {HOOK_S:g} s")
            self._told(call, said)
        if self._call is None and (due := [one for one in self._waiting if one[0] <= now_s]):
            self._waiting.remove(due[0])
            self._ask(*due[0][1:])

    # processes

    def _hit(self, held: Held, effect: Kill | Pause) -> None:
        process = self.system.processes.get(effect.service)
        if process is None:
            held.absent = True
            self._over(held, f"no {effect.service} in this arm")
            return
        held.life = process.life
        if isinstance(effect, Kill):
            held.met = process.kill()
            self._over(held, "" if held.met else "it was dead already")
        else:
            held.met = process.stop()
            if not held.met:
                self._over(held, "it did not run")

    def _go_on(self, held: Held, effect: Pause) -> None:
        process = self.system.processes[effect.service]
        if process.life is held.life:
            process.go_on()
        self._over(held)

    # edges

    def _harm_edge(self, number: int, held: Held, effect: EdgeEffect) -> None:
        edge = self.system.proxy.edges.get(effect.edge)
        if edge is None:
            held.absent = True
            self._over(held, f"no edge {effect.edge} in this arm")
            return
        held.before = edge.state()
        edge.add(toxic_of(effect, _name(number)))

    def _mend_edge(self, number: int, held: Held, effect: EdgeEffect) -> None:
        edge = self.system.proxy.edges[effect.edge]
        held.met = held.before is not None and _met(effect, _name(number), held.before, edge.state())
        edge.remove(_name(number))
        self._over(held, "" if held.met else "nothing crossed the edge meanwhile")

    # hooks

    def _begin_hook(self, number: int, held: Held) -> None:
        others = (one for one in self.held.values() if one is not held and one.ended_s is None)
        if any(isinstance(one.fault.effect, Hook) for one in others):
            self._over(held, "another hook was in force")  # each undoes what it found, so two cannot cross
        else:
            self._waiting.append((self.system.kernel.now_s, number, "do"))

    def _ask(self, number: int, verb: str) -> None:
        effect = self.held[number].fault.effect
        if isinstance(effect, Hook):
            words = (verb, effect.action, repr(effect.scale), repr(effect.shift))
            told = self.system.call_hook(effect.hook, words)
            self._call = _Call(number, verb, told, self.system.kernel.now_s + HOOK_S)

    def _told(self, call: _Call, said: bytes | Exception) -> None:
        held, now_s = self.held[call.number], self.system.kernel.now_s
        if call.verb == "do":
            if isinstance(said, bytes):
                held.met, held.shows = True, _shown(said)
            else:
                held.why = f"the hook failed: {type(said).__name__}: {said}"[:200]
            return
        held.tries += 1
        if isinstance(said, bytes):
            self._over(held)
        elif held.tries < UNDO_TRIES:
            self._waiting.append((now_s + AGAIN_S, call.number, "undo"))
        else:
            held.stays, held.why = True, f"never undone: {type(said).__name__}: {said}"[:200]
            self._over(held)

    def _over(self, held: Held, why: str = "") -> None:
        held.ended_s = self.system.kernel.now_s
        held.why = held.why or why


def _name(number: int) -> str:
    return f"fault-{number}"


def _is_dead(life: Life | None) -> bool:
    return life is None or life.state == State.DEAD


def _shown(said: bytes) -> str:
    """The version, or whatever else, that shows what a hook did."""
    seen = msgspec.json.decode(said, type=Said).seen
    return seen.equals if seen is not None else ""


def _met(effect: EdgeEffect, name: str, before: EdgeState, after: EdgeState) -> bool:
    """Whether traffic met a toxic: it counts what it touches, but for doors that nobody gets through."""
    counted, since = after.counters.toxics[name], before.counters
    match effect:
        case Refuse() | Blackhole():
            # Who is turned away nobody counts: met is an edge that was in use until then.
            return counted.connections > 0 or since.connections > 0
        case Delay() | Throttle() | Cut() | Slice() | Corrupt() | WrongBody() | Reset():
            return counted.chunks > 0 and did(effect, counted, ToxicCounters())
        case _:
            assert_never(effect)
