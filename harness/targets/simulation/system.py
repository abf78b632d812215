"""A system in a simulated world: its processes, whoever keeps them, and the wires between.

Comes in: a system file's ``System``, an arm, what one life of a service runs. Goes out: the same rows and
ledger that a supervisor of real processes gives. The platform is a process of the world, too: services that
the file calls ``platform: true`` reach it over an edge of their own, and it is never hit by a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

import msgspec

from harness.errors import Refused
from harness.experiment.model import Arm, System
from harness.simulation.disk import Disk
from harness.simulation.hosts import Host, Parts
from harness.simulation.kernel import Kernel
from harness.simulation.loop import Sleep
from harness.simulation.network import Answer, Network
from harness.simulation.processes import Life, Process
from harness.targets.local.desk import Desk
from harness.targets.local.keeper import Platform
from harness.targets.local.ledger import Ledger, Line
from harness.targets.local.profiles import RestartProfile
from harness.targets.local.spec import ServiceSpec, ServiceState
from harness.targets.simulation.costs import ServiceCost, request_costs
from harness.targets.simulation.crossing import SimulatedProxy
from harness.targets.simulation.machine import SimulatedMachine

PLATFORM = "platform"
WITNESS = "driver"
READY_S = 60.0
"""How much virtual time a system may take until all of it is ready."""
_STEP_S = 0.05
_FIRST_PORT = 1
_SECRET = "of a world that nobody else can reach"

_LATENCY_S = 0.0002
HOOK = "hook"

Main = Callable[[Host], Coroutine[None, None, None]]
HookMain = Callable[[Host, tuple[str, ...]], Coroutine[None, None, bytes]]
"""What a hook does: its words are verb, action, scale, shift; it gives what the program would print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPlace:
    """What a simulated system is made of. ``restart`` False: the arm without a platform that acts.

    ``hook``: does what the hooks of the system file do. ``pace_s``: a service that looks again and again
    waits so long at least, ``watch_s``: the platform.
    """

    system: System
    arm: Arm
    profile: RestartProfile
    restart: bool
    main: Main
    hook: HookMain | None = None
    costs: Mapping[str, ServiceCost] = field(default_factory=dict)
    pace_s: float = 0.0
    watch_s: float = 0.0


class _Order(msgspec.Struct, frozen=True):
    """What a service asks of the platform."""

    asker: str
    key: str


