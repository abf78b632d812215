"""The gateway's memory: what was accepted, what is dead, what was decided; durable before told.

Appends of concurrent requests are committed together (one transaction for what arrived in one
turn of the loop). An id is claimed by one request or sweep at a time, so it is decided once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from reference_pipeline.ports import Append, Clock, Store, StoreFailed
from reference_pipeline.records import Answer, Decided, Held, Provisional, Quarantined

ACCEPTED, DEAD_LETTERS, DECIDED = LOGS = ("accepted", "dead_letters", "decided")
Verdict: TypeAlias = Literal["valid", "repaired", "quarantined"]
_PAGE = 1000
_SWEPT = "swept"  # named value: all accepted up to this seq is decided or dead


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it was accepted; ``why`` empty means that it keeps the contract.

    A quarantined ``record`` is as it came, any other as it is read; ``provisional`` is what a
    quarantined one was answered where a fallback could answer.
    """

    id: str
    record: msgspec.Raw
    verdict: Verdict
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    provisional: Provisional | None = None

    @property
    def refusal(self) -> Answer:
        """The answer to a quarantined record."""
        return self.provisional or Quarantined(id=self.id, why=self.why)


class _Pending(NamedTuple):
    """An accepted and undecided record."""

    seq: int
    since_s: float
    record: msgspec.Raw


class _Write(NamedTuple):
    appends: Sequence[Append]
    then: Callable[[list[int]], None]
    done: asyncio.Future[list[int]]


