"""A process of the pipeline in a simulated world: wired as on a real machine, over what the world gives.

Comes in: a ``Host``, one life of one process. Goes out: a coroutine that serves as long as that life lasts.
``simulation:`` of the system file names :func:`serve`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from reference_pipeline.deploy.calls import answered
from reference_pipeline.deploy.simulation.disks import Disk, SimulatedFolder, SimulatedStore
from reference_pipeline.deploy.simulation.fits import MemoTrainer
from reference_pipeline.deploy.template import Template
from reference_pipeline.deploy.wiring import Place, Wired, wire
from reference_pipeline.folders import Folder
from reference_pipeline.healing.policy import PolicySource
from reference_pipeline.healing.ports import Platform, PlatformService
from reference_pipeline.ports import JSON_HEADERS, Beside, CallFailed, CallRefused, Ports, Reply
from reference_pipeline.registry import LOGS, Registry
from reference_pipeline.trainings import Trainer

T = TypeVar("T")
_REFUSED = frozenset({"refused", "reset"})
PLATFORM_EDGE = "platform"
_LIST_S, _RESTART_S = 1.0, 10.0  # as over HTTP


class Answer(NamedTuple):
    """An HTTP answer, as the world carries it."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Dice(Protocol):
    """Dice of one life."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


class Host(Protocol):
    """What a simulated world gives to one life of a process."""

    name: str
    boot_id: str
    environment: Mapping[str, str]

    @property
    def disk(self) -> Disk:
        """The disk of its host."""
        ...

    def has_edge(self, edge: str) -> bool:
        """Whether there is a way over ``edge``."""
        ...

    def now_s(self) -> float:
        """Monotonic seconds."""
        ...

    async def sleep_s(self, seconds: float) -> None:
        """Let others run for so long."""
        ...

    async def rest_s(self, seconds: float) -> float:
        """Wait for the next of many looks, at the pace of the world; gives how long."""
        ...

    async def burn(self, seconds: float) -> None:
        """Use the processor for so long."""
        ...

    def dice(self) -> Dice:
        """Dice of this life."""
        ...

    def spawn(self, make: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run something beside; the process ends where it raises."""
        ...

    async def call(self, edge: str, route: str, body: bytes, deadline_s: float) -> tuple[int, bytes, object]:
        """Call over an edge; ConnectionError with a ``kind`` where there is no answer."""
        ...

    def serve(self, handle: Callable[[str, bytes], Awaitable[Answer]]) -> None:
        """Answer requests from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Shared:
    """What all processes of all worlds of one template share: read once, and never changed."""

    template: Template
    policy: PolicySource


Wiring = Callable[[str, Place], Wired]
"""Puts a service together: ``wiring.wire``, or one that puts something else in the place of a part."""


async def serve(host: Host, shared: Shared, wiring: Wiring = wire) -> None:
    """Start the service that ``host`` is named after and serve for ever."""
    place = SimulatedPlace(host, shared)
    wired = wiring(host.name, place)
    ports = Ports(
        service=host.name,
        boot_id=host.boot_id,
        call=_Calls(host),
        store=SimulatedStore(host.disk, "store", wired.logs),
        clock=_Clock(host),
        spawn=host.spawn,
    )
    service = wired.build(ports)
    await service.start()
    shown = {"x-boot-id": host.boot_id}
    usual = {**JSON_HEADERS, **shown}

    async def handle(route: str, body: bytes) -> Answer:
        reply = await service.handle(route, body)
        headers = usual if reply.headers is JSON_HEADERS else {**reply.headers, **shown}
        return Answer(reply.status, reply.body, headers)

    host.serve(handle)
    await asyncio.get_running_loop().create_future()  # until this life is over


class SimulatedPlace:
    """A process of a simulated world; see ``wiring.Place``."""

    def __init__(self, host: Host, shared: Shared) -> None:
        self._host = host
        self._shared = shared
        self.template = shared.template

    def setting(self, name: str, default: str = "", /) -> str:
        """See ``wiring.Place``."""
        return self._host.environment.get(name, default)

    def has_edge(self, edge: str, /) -> bool:
        """See ``wiring.Place``."""
        return self._host.has_edge(edge)

    def dice(self) -> Callable[[], float]:
        """See ``wiring.Place``."""
        return self._host.dice().random

    def registry(self) -> Registry:
        """See ``wiring.Place``; the first life begins with what the system was prepared with."""
        disk = self._host.disk
        registry = Registry(SimulatedStore(disk, "registry", LOGS), SimulatedFolder(disk, "artefacts"))
        if not registry.aliases():
            for version, artefact in self.template.versions:
                registry.put(artefact, version.semantic, version.metrics, version.lineage)
            for alias in self.template.aliases:
                registry.set_alias(alias.alias, alias.version)
        return registry

    def trainings(self) -> tuple[Folder, Trainer]:
        """See ``wiring.Place``."""
        folder = SimulatedFolder(self._host.disk, "trainings")
        return folder, MemoTrainer(folder, self._host.sleep_s)

    def beside(self) -> Beside:
        """See ``wiring.Place``."""
        return _here

    def platform(self) -> Platform:
        """See ``wiring.Place``."""
        return _Platform(self._host)

    def policy(self) -> PolicySource:
        """See ``wiring.Place``."""
        return self._shared.policy


async def _here(work: Callable[[], T], /) -> T:
    """The Beside port: the same work, here."""
    return work()


class _Clock:
    """The Clock port."""

    def __init__(self, host: Host) -> None:
        self.now_s = host.now_s
        self.sleep_s = host.sleep_s
        self.rest_s = host.rest_s


class _Calls:
    """The Call port: what the wire says, in the words of a call."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        if not self._host.has_edge(edge):
            raise CallFailed(f"{edge}: no address")
        try:
            status, content, _ = await self._host.call(edge, route, body, deadline_s)
        except ConnectionError as error:
            kind = str(getattr(error, "kind", "other"))
            raise (CallRefused if kind in _REFUSED else CallFailed)(f"{edge}: {kind}") from error
        return answered(edge, status, content)


class _Platform:
    """The Platform port: over an edge of its own to whoever keeps the processes."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def services(self) -> Sequence[PlatformService]:
        return msgspec.json.decode(
            await self._ask("GET /v1/services", b"", _LIST_S), type=list[PlatformService]
        )

    async def restart(self, name: str, key: str, /) -> None:
        order = msgspec.json.encode({"asker": self._host.name, "key": key})
        await self._ask(f"POST /v1/services/{name}/restart", order, _RESTART_S)

    async def _ask(self, route: str, body: bytes, within_s: float) -> bytes:
        try:
            status, content, _ = await self._host.call(PLATFORM_EDGE, route, body, within_s)
        except ConnectionError as error:
            raise CallFailed(f"platform: {getattr(error, 'kind', 'other')}") from error
        if status != 200:
            raise CallFailed(f"platform: {route}: status {status}")
        return content
