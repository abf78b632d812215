"""Harm to one simulated process: kill and pause, proven over the wire like any other.

Comes in: ``Kill`` or ``Pause``. Goes out: ``Applied``; its ``effective_at_s`` is the very instant.
"""

from __future__ import annotations

from typing import assert_never

from harness.errors import NothingToHit, Unsafe
from harness.faults.effects import Kill, Pause, ProcessEffect
from harness.simulation.kernel import State
from harness.targets.base import Applied, Prepared, Proof, WithoutEffect
from harness.targets.local.spec import ServiceState
from harness.targets.simulation.looker import Looker
from harness.targets.simulation.system import SimulatedSystem

SILENT_S = 0.1
_POLL_S = 0.01


class SimulatedHarm:
    """Harm to processes of a started system. ``seen_within_s``: how long a look may take, virtual."""

    def __init__(self, system: SimulatedSystem, looker: Looker, seen_within_s: float) -> None:
        self._system = system
        self._looker = looker
        self._seen_within_s = seen_within_s

    def apply(self, effect: ProcessEffect, _: Prepared | None = None) -> Applied:
        """Hit the process and prove it; ``Refused`` if there is none, ``WithoutEffect`` if it is not seen."""
        row = self._system.service(effect.service)
        life = self._system.processes[effect.service].life
        if row.pid == 0 or life is None or life.key != row.pid:
            raise NothingToHit(f"{row.name} has no process to hit: it is {row.state}")
        match effect:
            case Kill():
                return self._kill(effect, row)
            case Pause():
                return self._pause(effect, row)
            case _:
                assert_never(effect)

    def _kill(self, effect: Kill, row: ServiceState) -> Applied:
        at_s = self._system.kernel.now_s
        if not self._system.processes[row.name].kill():
            raise WithoutEffect(f"{row.boot_id} had ended before it was killed")
        answer = self._looker.look(row.name, self._health(row.name), self._seen_within_s)
        if answer.boot_id == row.boot_id and answer.status:
            raise WithoutEffect(f"{row.boot_id} was killed and still answers")
        shown = f"answers as {answer.boot_id}" if answer.status else answer.why
        return _applied(effect, row, at_s=at_s, proof=(f"{row.boot_id} is dead", f"{row.name}: {shown}"))

    def _pause(self, effect: Pause, row: ServiceState) -> Applied:
        at_s, process = self._system.kernel.now_s, self._system.processes[row.name]
        if not process.stop():
            raise WithoutEffect(f"{row.boot_id} did not run when it was stopped")
        answer = self._looker.look(row.name, self._health(row.name), SILENT_S)
        if answer.status or answer.why != "timeout":
            process.go_on()
            raise WithoutEffect(f"{row.boot_id} is stopped, but {answer.why or answer.status}")
        silent = f"{row.name} accepts and sends nothing within {SILENT_S:g} s"
        return _applied(effect, row, at_s=at_s, proof=(f"{row.boot_id} is stopped", silent))

    def undo(self, applied: Applied, effect: ProcessEffect) -> bool:
        """Let a paused process go on, then make sure that the service runs; True if either was needed."""
        process = self._system.processes[effect.service]
        life = process.life
        resumed = (
            isinstance(effect, Pause) and life is not None and life.key == applied.pid and process.go_on()
        )
        return self._make_ready(effect.service) or resumed

    def holds(self, applied: Applied) -> bool:
        """Whether the process is still stopped; one that was killed stays so."""
        effect = applied.effect
        if not isinstance(effect, Pause):
            return True
        life = self._system.processes[effect.service].life
        return life is not None and life.key == applied.pid and life.state == State.STOPPED

    def look_at(self, name: str) -> Proof:
        """Look at the service and at all processes; ``Unsafe`` if a fault is still seen."""
        route = self._system.system.services[name].readiness
        answer = self._looker.look(name, route, 1.0)
        late_s = self._system.kernel.now_s + self._seen_within_s
        while answer.status != 200 and self._system.kernel.now_s < late_s:
            self._system.kernel.run(until_s=self._system.kernel.now_s + _POLL_S)
            answer = self._looker.look(name, route, 1.0)
        if answer.status != 200:
            raise Unsafe(f"{name} is not ready: {answer.why or f'status {answer.status}'}")
        lives = {one: process.life for one, process in self._system.processes.items()}
        stopped = [one for one, life in lives.items() if life is not None and life.state == State.STOPPED]
        if stopped:
            raise Unsafe(f"processes of this world are still stopped: {', '.join(stopped)}")
        boot_id = self._looker.look(name, self._health(name), 1.0).boot_id
        return f"{name} answers {route} with 200, boot id {boot_id or 'none'}", "no process is stopped"

    def _make_ready(self, name: str) -> bool:
        needed = self._system.service(name).state in ("stopped", "backoff")
        if needed:
            self._system.start_service(name)
        limit_s = self._system.system.services[name].start_timeout_s
        if not self._looker.until(
            lambda: self._system.service(name).state not in ("starting", "stopped", "backoff"), limit_s
        ):
            raise Unsafe(f"undo: {name} is {self._system.service(name).state} after {limit_s:g} s")
        return needed

    def _health(self, name: str) -> str:
        return self._system.system.services[name].health_route


def _applied(effect: ProcessEffect, row: ServiceState, *, at_s: float, proof: Proof) -> Applied:
    return Applied(
        effect=effect,
        pid=row.pid,
        start_ticks=row.start_ticks,
        boot_id=row.boot_id,
        asked_at_s=at_s,
        effective_at_s=at_s,
        proof=proof,
    )