class Ledger:
    """Accepted, dead and decided records of one gateway; call :meth:`recover` first."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._pending: dict[str, _Pending] = {}
        self._dead: set[str] = set()  # ids in the dead letters that no replay has decided
        self._claims: dict[str, asyncio.Future[None]] = {}
        self._waiting: list[_Write] = []
        self._last_seq = self._swept_seq = 0

    def recover(self) -> None:
        """Find what an earlier life accepted and did not decide; its requests died with it."""
        self._swept_seq = self._last_seq = int(self._store.find("values", _SWEPT) or 0)
        while rows := self._store.read(ACCEPTED, self._last_seq, _PAGE):
            for seq, key, value in rows:
                if not self._store.find(DECIDED, key) and not self._store.find(DEAD_LETTERS, key):
                    record = msgspec.json.decode(value, type=Entry).record
                    self._pending[key] = _Pending(seq, float("-inf"), record)
            self._last_seq = rows[-1].seq
        last = 0
        while rows := self._store.read(DEAD_LETTERS, last, _PAGE):
            self._dead.update(row.key for row in rows if not self._store.find(DECIDED, row.key))
            last = rows[-1].seq

    def claim(self, ids: Iterable[str]) -> set[str]:
        """Claim those of ``ids`` that nobody is deciding; :meth:`release` them when done."""
        free = {key for key in ids if key not in self._claims}
        loop = asyncio.get_running_loop()
        self._claims.update((key, loop.create_future()) for key in free)
        return free

    def release(self, ids: Iterable[str]) -> None:
        """Give claimed ids back and wake who waits for them."""
        for key in ids:
            self._claims.pop(key).set_result(None)

    async def wait_for(self, ids: Iterable[str], timeout_s: float) -> None:
        """Wait until nobody is deciding ``ids`` any more, at most ``timeout_s``."""
        if busy := {self._claims[key] for key in ids if key in self._claims}:
            await asyncio.wait(busy, timeout=max(0.0, timeout_s))

    async def accept(self, entries: Sequence[Entry]) -> list[bool]:
        """Make claimed entries durable; tells which were new (False: accepted before, unchanged).

        Raises:
            StoreFailed: none of them is accepted.
        """
        appends = [Append(ACCEPTED, e.id, msgspec.json.encode(e)) for e in entries]
        # A broken resend of a good record must not make a dead letter of what is in the sink.
        broken = [e for e in entries if e.why and not self._store.find(ACCEPTED, e.id)]
        dead = [Append(DEAD_LETTERS, e.id, msgspec.json.encode(e)) for e in broken]

        def note(seqs: list[int]) -> None:
            now_s = self._clock.now_s()
            for entry, seq in zip(entries, seqs, strict=False):
                self._last_seq = max(self._last_seq, seq)
                if seq and not entry.why:
                    self._pending[entry.id] = _Pending(seq, now_s, entry.record)
            self._dead.update(e.id for e, seq in zip(broken, seqs[len(entries) :], strict=True) if seq)

        seqs = await self._commit([*appends, *dead], note)
        return [seq > 0 for seq in seqs[: len(entries)]]

    async def decide(self, decisions: Sequence[Decided]) -> None:
        """Make decisions of claimed ids durable; only an id's first decision ever counts.

        Raises:
            StoreFailed: none of them is decided.
        """

        def note(_: list[int]) -> None:
            for decision in decisions:
                self._pending.pop(decision.id, None)
                self._dead.discard(decision.id)

        await self._commit([Append(DECIDED, d.id, msgspec.json.encode(d)) for d in decisions], note)

    def answer(self, key: str) -> Answer:
        """What an accepted id is answered from now on."""
        if decided := self._store.find(DECIDED, key):
            return msgspec.json.decode(decided, type=Decided)
        if dead := self._store.find(DEAD_LETTERS, key):
            return msgspec.json.decode(dead, type=Entry).refusal
        return Held(id=key)

    def overdue(self, age_s: float, limit: int) -> dict[str, msgspec.Raw]:
        """At most ``limit`` records that are undecided for ``age_s`` and claimed by nobody."""
        before_s = self._clock.now_s() - age_s
        late = (
            (key, pending.record)
            for key, pending in self._pending.items()
            if pending.since_s <= before_s and key not in self._claims
        )
        return dict(islice(late, limit))

    def postpone(self, ids: Iterable[str]) -> None:
        """Put undecided ids at the end of the line, so that one bad record cannot block the rest."""
        for key in ids:
            if pending := self._pending.pop(key, None):
                self._pending[key] = pending

    def remember_swept(self) -> None:
        """Store up to where nothing is undecided, so that :meth:`recover` need not look there."""
        first = min((pending.seq for pending in self._pending.values()), default=self._last_seq + 1)
        if first - 1 > self._swept_seq:
            self._store.commit([], {_SWEPT: str(first - 1).encode()})
            self._swept_seq = first - 1

    def accepted(self, key: str) -> Entry | None:
        """The record under ``key`` as it was accepted; None if it never was."""
        value = self._store.find(ACCEPTED, key)
        return None if value is None else msgspec.json.decode(value, type=Entry)

    def dead_letter(self, key: str) -> Entry | None:
        """The dead letter under ``key``; None if there is none, or a replay has decided it."""
        value = self._store.find(DEAD_LETTERS, key) if key in self._dead else None
        return None if value is None else msgspec.json.decode(value, type=Entry)

    def is_dead(self, key: str) -> bool:
        """Tell whether ``key`` lies in the dead letters now."""
        return key in self._dead

    def is_replayed(self, key: str) -> bool:
        """Tell whether ``key`` was a dead letter and has its decision."""
        return bool(self._store.find(DEAD_LETTERS, key) and self._store.find(DECIDED, key))

    @property
    def dead_letters(self) -> int:
        """How many records lie in the dead letters now."""
        return len(self._dead)

    @property
    def undecided(self) -> int:
        """How many accepted records are undecided now."""
        return len(self._pending)

    async def _commit(self, appends: Sequence[Append], then: Callable[[list[int]], None]) -> list[int]:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        write = _Write(appends, then, loop.create_future())
        self._waiting.append(write)
        return await write.done

    def _flush(self) -> None:
        """Commit everything that waits as one transaction; memory changes with the disk, here."""
        writes, self._waiting = self._waiting, []
        try:
            seqs = self._store.commit([append for write in writes for append in write.appends])
        except StoreFailed as error:
            for write in writes:
                if not write.done.done():
                    write.done.set_exception(error)
            return
        start = 0
        for write in writes:
            mine = seqs[start : start + len(write.appends)]
            start += len(write.appends)
            write.then(mine)
            if not write.done.done():
                write.done.set_result(mine)
