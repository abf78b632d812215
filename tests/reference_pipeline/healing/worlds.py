"""A world for the healer in one process and in virtual time: services, platform, gateway, records.

The healer, its journal on SQLite and its HTTP texts are the real ones; only what lies behind the Call
port and the Platform port is imitated, and time jumps from one timer to the next.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from reference_pipeline.contract import Contract
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.diagnose import Diagnosis
from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.loop import Healer
from reference_pipeline.healing.outside import Outside
from reference_pipeline.healing.policy import Policy, PolicyUnreadable
from reference_pipeline.healing.ports import DeadLetter, PlatformService, ServiceState
from reference_pipeline.healing.reach import Reach
from reference_pipeline.healing.reach_models import ReachModels
from reference_pipeline.ports import Append, CallFailed, CallRefused, Reply, Row
from reference_pipeline.records import CATEGORIES, CHANNELS, TRANSACTION_FIELDS, FeatureSpec
from reference_pipeline.stores import SqliteStore
from tests.virtual import passes

POLICY = Policy()
# A pipeline without a learner; tests/reference_pipeline/learning.py has one.
CONFIG = HealerConfig(services=tuple(name for name in HealerConfig().services if name != "learner"))
SPEC = FeatureSpec(kind="transactions", fields=TRANSACTION_FIELDS, features=(), time_field="event_time_s")


@dataclass
class Commits:
    """The port PolicySource over texts; the newest last."""

    texts: list[bytes] = field(default_factory=lambda: [b"version: 1"])

    def head(self) -> str:
        if not self.texts:
            raise PolicyUnreadable("there is no commit")
        return f"{len(self.texts):040}"

    def commits(self) -> Iterator[tuple[str, bytes]]:
        for number in range(len(self.texts), 0, -1):
            yield f"{number:040}", self.texts[number - 1]


class Killed(BaseException):
    """The healer's process ends here."""


class Clock:
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def rest_s(self, seconds: float, /) -> float:
        await self.sleep_s(seconds)
        return seconds

    async def sleep_s(self, seconds: float, /) -> None:
        await passes(seconds)


def transaction(dice: random.Random) -> dict[str, object]:
    return {
        "customer_id": dice.randrange(500),
        "terminal_id": dice.randrange(200),
        "amount": round(dice.lognormvariate(3, 1), 2) + 0.01,
        "channel": dice.choice(CHANNELS),
        "category": dice.choice(CATEGORIES),
        "card_age_days": round(dice.uniform(0, 3000), 3),
        "event_time_s": round(dice.uniform(0, 1e6), 3),
    }


def golden_rows(seed: int, count: int = 60) -> list[dict[str, object]]:
    dice = random.Random(f"golden {seed}")
    return [transaction(dice) for _ in range(count)]


