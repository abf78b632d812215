"""Harm to one process of a service: kill and pause, with proof from outside the injector.

Comes in: ``Kill`` or ``Pause``. Goes out: ``Applied``. Only processes are hit that the supervisor lists, that
started at the tick it names and that carry this run's token; a reused pid gets no signal.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import assert_never

from harness.errors import NothingToHit, Refused, Unsafe
from harness.experiment.model import RUNNING
from harness.faults.effects import Kill, Pause, ProcessEffect
from harness.shell import monotonic_s, sleep_until
from harness.targets.base import Applied, Prepared, Proof, WithoutEffect
from harness.targets.local.kernel import is_gone, pinned
from harness.targets.local.looks import look, refuses, silence
from harness.targets.local.loops import worker_below
from harness.targets.local.procfs import carriers, carries, descendants, is_stopped
from harness.targets.local.spec import ServiceState
from harness.targets.local.system import LocalSystem
from harness.targets.local.undo import Facts, undo_of
from harness.targets.local.wiring import RUN_VARIABLE

SILENT_S = 0.1
POLL_S = 0.002


class ProcessHarm:
    """Harm to processes of a started system. ``seen_within_s`` bounds every look for a proof."""

    def __init__(self, system: LocalSystem, seen_within_s: float) -> None:
        self._system = system
        self._seen_within_s = seen_within_s

    def prepare(self, effect: ProcessEffect) -> Prepared:
        """Name the process that will be hit, and how that is undone; ``Refused`` if there is none."""
        row = self._system.service(effect.service)
        if row.pid == 0:
            raise NothingToHit(f"{row.name} has no process to hit: it is {row.state}")
        facts = Facts(
            platform=self._system.platform_address,
            run=(RUN_VARIABLE, self._system.run_token),
            pid=row.pid,
            start_ticks=row.start_ticks,
            ready_port=row.port,
            ready_route=self._system.running[row.name].readiness,
        )
        verb, arguments = undo_of(effect, facts)
        return Prepared(
            effect=effect, verb=verb, arguments=arguments, pid=row.pid, start_ticks=row.start_ticks
        )

    def apply(self, effect: ProcessEffect, prepared: Prepared | None) -> Applied:
        """Hit the process and prove it; ``WithoutEffect`` if it is not the one that was prepared."""
        row = self._system.service(effect.service)
        if prepared and (row.pid, row.start_ticks) != (prepared.pid, prepared.start_ticks):
            raise WithoutEffect(f"{row.name} has another process than the one to be hit; no signal was sent")
        match effect:
            case Kill():
                return self._kill(effect, row)
            case Pause():
                return self._pause(effect, row)
            case _:
                assert_never(effect)

    def undo(self, applied: Applied, effect: ProcessEffect) -> bool:
        """Let a paused process go on, then make sure that the service runs; True if either was needed."""
        resumed = isinstance(effect, Pause) and self._resume(applied)
        return self._make_ready(effect.service) or resumed

    def holds(self, applied: Applied) -> bool:
        """Say whether the effect is in force: the process is stopped, or the one that was killed is gone."""
        if isinstance(applied.effect, Kill):
            return True
        try:
            with pinned(applied.pid, applied.start_ticks):
                return is_stopped(applied.pid)
        except ProcessLookupError:
            return False

    def look_at(self, name: str) -> Proof:
        """Look at the service's port and at every process of this run; ``Unsafe`` if a fault is still seen.

        Neither the supervisor nor ``undo`` is asked: the service answers a fresh request, and no process that
        carries the run's token is stopped.
        """
        port, route = self._system.ports[name], self._system.running[name].readiness
        if route == RUNNING:
            return f"{name} runs as pid {self._running_pid(name)}", self._none_stopped()
        answer = look(port, route, 1.0)
        until_s = monotonic_s() + self._seen_within_s
        while answer.status != 200 and monotonic_s() < until_s:
            sleep_until(monotonic_s() + POLL_S)
            answer = look(port, route, 1.0)
        if answer.status != 200:
            raise Unsafe(f"{name} is not ready: {answer.why or f'status {answer.status}'}")
        proven = self._none_stopped()
        boot_id = look(port, self._system.running[name].health_route, 1.0).boot_id
        return f"{name} answers {route} on port {port} with 200, boot id {boot_id or 'none'}", proven

    def _none_stopped(self) -> str:
        stopped = [pid for pid in carriers(RUN_VARIABLE, self._system.run_token) if is_stopped(pid)]
        if stopped:
            raise Unsafe(f"processes of this run are still stopped: {stopped}")
        return "no process of this run is in state T"

    def _running_pid(self, name: str) -> int:
        """Find a process of this run's service ``name`` in the process table: it has no port to ask."""
        found: list[int] = []

        def is_there() -> bool:
            found[:] = self._of_service(name)
            return bool(found)

        if not self._seen(is_there):
            raise Unsafe(f"{name} does not run: the process table shows none of it")
        return found[0]

    def _of_service(self, name: str) -> list[int]:
        """Pids of what the supervisor started as ``name``, or of what works below a loop of the user's."""
        mine = [
            pid for pid in carriers(RUN_VARIABLE, self._system.run_token) if carries(pid, "SERVICE", name)
        ]
        below = {pid for one in mine for pid in descendants(one)}
        roots = [pid for pid in mine if pid not in below]
        if not (worker := self._system.running[name].worker):
            return roots
        found = (worker_below(root, worker, self._system.ports[name]) for root in roots)
        return [one.pid for one in found if one is not None]

    def _kill(self, effect: Kill, row: ServiceState) -> Applied:
        with self._mine(row) as handle:
            asked_at_s = monotonic_s()
            until_s = asked_at_s + self._seen_within_s  # for both looks: a step may not take twice as long
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            if not is_gone(handle, self._seen_within_s):
                raise WithoutEffect(f"pid {row.pid} of {row.name} is still there after SIGKILL")
            effective_at_s = monotonic_s()
        try:
            gone = f"pid {row.pid} is gone (pidfd)"
            portless = self._system.running[row.name].readiness == RUNNING
            proof = (gone,) if portless else (gone, self._port_after_kill(row, until_s))
        except WithoutEffect:
            self._make_ready(row.name)
            raise
        return _applied(effect, row, asked_at_s=asked_at_s, effective_at_s=effective_at_s, proof=proof)

    def _port_after_kill(self, row: ServiceState, until_s: float) -> str:
        """How the port shows that the old process is gone; ``WithoutEffect`` if an old one answers.

        It is looked at once at least, until ``until_s``.
        """
        health = self._system.running[row.name].health_route
        while True:
            if refuses(row.port):
                return f"port {row.port} refuses"
            now = self._system.service(row.name)
            if now.state == "orphaned":
                return f"port {row.port} is kept by an orphan of a former life"
            answer = look(row.port, health, 1.0)
            if answer.boot_id and answer.boot_id != row.boot_id:
                return f"port {row.port} answers with the new boot id {answer.boot_id}"
            if not row.boot_id and answer.status and now.pid not in (0, row.pid):
                return f"port {row.port} answers, and the supervisor has a new pid"
            if monotonic_s() >= until_s:
                seen = answer.why or f"status {answer.status}, boot id {answer.boot_id or 'none'}"
                why = f"pid {row.pid} of {row.name} was killed, but port {row.port} shows: {seen}"
                raise WithoutEffect(why)
            sleep_until(monotonic_s() + POLL_S)

    def _pause(self, effect: Pause, row: ServiceState) -> Applied:
        health = self._system.running[row.name].health_route
        with self._mine(row) as handle:
            asked_at_s = monotonic_s()
            signal.pidfd_send_signal(handle, signal.SIGSTOP)
            try:
                if not self._seen(lambda: is_stopped(row.pid)):
                    raise WithoutEffect(f"pid {row.pid} of {row.name} is not in state T after SIGSTOP")
                effective_at_s = monotonic_s()
                why_not = "" if health == RUNNING else silence(row.port, health, SILENT_S)
                if why_not:
                    raise WithoutEffect(f"pid {row.pid} of {row.name} is stopped, but {why_not}")
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGCONT)
                raise
        stopped = f"every thread of pid {row.pid} is in state T"
        silent = f"port {row.port} accepts and sends no byte within {SILENT_S:g} s"
        proof = (stopped,) if health == RUNNING else (stopped, silent)
        return _applied(effect, row, asked_at_s=asked_at_s, effective_at_s=effective_at_s, proof=proof)

    @contextlib.contextmanager
    def _mine(self, row: ServiceState) -> Iterator[int]:
        """Hold the service's process, checked to be the one that the supervisor started for this run."""
        if row.pid == 0:
            raise NothingToHit(f"{row.name} has no process to hit: it is {row.state}")
        try:
            with pinned(row.pid, row.start_ticks) as handle:
                if not carries(row.pid, RUN_VARIABLE, self._system.run_token):
                    raise Refused(f"pid {row.pid} does not carry this run's token; no signal was sent")
                yield handle
        except ProcessLookupError as error:
            raise NothingToHit(f"{row.name} is no longer {error}; no signal was sent") from error

    def _make_ready(self, name: str) -> bool:
        """True if the service had to be started; waits until it is ready either way."""
        row = self._system.service(name)
        needed = row.state in ("stopped", "backoff")
        try:
            if row.state == "orphaned":
                needed = True
                self._system.client.act(name, "restart")  # ends the orphan first
                self._system.wait_ready(name)
            elif needed:
                self._system.start_service(name)
            elif row.state == "starting":
                needed = self._wait_or_restart(name)
        except Refused as error:
            raise Unsafe(f"undo: {error}") from error
        return needed

    def _wait_or_restart(self, name: str) -> bool:
        """Wait until it is ready; True if it had to be restarted: a loop of the user's may have given up."""
        try:
            self._system.wait_ready(name)
        except Refused:
            if not self._system.running[name].worker and self._system.service(name).state != "orphaned":
                raise
            self._system.client.act(name, "restart")
            self._system.wait_ready(name)
            return True
        return False

    def _resume(self, applied: Applied) -> bool:
        """SIGCONT to the very process that was paused; True if it was still stopped."""
        try:
            with pinned(applied.pid, applied.start_ticks) as handle:
                if not is_stopped(applied.pid):
                    return False
                signal.pidfd_send_signal(handle, signal.SIGCONT)
                if not self._seen(lambda: not is_stopped(applied.pid)):
                    raise Unsafe(f"pid {applied.pid} is still in state T after SIGCONT")
        except ProcessLookupError:
            return False
        return True

    def _seen(self, looks_so: Callable[[], bool]) -> bool:
        until_s = monotonic_s() + self._seen_within_s
        while not looks_so():
            if monotonic_s() > until_s:
                return False
            sleep_until(monotonic_s() + POLL_S)
        return True


def _applied(
    effect: ProcessEffect, row: ServiceState, *, asked_at_s: float, effective_at_s: float, proof: Proof
) -> Applied:
    return Applied(
        effect=effect,
        pid=row.pid,
        start_ticks=row.start_ticks,
        boot_id=row.boot_id,
        asked_at_s=asked_at_s,
        effective_at_s=effective_at_s,
        proof=proof,
    )
