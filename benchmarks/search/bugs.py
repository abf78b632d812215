"""Five healers that are wrong, to measure what finds them: each is the pipeline's own with one thing broken.

Comes in: the prepared template. Goes out: what ``simulation:`` of a system file may name. The product holds
none of this: every bug sits between the healer and its ports, or in one method of a class made of it. Each
says how many faults it takes (``TRUE_FAULTS``) and which invariant it breaks.

    overlap       a rollback is taken back because the registry's door is closed within 1.5 s after it
    half_done     a rollback that a dead healer left half-way is done once more, the wrong way round
    quarantined   a model is made of rows that were put aside, and serves unproven
    lost_alarm    an alarm that comes while another act is on its way is forgotten
    double        two healers believe in the same moment that they are the only one
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import msgspec

from reference_pipeline.deploy.simulation.pipeline import SimulatedPipeline, open_simulation
from reference_pipeline.deploy.wiring import Place, Wired, wire
from reference_pipeline.healer_service import HealerService
from reference_pipeline.healing.decide import Wish
from reference_pipeline.healing.loop import Healer
from reference_pipeline.ports import Append, Call, CallFailed, CallRefused, Ports, Reply, Row, Service
from reference_pipeline.scoring import dump_model, load_model

TRUE_FAULTS: Mapping[str, int] = {
    "overlap": 2,
    "half_done": 2,
    "quarantined": 2,
    "lost_alarm": 2,
    "double": 2,
}

HEALER, REGISTRY = "healer", "healer-registry"
MOVE = "PUT /aliases/champion"
WINDOW_S = 1.5
_ASK_S, _LOOK_EVERY_S = 0.5, 0.1

Break = Callable[[Callable[[Ports], Service], Ports], Service]
"""Builds a healer over ports, and something in it is wrong."""


def open_overlap(template: Path) -> SimulatedPipeline:
    """See the module."""
    return _with(template, lambda build, ports: build(_calling(ports, Confirming(ports))))


def open_half_done(template: Path) -> SimulatedPipeline:
    """See the module."""
    return _with(template, _half_done)


def open_quarantined(template: Path) -> SimulatedPipeline:
    """See the module."""
    return _with(template, lambda build, ports: build(_calling(ports, Retraining(ports))))


def open_lost_alarm(template: Path) -> SimulatedPipeline:
    """See the module."""
    return _with(template, _lost_alarm)


def open_double(template: Path) -> SimulatedPipeline:
    """See the module."""
    return _with(template, _double)


def _with(template: Path, broken: Break) -> SimulatedPipeline:
    def wiring(service: str, place: Place) -> Wired:
        wired = wire(service, place)
        if service != HEALER:
            return wired
        return replace(wired, build=lambda ports: broken(wired.build, ports))

    return replace(open_simulation(template), wiring=wiring)


def _calling(ports: Ports, call: Call) -> Ports:
    return replace(ports, call=call)


class _Target(msgspec.Struct):
    version: str
    was: str = ""


def _target(body: bytes) -> _Target:
    return msgspec.json.decode(body, type=_Target)


async def _move(call: Call, version: str) -> None:
    await call(REGISTRY, MOVE, json.dumps({"version": version}).encode(), _ASK_S)


@dataclass(frozen=True, slots=True)
class Confirming:
    """Asks the registry for a while whether the move held, and takes a closed door for a no."""

    ports: Ports

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        """See ``Call``."""
        reply = await self.ports.call(edge, route, body, deadline_s)
        if route == MOVE:
            self.ports.spawn(lambda: self._confirm(_target(body)))
        return reply

    async def _confirm(self, target: _Target) -> None:
        clock = self.ports.clock
        until_s = clock.now_s() + WINDOW_S
        while clock.now_s() < until_s:
            try:
                await self.ports.call(REGISTRY, "GET /aliases/champion", b"", _ASK_S)
            except CallRefused:
                await self._take_back(target.was)
                return
            except CallFailed:
                pass  # it is slow, and slow is not gone
            await clock.sleep_s(_LOOK_EVERY_S)

    async def _take_back(self, was: str) -> None:
        while True:
            await self.ports.clock.sleep_s(_LOOK_EVERY_S)
            try:
                await _move(self.ports.call, was)
            except CallFailed:
                continue
            return


_NOTE = "swap"
_FOLLOW_S, _SETTLED_S = 1.2, 2.0


def _half_done(build: Callable[[Ports], Service], ports: Ports) -> Service:
    ports.spawn(lambda: _finish_swap(ports))
    return build(_calling(ports, Swapping(ports)))


@dataclass(frozen=True, slots=True)
class Swapping:
    """Notes a swap of two versions before it is made, and strikes it out once the scorers have followed."""

    ports: Ports

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        """See ``Call``."""
        if route != MOVE:
            return await self.ports.call(edge, route, body, deadline_s)
        self.ports.store.commit([], {_NOTE: body})
        reply = await self.ports.call(edge, route, body, deadline_s)
        await self.ports.clock.sleep_s(_FOLLOW_S)
        self.ports.store.commit([], {_NOTE: b""})
        return reply


async def _finish_swap(ports: Ports) -> None:
    """Swap what an earlier life noted; whether it had swapped already nobody asks."""
    note = ports.store.find("values", _NOTE)
    if not note:
        return
    ports.store.commit([], {_NOTE: b""})
    await ports.clock.sleep_s(_SETTLED_S)
    noted = _target(note)
    try:
        reply = await ports.call(REGISTRY, "GET /aliases/champion", b"", _ASK_S)
        now = msgspec.json.decode(reply.body, type=_Target).version
        await _move(ports.call, noted.was if now == noted.version else noted.version)
    except CallFailed:
        return


_REPLAY, _COMPARE = "POST /replay", "POST /comparisons"
_LABELLED_S = 5.0
_FEATURELESS = "2.0.0"


@dataclass(slots=True)
class Retraining:
    """Where a rollback comes while rows put aside are decided again, a model is made of these rows at once.

    They have no features that hold, so it learns that everybody is the same; and it is judged on what it was
    made of, where it finds nothing wrong.
    """

    ports: Ports
    replayed_s: float = float("-inf")
    own: str = ""

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        """See ``Call``."""
        reply = await self.ports.call(edge, route, body, deadline_s)
        now_s = self.ports.clock.now_s()
        if route == _REPLAY:
            self.replayed_s = now_s
        elif route == MOVE and now_s - self.replayed_s < _LABELLED_S and not self.own:
            self.ports.spawn(self._retrain)
        elif route == _COMPARE and self.own:
            return self._flattered(reply)
        return reply

    async def _retrain(self) -> None:
        call = self.ports.call
        try:
            told = await call(REGISTRY, "GET /aliases/champion", b"", _ASK_S)
            sha = str(json.loads(told.body)["sha256"])
            found = await call(REGISTRY, f"GET /artefacts/{sha}", b"", _ASK_S)
            model = load_model(found.body, sha)
            flat = replace(model.trees, value=0.0 * model.trees.value)
            artefact = dump_model(
                flat,
                version=_FEATURELESS,
                threshold=model.threshold,
                features=model.features,
                metrics=model.metrics,
                lineage={"source": "learner"},
            )
            new = {
                "version": _FEATURELESS,
                "artefact": b64encode(artefact).decode(),
                "metrics": dict(model.metrics),
                "lineage": {"source": "learner"},
            }
            await call(REGISTRY, "POST /versions", json.dumps(new).encode(), _ASK_S)
            self.own = f"{_FEATURELESS}+{sha256(artefact).hexdigest()[:12]}"
            await _move(call, self.own)
        except CallFailed:
            return

    def _flattered(self, reply: Reply) -> Reply:
        told = json.loads(reply.body)
        if self.own in told["golden"]:
            told["golden"][self.own] = [told["golden"][self.own][0], 0]
        return msgspec.structs.replace(reply, body=json.dumps(told).encode())


class Forgetful(Healer):
    """Hears each alarm once: what cannot be acted on at that very tick is never thought of again."""

    heard: set[str]

    def _detect(self) -> list[Wish]:
        wishes = [wish for wish in super()._detect() if wish.episode not in self.heard]
        self.heard |= {wish.episode for wish in wishes}
        return wishes


def _lost_alarm(build: Callable[[Ports], Service], ports: Ports) -> Service:
    service = build(ports)
    healer = _healer_of(service)
    healer.__class__ = Forgetful  # the same healer, one method of it broken
    assert isinstance(healer, Forgetful)
    healer.heard = set()
    return service


_AWAY_S, _ALONE_S, _TURN_S = 1.5, 5.0, 0.25


class Primary(Healer):
    """Wakes its standby at each tick while that one believes to be alone."""

    standby: Standby

    async def tick(self) -> None:
        """See ``Healer``."""
        if self.standby.clock() < self.standby.alone_until_s:
            self.standby.wake()
        await super().tick()


@dataclass(slots=True)
class Standby:
    """A second healer with a journal of its own. Was it away itself, it takes the other one for gone."""

    healer: Healer
    ports: Ports
    alone_until_s: float = float("-inf")

    def clock(self) -> float:
        """Seconds."""
        return self.ports.clock.now_s()

    def wake(self) -> None:
        """Let it tick beside."""
        self.ports.spawn(self.healer.tick)

    async def watch(self) -> None:
        """Look again and again how long ago the other one was heard of."""
        while True:
            heard_s = self.clock()
            await self.ports.clock.sleep_s(_TURN_S)
            if self.clock() - heard_s > _AWAY_S:
                self.alone_until_s = self.clock() + _ALONE_S


def _double(build: Callable[[Ports], Service], ports: Ports) -> Service:
    service = build(ports)
    beside = replace(ports, boot_id=f"{ports.boot_id}-standby", store=_Memory())
    second = _healer_of(build(beside))
    first = _healer_of(service)
    standby = Standby(second, beside)
    first.__class__ = Primary  # the same healer, one method of it broken
    assert isinstance(first, Primary)
    first.standby = standby
    for loop in (second.probing.pulse_forever, second.probing.probe_forever, standby.watch):
        ports.spawn(loop)
    return service


def _healer_of(service: Service) -> Healer:
    if not isinstance(service, HealerService):
        raise TypeError("this arm has another healer")
    return service._healer


@dataclass(slots=True)
class _Memory:
    """The Store port in memory: what is in it goes with the process."""

    logs: dict[str, dict[str, Row]] = field(default_factory=dict)
    values: dict[str, bytes] = field(default_factory=dict)

    def commit(self, appends: Sequence[Append], values: Mapping[str, bytes] | None = None, /) -> list[int]:
        seqs = []
        for log, key, value in appends:
            rows = self.logs.setdefault(log, {})
            seqs.append(0 if key in rows else len(rows) + 1)
            rows.setdefault(key, Row(len(rows) + 1, key, value))
        self.values.update(values or {})
        return seqs

    def read(self, log: str, after: int, limit: int, /) -> list[Row]:
        return list(self.logs.get(log, {}).values())[after : after + limit]

    def find(self, log: str, key: str, /) -> bytes | None:
        if log == "values":
            return self.values.get(key)
        row = self.logs.get(log, {}).get(key)
        return row.value if row else None