def stream(
    seed: int, count: int, golden: list[dict[str, object]], every: int = 20
) -> list[dict[str, object]]:
    """Records as the driver sends them: one golden row in each block of ``every``."""
    dice = random.Random(f"stream {seed}")
    return [
        dict(golden[n // every % len(golden)]) if n % every == every // 2 else transaction(dice)
        for n in range(count)
    ]


def renamed(record: Mapping[str, object], field: str, source: str) -> dict[str, object]:
    """The same record with ``field`` under the name ``source``, as a rename upstream makes it."""
    return {source if key == field else key: value for key, value in record.items()}


def decoyed(
    records: list[dict[str, object]], field: str, source: str, dice: random.Random
) -> list[dict[str, object]]:
    """``field`` is dropped, ``source`` holds the values of other records: same type, range, marginal."""
    values = [record[field] for record in records]
    dice.shuffle(values)
    return [
        {**{key: value for key, value in record.items() if key != field}, source: value}
        for record, value in zip(records, values, strict=True)
    ]


def letters(records: Iterable[Mapping[str, object]], spec: FeatureSpec = SPEC) -> list[DeadLetter]:
    """What a gateway makes of broken records."""
    check = Contract(spec).check
    return [
        DeadLetter(seq=n, id=f"r{n}", record={"id": f"r{n}", **record}, why=check(record).why)
        for n, record in enumerate(records, 1)
    ]


@dataclass(slots=True)
class Process:
    """One service as seen from outside: ``hung`` says nothing, ``dead`` refuses."""

    boot: int = 1
    hung: bool = False
    dead: bool = False
    restarts: int = 0
    latency_s: Callable[[float], float] = lambda _: 0.003

    def boot_id(self, name: str) -> str:
        return f"{name}#{self.boot}"


@dataclass
class Fuse:
    """Ends the healer at step ``at`` of what it does outside of itself; counts the steps."""

    at: int = -1
    steps: int = 0

    def burn(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Killed


@dataclass
class World:
    """All that the healer reaches. ``fuse`` burns before and after every effect."""

    fuse: Fuse = field(default_factory=Fuse)
    processes: dict[str, Process] = field(default_factory=lambda: {n: Process() for n in CONFIG.services})
    mapping: dict[str, str] = field(default_factory=dict)
    mappings_set: list[tuple[str, str]] = field(default_factory=list)
    dead: dict[int, DeadLetter] = field(default_factory=dict)
    buried: list[int] = field(default_factory=list)  # numbers of all dead letters, replayed ones too
    delivered: list[str] = field(default_factory=list)
    offered: int = 0
    repaired: int = 0
    acts: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    deaf: bool = False  # mappings are taken and have no effect
    hop_down: bool = False  # what is replayed cannot be decided now
    way_cut: str = ""  # the healer's own edge to this service carries nothing
    platform_gone: bool = False
    policy: Commits = field(default_factory=Commits)
    _keys: dict[str, None] = field(default_factory=dict)

    # the gateway

    def offer(self, record: Mapping[str, object]) -> None:
        """One request: decided, or into the dead letters."""
        self.offered += 1
        key = f"r{self.offered}"
        read = self._read(record)
        why = Contract(SPEC).check(read).why
        if why:
            whole = {"id": key, **record}
            self.buried.append(self.offered)
            self.dead[self.offered] = DeadLetter(seq=self.offered, id=key, record=whole, why=why)
            return
        self.repaired += read.keys() != record.keys()
        self.delivered.append(key)

    def _read(self, record: Mapping[str, object]) -> dict[str, object]:
        read = dict(record)
        for name, source in {} if self.deaf else self.mapping.items():
            if name not in read and source in read:
                read[name] = read.pop(source)
        return read

    def _replay(self, ids: list[str]) -> dict[str, list[str]]:
        self.batches.append(len(ids))
        done: dict[str, list[str]] = {"replayed": [], "refused": []}
        for key in ids:
            seq = int(key[1:])
            if seq not in self.dead:
                done["replayed"].append(key)  # by an earlier call
                continue
            if self.hop_down or Contract(SPEC).check(self._read(self.dead[seq].record)).why:
                done["refused"].append(key)
                continue
            del self.dead[seq]
            self.delivered.append(key)
            done["replayed"].append(key)
        return done

    # ports

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        """The Call port."""
        name = edge.removeprefix("healer-")
        process = self.processes[name]
        if process.dead:
            raise CallRefused(f"{edge}: refused")
        now_s = asyncio.get_running_loop().time()
        took_s = deadline_s + 1 if process.hung or self.way_cut == name else process.latency_s(now_s)
        await passes(min(took_s, deadline_s))
        if took_s >= deadline_s:
            raise CallFailed(f"{edge}: no answer")
        if process.dead:
            raise CallRefused(f"{edge}: reset")
        return Reply(200, json.dumps(self._answer(name, route, body)).encode())

    def _answer(self, name: str, route: str, body: bytes) -> object:
        method, _, target = route.partition(" ")
        path, _, query = target.partition("?")
        asked = {key: int(values[0]) for key, values in parse_qs(query).items()}
        match method, path:
            case "GET", "/healthz":
                return {"service": name, "boot_id": self.processes[name].boot_id(name), "started_s": 1.0}
            case "GET", "/signals":
                return {"repaired_total": float(self.repaired)}
            case "GET", "/dead_letters":
                return self._page(asked["after"], asked["limit"])
            case "PUT", "/switches/mapping":
                return self._switch(json.loads(body))
            case "DELETE", _:
                return self._unswitch(unquote(path.rpartition("/")[2]))
            case "POST", "/replay":
                self.fuse.burn()
                done = self._replay(json.loads(body)["ids"])
                self.fuse.burn()
                return done
        raise AssertionError(f"no such route: {route}")

    def _page(self, after: int, limit: int) -> object:
        """As the gateway pages: by the numbers of all that ever lay here, without those replayed."""
        numbers = [seq for seq in self.buried if seq > after][:limit]
        rows = [self.dead[seq] for seq in numbers if seq in self.dead]
        listed = [{"seq": r.seq, "id": r.id, "record": r.record, "why": r.why, "notes": []} for r in rows]
        return {"rows": listed, "last": numbers[-1] if numbers else after}

    def _switch(self, wanted: dict[str, str]) -> object:
        self.fuse.burn()
        if self.mapping.get(wanted["to"]) != wanted["from"]:
            self.mapping[wanted["to"]] = wanted["from"]
            self.mappings_set.append((wanted["to"], wanted["from"]))
            self.acts.append("map")
        self.fuse.burn()
        return {}

    def _unswitch(self, name: str) -> object:
        self.fuse.burn()
        if self.mapping.pop(name, None):
            self.acts.append("unmap")
        self.fuse.burn()
        return {}

    async def services(self) -> list[PlatformService]:
        """The Platform port: what the supervisor sees over its own way."""
        if self.platform_gone:
            raise CallFailed("the platform does not answer")
        rows = []
        for name, process in self.processes.items():
            state: ServiceState = "backoff" if process.dead else "unready" if process.hung else "ready"
            rows.append(PlatformService(name=name, state=state, boot_id=process.boot_id(name)))
        return rows

    async def restart(self, name: str, key: str, /) -> None:
        """The Platform port; the same key again has no second effect."""
        self.fuse.burn()
        if key not in self._keys:
            self._keys[key] = None
            process = self.processes[name]
            process.hung, process.dead, process.boot = False, False, process.boot + 1
            process.restarts += 1
            self.acts.append(f"restart {name}")
        await passes(2.0)
        self.fuse.burn()


class BurningStore:
    """The real store, with a fuse around every commit."""

    def __init__(self, store: SqliteStore, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse

    def commit(self, appends: Iterable[Append], values: Mapping[str, bytes] | None = None, /) -> list[int]:
        self._fuse.burn()
        seqs = self._store.commit(list(appends), values)
        self._fuse.burn()
        return seqs

    def read(self, log: str, after: int, limit: int, /) -> list[Row]:
        return self._store.read(log, after, limit)

    def find(self, log: str, key: str, /) -> bytes | None:
        return self._store.find(log, key)


def open_store(folder: Path) -> SqliteStore:
    return SqliteStore(folder / "healer.db", (JOURNAL,))


class Life:
    """One life of the healer in ``world``."""

    def __init__(
        self, world: World, store: SqliteStore, *, golden: list[dict[str, object]], name: str = "life"
    ) -> None:
        reach, models = Reach(world), ReachModels(world)
        outside = Outside(
            platform=world,
            switches=reach,
            signals=reach,
            experience=models,
            models=models,
            journal=Journal(BurningStore(store, world.fuse), "healer", name),
            policy=world.policy,
            clock=Clock(),
            life=name,
        )
        self.healer = Healer(outside, Diagnosis(SPEC, golden, CONFIG), CONFIG, costs=SPEC.costs)
        self.healer.recover()

    async def until_killed(self, for_s: float, calm_s: float = float("inf")) -> bool:
        """Run for that long, or until nothing was in hand for ``calm_s``; True if the fuse ended it."""
        loops = [
            self.healer.probing.pulse_forever,
            self.healer.probing.probe_forever,
            self.healer.run_forever,
        ]
        tasks = [asyncio.ensure_future(loop()) for loop in loops]
        calm = asyncio.ensure_future(self._calm(calm_s))
        done, _ = await asyncio.wait([*tasks, calm], timeout=for_s, return_when=asyncio.FIRST_COMPLETED)
        done -= {calm}
        tasks.append(calm)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        wrong = [e for e in ended if e is not None and not isinstance(e, (Killed, asyncio.CancelledError))]
        assert not wrong, wrong
        return bool(done)

    async def _calm(self, calm_s: float) -> None:
        still_s = 0.0
        while still_s < calm_s:
            await passes(1.0)
            books = self.healer.books
            still_s = 0.0 if books.begun or books.unverified or books.to_undo else still_s + 1.0


def lines(store: SqliteStore) -> list[dict[str, Any]]:
    return [json.loads(row.value) for row in store.read(JOURNAL, 0, 100_000)]


def kinds(store: SqliteStore) -> list[str]:
    """The journal's types in order, without prefix and version."""
    return [line["type"].removeprefix("io.hormesis.heal.").removesuffix(".v1") for line in lines(store)]
