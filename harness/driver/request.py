"""The request archetype: a unit is a record posted to a route, its answer comes back on the call.

Pure but for the client passed in. In form batch bodies are ``{"records": [...]}`` and replies
``{"answers": [...]}`` in order of the records; in form single a record is the body, or stands in it where
the workload says, and the reply is its answer. Each answer is read by the JSON Pointers of the workload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from harness.driver.judging import Judge, object_in
from harness.driver.workload import Answer, Finding, Parcel, Reply, Unit
from harness.experiment.model import Workload as Asked
from harness.experiment.pointers import parse_pointer, put_under
from harness.history.observations import BAD, UNKNOWN


class Client(Protocol):
    """Posts a body and gives what came back; never raises for what the network does."""

    async def post(self, body: bytes, fresh: bool, /) -> Reply:
        """Post ``body``; ``fresh`` on a connection of its own, else on a kept one."""
        ...


def build_body(ids: Sequence[str], records: Sequence[Mapping[str, object]]) -> bytes:
    """Build the body for records with their ids.

    >>> build_body(["w7-0"], [{"amount": 5.0}])
    b'{"records":[{"id":"w7-0","amount":5.0}]}'
    """
    return msgspec.json.encode({"records": [{"id": i, **r} for i, r in zip(ids, records, strict=True)]})


def single_keys(asked: Asked) -> tuple[str, ...] | None:
    """Where a record stands in a body of its own; None in form batch."""
    return parse_pointer(asked.under) if asked.form == "single" else None


def build_single(record: Mapping[str, object], keys: tuple[str, ...]) -> bytes:
    """Build the body of one record, which has no id: its answer comes back on the call.

    >>> build_single({"amount": 5.0}, ("instances", "0"))
    b'{"instances":[{"amount":5.0}]}'
    """
    return msgspec.json.encode(put_under(keys, record))


class RequestWorkload:
    """Posts parcels to one system and finds the answers on the call."""

    def __init__(self, asked: Asked, deadline_s: float, client: Client) -> None:
        self._judge = Judge(asked, deadline_s)
        self._single = asked.form == "single"
        self._client = client

    async def submit(self, parcel: Parcel, /) -> Reply:
        """Post the parcel."""
        return await self._client.post(parcel.body, parcel.fresh)

    def collect(self, parcel: Parcel, reply: Reply, /) -> list[Answer]:
        """Split the reply; one of the wrong length or form gives answers without content."""
        if reply.fault:
            return [Answer(reply.fault, reply.status, None) for _ in parcel.units]
        if self._single:
            return [Answer("", reply.status, object_in(reply.body)) for _ in parcel.units]
        contents = _contents(reply.body, len(parcel.units))
        return [Answer("", _status(content, reply), content) for content in contents]

    def check(self, unit: Unit, answer: Answer, latency_s: float, /) -> Finding:
        """Judge by transport and status, then by what was answered (``Judge``)."""
        if answer.fault:
            return Finding(UNKNOWN if answer.fault == "timeout" else BAD, answer.fault)
        content = answer.content
        if answer.status != 200:
            own = content if self._is_of(unit, content) and not self._single else None
            accepted = own is not None and own.get("accepted") is True
            dead = self._judge.says_dead_letter(own)
            return Finding(BAD, "status", answer.status, accepted=accepted, dead_letter=dead)
        if content is None or not self._is_of(unit, content):
            return Finding(BAD, "schema", answer.status)
        # A system that is told no id cannot say that it keeps it.
        return self._judge.content(unit, content, latency_s, accepted=not self._single)

    def _is_of(self, unit: Unit, content: Mapping[str, object] | None) -> bool:
        """Whether an answer is this unit's: by its id, or because it came back on its call."""
        return content is not None and (self._single or content.get("id") == unit.id)


def _contents(body: bytes, count: int) -> Sequence[Mapping[str, object] | None]:
    document = object_in(body)
    answers = document.get("answers") if document is not None else None
    if not isinstance(answers, list) or len(answers) != count:
        return [None] * count
    return [answer if isinstance(answer, dict) else None for answer in answers]


def _status(content: Mapping[str, object] | None, reply: Reply) -> int:
    own = content.get("status") if content is not None else None
    if isinstance(own, int) and not isinstance(own, bool) and 100 <= own < 1000:
        return own
    return reply.status
