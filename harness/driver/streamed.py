"""The stream archetype: a unit is a message on one subject, its decision comes on another, matched by id.

Comes in: parcels of one record, acknowledgements and decisions from a ``Wire``. Goes out: replies like those
of a request, a ledger of all that was taken and decided, and how much is owed. A decision that comes after
its unit was given up is in no row: the ledger has it. Nothing here knows NATS; ``jetstream`` does.

Statuses are written like HTTP's: ``TAKEN`` where the server keeps the record, ``DECIDED`` with its decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from harness.driver.client import give_up_s
from harness.driver.judging import Judge, object_in
from harness.driver.sinks import Sink
from harness.driver.stream_ledger import Accepted, Decided, Held, Line, line_bytes
from harness.driver.workload import Answer, Finding, Parcel, Reply, Unit
from harness.experiment.model import Workload as Asked
from harness.experiment.pointers import parse_pointer, put_into, read_pointer
from harness.experiment.subjects import Subjects
from harness.history.events import Owed
from harness.history.observations import BAD, UNKNOWN, WITNESS
from harness.observers.owed import Account

DECIDED, TAKEN = 200, 202


class Wire(Protocol):
    """A connection to the server that holds both subjects."""

    def is_up(self) -> bool:
        """Whether something can be sent now."""
        ...

    async def send(self, key: str, body: bytes, headers: Mapping[str, str], /) -> None:
        """Send one record; its acknowledgement is heard of later, under ``key``."""
        ...


@dataclass(frozen=True, slots=True)
class _End:
    """What ended the wait for one unit: its decision, or the server's refusal to keep it."""

    at_s: float
    body: bytes = b""
    fault: str = ""


class StreamWorkload:
    """One stream's units on their way; ``ledger`` gets a line for each record taken and each decision."""

    def __init__(
        self, asked: Asked, deadline_s: float, wire: Wire, *, ledger: Sink, now: Callable[[], float]
    ) -> None:
        assert asked.subjects is not None, "a system file of this archetype names subjects"
        self._judge = Judge(asked, deadline_s)
        self._give_up_s = give_up_s(deadline_s)
        self._subjects = asked.subjects
        self._wire, self._ledger, self._now = wire, ledger, now
        self._waiting: dict[str, asyncio.Future[_End]] = {}
        self._taken: set[str] = set()
        self._read: set[int] = set()
        self._account = Account()
        self._held = -1

    async def submit(self, parcel: Parcel, /) -> Reply:
        """Send the record and wait for its decision; a record sent again is in no row and waits for none."""
        sent_s = self._now()
        (key,) = parcel.keys
        if not self._wire.is_up():
            return Reply(sent_s, sent_s, "refused")
        body, headers = addressed(parcel.body, key, self._subjects.id)
        if not parcel.units:
            await self._wire.send(key, body, headers)
            return Reply(sent_s, self._now(), status=TAKEN, handed=True)
        end = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            await self._wire.send(key, body, headers)
            async with asyncio.timeout(self._give_up_s):
                ended = await end
        except TimeoutError:
            ended = _End(self._now(), fault="timeout")
        finally:
            del self._waiting[key]
        taken = key in self._taken
        status = 0 if not taken else TAKEN if ended.fault else DECIDED
        return Reply(sent_s, ended.at_s, ended.fault, status, ended.body, handed=True)

    def collect(self, parcel: Parcel, reply: Reply, /) -> list[Answer]:
        """Give the decision; without one an answer without content."""
        content = None if reply.fault else object_in(reply.body)
        return [Answer(reply.fault, reply.status, content) for _ in parcel.units]

    def check(self, unit: Unit, answer: Answer, latency_s: float, /) -> Finding:
        """Judge one decision; without one it is unknown, or bad where the record was not taken."""
        taken = answer.status in (DECIDED, TAKEN)
        if answer.fault:
            outcome = UNKNOWN if answer.fault == "timeout" else BAD
            return Finding(outcome, answer.fault, answer.status, accepted=taken)
        if answer.content is None:
            return Finding(BAD, "schema", answer.status, accepted=taken)
        return self._judge.content(unit, answer.content, latency_s, accepted=taken)

    def taken(self, key: str, seq: int) -> None:
        """Hear that the server keeps the record ``key`` at place ``seq``."""
        if key not in self._taken:
            self._taken.add(key)
            self._account.accept([key])
            self._write(Accepted(id=key, seq=seq))

    def refused(self, key: str) -> None:
        """Hear that the server does not keep it."""
        self._end(key, _End(self._now(), fault="refused"))

    def decided(self, body: bytes, headers: Mapping[str, str], seq: int) -> None:
        """Hear a decision at place ``seq``; the same place again is the same message."""
        if seq in self._read:
            return
        self._read.add(seq)
        content = object_in(body)
        key = _named(content, headers, self._subjects)
        finding = None if content is None else self._judge.content(_ANY, content, 0.0, accepted=True)
        digest = 0 if finding is None else finding.digest
        self._write(Decided(id=key, seq=seq, digest=digest))
        if digest:  # what is no decision pays no debt
            self._account.end([key])
        self._end(key, _End(self._now(), body))

    def held(self, count: int) -> None:
        """Hear how many records consumers have and have not acknowledged."""
        if count != self._held:
            self._held = count
            self._write(Held(count=count))

    def owed(self) -> Owed:
        """What was taken and is not decided yet."""
        account = self._account
        return Owed(at_s=self._now(), accepted=account.accepted, owed=account.owed, binds=True)

    def _end(self, key: str, end: _End) -> None:
        waiting = self._waiting.get(key)
        if waiting is not None and not waiting.done():
            waiting.set_result(end)

    def _write(self, line: Line) -> None:
        self._ledger.write(line_bytes(line))


_ANY = Unit(0, "", WITNESS, 0.0)


def addressed(body: bytes, key: str, place: str) -> tuple[bytes, Mapping[str, str]]:
    """Put the id of a record into its body (a JSON Pointer) or beside it (a header).

    >>> addressed(b'{"amount":5}', "w7-1", "/id"), addressed(b'{"amount":5}', "w7-1", "Nats-Msg-Id")
    ((b'{"amount":5,"id":"w7-1"}', {}), (b'{"amount":5}', {'Nats-Msg-Id': 'w7-1'}))
    """
    if not place.startswith("/"):
        return body, {place: key}
    record = msgspec.json.decode(body, type=dict[str, object])
    return msgspec.json.encode(put_into(record, parse_pointer(place), key)), {}


def _named(content: Mapping[str, object] | None, headers: Mapping[str, str], subjects: Subjects) -> str:
    place = subjects.answer_id
    told = read_pointer(content, parse_pointer(place)) if place.startswith("/") else headers.get(place)
    return told if isinstance(told, str) else ""
