"""One service's life: started, watched until ready, watched while it runs, restarted as its profile says.

Comes in: a ``ServiceSpec`` and calls to start and stop. Goes out: processes, lines in the ledger, a state.
One task a service lives through all its processes; each process has one watching task that ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import Refused
from harness.targets.local.ledger import Ledger
from harness.targets.local.looks import Answer
from harness.targets.local.machine import Child, Machine
from harness.targets.local.profiles import RestartProfile, RestartState, after_exit
from harness.targets.local.spec import ServiceSpec, ServiceState

STOP_GRACE_S = 2.0
PROBE_TIMEOUT_S = 1.0
# A port that somebody else holds is not worth more than ten looks a second.
HELD_RETRY_S = 0.1

State = Literal["stopped", "starting", "ready", "unready", "backoff", "orphaned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What all keepers share. ``restart`` False: nothing is restarted and nothing probed for liveness."""

    machine: Machine
    ledger: Ledger
    profile: RestartProfile
    restart: bool


class Keeper:
    """Keeps one service. ``failed`` is told if the life's task itself breaks."""

    def __init__(
        self, spec: ServiceSpec, platform: Platform, failed: Callable[[BaseException], None]
    ) -> None:
        self.spec = spec
        self._platform = platform
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._life: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()  # ends a back-off
        self._idle = asyncio.Event()  # no process
        self._settled = asyncio.Event()  # a start has led to a process, a refusal or the end
        self._wanted = False
        self._child: Child | None = None
        self._boot_id = ""
        self._boot_ids: set[str] = set()
        self._starts = 0
        self._orphan = 0  # who of a former life keeps the port, as far as that was told
        self._state: State = "stopped"
        self._since_s = self._loop.time()
        self.was_ready = asyncio.Event()

    @property
    def _restarts(self) -> bool:
        """Whether we are the one who starts it again when it has ended."""
        return self._platform.restart

    def row(self) -> ServiceState:
        """The service as it is now."""
        child = self._child
        return ServiceState(
            name=self.spec.name,
            state=self._state,
            pid=child.pid if child else 0,
            start_ticks=child.start_ticks if child else 0,
            boot_id=self._boot_id,
            port=self.spec.port,
            restarts=max(self._starts - 1, 0),
            since_s=self._since_s,
        )

    async def start(self) -> None:
        """Start it if it does not run, also out of a back-off; ``Refused`` if its port is not free."""
        async with self._lock:
            if self._child is not None:
                if self._platform.machine.has(self._child):
                    return
                await self._idle.wait()  # it is dead, we have only not heard yet
            self._settled.clear()
            if self._life is not None and not self._life.done():
                self._wake.set()
            else:
                self._end_orphans()
                self._platform.machine.check_port(self.spec)
                self._wanted = True
                self._life = asyncio.create_task(self._live(), name=self.spec.name)
                self._life.add_done_callback(self._note_end)
            await self._settled.wait()

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """SIGTERM, SIGKILL after ``grace_s`` (0: at once); it stays stopped."""
        async with self._lock:
            self._wanted = False
            if self._life is not None and not self._life.done():
                self._wake.set()
                if self._child is not None:
                    await self._end(self._child, grace_s)
                await self._life
                self._note("stopped")
            self._end_orphans()

    def _end_orphans(self) -> None:
        """End what a former life left on the port: nobody of now could serve. A stranger is left alone."""
        for pid in self._platform.machine.end_orphans(self.spec):
            self._note("orphan_ended", pid=pid)
        self._orphan = 0

    async def abandon(self) -> None:
        """Stop looking after it, at once; whoever calls ends the process."""
        self._wanted = False
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])

    async def _end(self, child: Child, grace_s: float) -> None:
        if grace_s > 0:
            self._platform.machine.signal(child.pid, signal.SIGTERM)
            await asyncio.wait([child.exited], timeout=grace_s)
        if not child.exited.done():
            self._platform.machine.signal(child.pid, signal.SIGKILL)
            await child.exited

    async def _live(self) -> None:
        policy = RestartState()
        while self._wanted:
            started_at_s = self._loop.time()
            try:
                self._platform.machine.check_port(self.spec)
                child = await self._spawn()
            except Refused as refused:
                self._note("refused", detail=str(refused))
                self._look_for_orphans()
                policy, wait_s = self._next(policy, started_at_s, self._loop.time())
                wait_s = max(wait_s, HELD_RETRY_S)
                self._settled.set()
            else:
                ended_at_s = await self._until_exit(child)
                policy, wait_s = self._next(policy, child.started_at_s, ended_at_s)
            if not (self._restarts and self._wanted):
                break
            await self._back_off(wait_s)
        self._enter("stopped")

    def _next(
        self, policy: RestartState, started_at_s: float, exited_at_s: float
    ) -> tuple[RestartState, float]:
        return after_exit(self._platform.profile, policy, started_at_s=started_at_s, exited_at_s=exited_at_s)

    def _look_for_orphans(self, root: int = 0) -> bool:
        """Whether a process of a former life keeps the port; it is told once."""
        found = self._platform.machine.orphans(self.spec, root)
        if found and self._orphan not in found:
            self._orphan = found[0]
            self._note("orphan", pid=found[0], detail=f"of a former life, keeps port {self.spec.port}")
        if found:
            self._enter("orphaned")
        elif self._orphan:
            self._orphan = 0
            self._enter("starting")
        return bool(found)

    async def _back_off(self, wait_s: float) -> None:
        if wait_s <= 0:
            return
        if not self._orphan:
            self._enter("backoff")
        self._note("backoff", detail=f"{wait_s:g}")
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait_s)

    async def _spawn(self) -> Child:
        child = await self._platform.machine.spawn(self.spec)
        self._child, self._boot_id, self._orphan = child, "", 0
        self._idle.clear()
        self._settled.set()
        self._enter("starting")
        self._note_start(child)
        return child

    def _note_start(self, child: Child) -> None:
        self._starts += 1
        self._note("started", at_s=child.started_at_s)

    def _note_exit(self, child: Child, at_s: float, detail: str) -> None:  # noqa: ARG002 - others name it
        self._note("exited", at_s=at_s, detail=detail)

    async def _until_exit(self, child: Child) -> float:
        """Watch the process until it ends; gives the instant."""
        if not self._wanted:  # stopped while it was being forked
            self._platform.machine.signal(child.pid, signal.SIGKILL)
        watching = asyncio.create_task(self._watch(child))
        first: list[asyncio.Future[Any]] = [child.exited, watching]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        try:
            if watching.done():
                watching.result()  # raises if the watch itself broke
            end = await child.exited
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        detail = f"code {end.code}" if end.code >= 0 else _signal_name(-end.code)
        if not self.was_ready.is_set():
            # Now, not when somebody asks: the next process writes to the same log.
            detail += self._platform.machine.last_words(self.spec.name)
        self._note_exit(child, end.at_s, detail)
        self._child, self._boot_id = None, ""
        self._idle.set()
        self._enter("starting" if self._restarts and self._wanted else "stopped")
        return end.at_s

    async def _watch(self, child: Child) -> None:
        if not await self._become_ready(child):
            return
        async with asyncio.TaskGroup() as watches:
            watches.create_task(self._watch_readiness())
            if self._restarts and self._platform.profile.liveness_period_s > 0:
                watches.create_task(self._watch_liveness(child))

    async def _become_ready(self, child: Child) -> bool:
        """Probe until the new process answers; False if liveness gave it up before that."""
        give_up_s = child.started_at_s + self.spec.start_timeout_s
        patient = not self._restarts or self._platform.profile.liveness_period_s == 0
        while not await self._is_ready():
            if not patient and self._loop.time() > give_up_s:
                self._note("liveness_failed", detail=f"not ready within {self.spec.start_timeout_s:g} s")
                self._kill(child)
                return False
            await asyncio.sleep(self._platform.profile.readiness_period_s)
        self._boot_ids.add(self._boot_id)
        self._enter("ready")
        self._note("ready")
        self.was_ready.set()
        return True

    async def _is_ready(self) -> bool:
        answer = await self._look(self.spec.readiness)
        if answer.status != 200:
            return False
        health = await self._look(self.spec.health)
        if not self._is_new(health):
            return False
        self._boot_id = health.boot_id
        return True

    def _is_new(self, health: Answer) -> bool:
        """An old boot id is an orphan's. None at all is good only in a foreign program that never had one."""
        if health.status == 0:
            return False
        if health.boot_id:
            return health.boot_id not in self._boot_ids
        return bool(self.spec.command) and self._boot_ids <= {""}

    async def _watch_readiness(self) -> None:
        while True:
            profile = self._platform.profile
            await asyncio.sleep(max(profile.readiness_period_s, profile.watch_period_s))
            answer = await self._look(self.spec.readiness)
            self._enter("ready" if answer.status == 200 else "unready")

    async def _watch_liveness(self, child: Child) -> None:
        profile = self._platform.profile
        failures = 0
        while failures < profile.liveness_failures:
            await asyncio.sleep(profile.liveness_period_s)
            answer = await self._platform.machine.look(
                self.spec.port, self.spec.health, profile.liveness_timeout_s
            )
            if answer.status == 200:
                failures = 0
                continue
            failures += 1
            why = answer.why or f"status {answer.status}"
            self._note("liveness_failed", detail=f"{failures} of {profile.liveness_failures}: {why}")
        self._kill(child)

    def _look(self, route: str) -> Awaitable[Answer]:
        return self._platform.machine.look(self.spec.port, route, PROBE_TIMEOUT_S)

    def _kill(self, child: Child) -> None:
        self._note("killed")
        self._platform.machine.signal(child.pid, signal.SIGKILL)

    def _enter(self, state: State) -> None:
        if state != self._state:
            self._state, self._since_s = state, self._loop.time()

    def _note(self, act: str, *, at_s: float | None = None, pid: int | None = None, detail: str = "") -> None:
        whose = self.row().pid if pid is None else pid
        ledger = self._platform.ledger
        ledger.note(self.spec.name, act, at_s=at_s, pid=whose, boot_id=self._boot_id, detail=detail)

    def _note_end(self, life: asyncio.Task[None]) -> None:
        if life is self._life:  # callbacks run late: a start may have begun the next life already
            self._settled.set()
        if not life.cancelled() and (error := life.exception()) is not None:
            self._failed(error)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