class SimulatedSystem:
    """One system of a world. ``start`` lets time pass until it is ready; ``close`` ends all its lives."""

    def __init__(self, kernel: Kernel, place: SimulatedPlace) -> None:
        self.kernel = kernel
        self.network = Network(kernel, latency_s=_LATENCY_S)
        self.system = place.system
        self._place = place
        self._parts = Parts(
            kernel=kernel, network=self.network, costs=request_costs(place.costs), pace_s=place.pace_s
        )
        services = place.system.services_of(place.arm)
        if not services:
            raise Refused(f"{place.system.name} has no service in arm {place.arm}")
        self.processes = {name: Process(kernel, name, self._live) for name in services}
        self._disks = {name: Disk(kernel.stream(f"disk {name}")) for name in services}
        self._hook_disk = Disk(kernel.stream(f"disk {HOOK}"))
        self._specs = tuple(
            ServiceSpec(
                name=name,
                entry=one.entry,
                command=one.command,
                port=port,
                readiness=one.readiness,
                health=one.health_route,
                after=tuple(other for other in one.after if other in services),
                start_timeout_s=one.start_timeout_s,
                platform=one.platform,
            )
            for port, (name, one) in enumerate(services.items(), _FIRST_PORT)
        )
        edges = (name for name, ends in self.system.all_edges.items() if self._joins(ends.source, ends.to))
        self.proxy = SimulatedProxy(kernel, edges, seed=kernel.seed, latency_s=_LATENCY_S)
        self.network.crossings.update(self.proxy.edges)
        self._hook = Process(kernel, HOOK, self._hooked)
        self._words: tuple[str, ...] = ()
        self._told: list[bytes | Exception] = []
        self._ledger = Ledger()
        self._desk: Desk | None = None
        self._machine: SimulatedMachine | None = None
        self._broken: list[BaseException] = []
        self._platform = Process(kernel, PLATFORM, self._keep)

    def start(self) -> None:
        """Start all services in their order; ``Refused`` where one is not ready in time."""
        self._platform.start()
        until_s = self.kernel.now_s + READY_S
        late = [*self.processes]
        while late:
            if self._broken:
                raise self._broken[0]
            if self.kernel.now_s >= until_s:
                raise Refused(f"not ready after {READY_S:g} s in {self.system.name}: {', '.join(late)}")
            self.kernel.run(until_s=self.kernel.now_s + _STEP_S)
            late = [row.name for row in self.services() if row.state != "ready"]

    def services(self) -> tuple[ServiceState, ...]:
        """All services as the platform sees them now; () before the start."""
        return tuple(keeper.row() for keeper in self._desk.keepers.values()) if self._desk else ()

    def service(self, name: str) -> ServiceState:
        """One service by name; ``Refused`` names the known ones."""
        for row in self.services():
            if row.name == name:
                return row
        raise Refused(f"no service '{name}' in {self.system.name}; there are: {', '.join(self.processes)}")

    def ledger(self, after: int = 0) -> tuple[Line, ...]:
        """What the platform did and saw, lines above number ``after``."""
        return tuple(self._ledger.after(after))

    def start_service(self, name: str) -> None:
        """Let the platform start ``name`` if it does not run, as the runner asks for it."""
        platform, desk = self._platform.life, self._desk
        if platform is None or desk is None:
            raise Refused(f"{self.system.name} has not been started")
        platform.call_soon(lambda: platform.create_task(desk.act(name, "start", asker="")))

    def witness_host(self, life: Life) -> Host:
        """What the driver can reach: the edges at which the world enters the system."""
        return self._host(life, Disk(self.kernel.stream(f"disk {life.name}")))

    def close(self) -> None:
        """End all of it; nothing of a life runs afterwards."""
        for process in (self._hook, self._platform, *self.processes.values()):
            process.close()

    async def _live(self, life: Life) -> None:
        cost = self._place.costs.get(life.name)
        try:
            if cost is not None:
                await Sleep(life, life.time() + cost.boot_s)
            await self._place.main(self._host(life, self._disks[life.name]))
        except Exception as error:  # noqa: BLE001 - whatever it is, it ended this process
            self._failed(life, error)

    def _host(self, life: Life, disk: Disk) -> Host:
        edges = {
            edge: ends.to
            for edge, ends in self.system.all_edges.items()
            if ends.source == life.name and self._joins(ends.source, ends.to)
        }
        service = self.system.services.get(life.name)
        if service is not None and service.platform:
            edges[PLATFORM] = PLATFORM
        switch = self.system.arms.get(self._place.arm)
        given = {**(service.env if service else {}), **(switch.env if switch else {})}
        own = {name: value.replace("{secret}", _SECRET) for name, value in given.items()}
        return Host(
            self._parts,
            life,
            disk,
            edges=edges,
            environment=own,
            exited=lambda error: self._failed(life, error),
        )

    def _joins(self, source: str, to: str) -> bool:
        """Whether both ends of an edge are there in this arm."""
        return to in self.processes and (source in self.processes or source == WITNESS)

    def call_hook(self, name: str, words: tuple[str, ...]) -> list[bytes | Exception]:
        """Let a hook begin; what it prints, or how it fails, is in the list once it is over.

        ``Refused`` where there is no such hook.
        """
        if name not in self.system.hooks or self._place.hook is None:
            known = ", ".join(self.system.hooks)
            raise Refused(f"no hook '{name}' in {self.system.name} when it is simulated; there are: {known}")
        self._hook.kill()
        self._words, self._told = words, []
        self._hook.start()
        return self._told

    async def _hooked(self, life: Life) -> None:
        hook, told = self._place.hook, self._told
        if hook is None:
            return
        host = Host(
            self._parts,
            life,
            self._hook_disk,
            edges={name: name for name in self.processes},
            environment={},
            exited=told.append,  # type: ignore[arg-type]
            disks=self._disks,
        )
        try:
            told.append(await hook(host, self._words))
        except Exception as error:  # noqa: BLE001 - whatever it is, the hook has failed by it
            told.append(error)

    def _failed(self, life: Life, error: BaseException) -> None:
        life.failed(error)
        if self._machine is not None:
            self._machine.failed(life.name)

    async def _keep(self, life: Life) -> None:
        place = self._place
        exit_s = {name: cost.exit_s for name, cost in place.costs.items()}
        self._machine = machine = SimulatedMachine(life, self.network, self.processes, exit_s)
        platform = Platform(
            machine=machine,
            ledger=self._ledger,
            profile=_at_pace(place.profile, place.watch_s),
            restart=place.restart,
        )
        self._desk = desk = Desk(self._specs, platform, self._broken.append)

        async def answer(route: str, body: bytes) -> Answer:
            return await _answered(desk, route, body)

        self.network.serve(life, answer)
        await desk.boot()
        await life.create_future()


def _at_pace(profile: RestartProfile, watch_s: float) -> RestartProfile:
    """The profile with no look more often than the pace, but at what begins; 0 still is never."""
    liveness_s = profile.liveness_period_s
    return msgspec.structs.replace(
        profile,
        watch_period_s=max(profile.watch_period_s, watch_s),
        liveness_period_s=max(liveness_s, watch_s) if liveness_s else 0.0,
    )


async def _answered(desk: Desk, route: str, body: bytes) -> Answer:
    """The supervisor's protocol, as far as a service may use it."""
    if route == "GET /v1/services":
        return Answer(200, desk.rows(), {})
    name = route.removeprefix("POST /v1/services/").removesuffix("/restart")
    if name not in desk.keepers:
        return Answer(404, b"", {})
    order = msgspec.json.decode(body, type=_Order)
    try:
        # No grace, as over HTTP: what a healer restarts says nothing any more.
        row = await desk.act(name, "restart", asker=order.asker, key=order.key, grace_s=0.0)
    except Refused as refused:
        return Answer(409, str(refused).encode(), {})
    return Answer(200, row, {})
