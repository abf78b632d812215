"""The request archetype: a unit is a record posted to a route, its answer comes back on the call.

Pure but for the client passed in. Bodies are ``{"records": [...]}``; replies are
``{"answers": [...]}`` in order of the records, each read by the JSON Pointers of the workload.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from harness.driver.workload import Answer, Finding, Parcel, Reply, Unit
from harness.experiment.model import Workload as Pointers
from harness.history.observations import BAD, DECLINE, DEGRADED, GOOD, UNKNOWN, answer_digest

_ABSENT = object()


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


def parse_pointer(pointer: str) -> tuple[str, ...]:
    """Split a JSON Pointer (RFC 6901) into its keys.

    >>> parse_pointer("/a~1b/0/~0"), parse_pointer("")
    (('a/b', '0', '~'), ())
    """
    keys = pointer.split("/")[1:]
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in keys)


def read_pointer(document: object, keys: tuple[str, ...]) -> object:
    """Follow ``keys`` into a decoded document; gives a marker that is no JSON value if absent."""
    for key in keys:
        if isinstance(document, Mapping) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return _ABSENT
    return document


class RequestWorkload:
    """Judges answers of one system; an empty pointer means that the system does not tell."""

    def __init__(self, pointers: Pointers, deadline_s: float, client: Client) -> None:
        self._decision = parse_pointer(pointers.decision)
        self._score = parse_pointer(pointers.score)
        self._version = parse_pointer(pointers.version)
        self._degraded = parse_pointer(pointers.degraded)
        self._dead_letter = parse_pointer(pointers.dead_letter)
        self._deadline_s = deadline_s
        self._client = client

    async def submit(self, parcel: Parcel, /) -> Reply:
        """Post the parcel."""
        return await self._client.post(parcel.body, parcel.fresh)

    def collect(self, parcel: Parcel, reply: Reply, /) -> list[Answer]:
        """Split the reply; one of the wrong length or form gives answers without content."""
        contents = [None] * len(parcel.units) if reply.fault else _contents(reply.body, len(parcel.units))
        return [Answer(reply.fault, _status(content, reply), content) for content in contents]

    def check(self, unit: Unit, answer: Answer, latency_s: float, /) -> Finding:
        """Judge by transport, status, schema, golden answer and deadline, in this order.

        A flagged degraded answer is judged for validity and time only.
        """
        if answer.fault:
            return Finding(UNKNOWN if answer.fault == "timeout" else BAD, answer.fault)
        content = answer.content
        if answer.status != 200:
            own = content if content is not None and content.get("id") == unit.id else None
            accepted = own is not None and own.get("accepted") is True
            dead = self._says_dead_letter(own)
            return Finding(BAD, "status", answer.status, accepted=accepted, dead_letter=dead)
        if content is None or content.get("id") != unit.id:
            return Finding(BAD, "schema", answer.status)
        return self._check_content(unit, content, latency_s)

    def _check_content(self, unit: Unit, content: Mapping[str, object], latency_s: float) -> Finding:
        decision = read_pointer(content, self._decision)
        score = read_pointer(content, self._score) if self._score else 0.0
        version = read_pointer(content, self._version) if self._version else ""
        degraded = read_pointer(content, self._degraded) if self._degraded else False
        degraded = False if degraded is _ABSENT else degraded
        if not (_is_word(decision) and _is_share(score) and isinstance(version, str)):
            return Finding(BAD, "schema", 200, accepted=True)
        if not isinstance(degraded, bool):
            return Finding(BAD, "schema", 200, accepted=True)
        wrong = bool(unit.golden) and not degraded and decision != unit.golden
        reason = "golden" if wrong else "late" if latency_s > self._deadline_s else ""
        return Finding(
            outcome=BAD if reason else DEGRADED if degraded else GOOD,
            reason=reason,
            status=200,
            score=0.0 if wrong else 1.0,
            digest=answer_digest(str(decision), _number(score)),
            version=version,
            accepted=True,
            dead_letter=self._says_dead_letter(content),
            declined=decision == DECLINE,
            probability=_number(score) if self._score else math.nan,
        )

    def _says_dead_letter(self, content: Mapping[str, object] | None) -> bool:
        keys = self._dead_letter
        return bool(keys) and content is not None and read_pointer(content, keys) is True


def _contents(body: bytes, count: int) -> Sequence[Mapping[str, object] | None]:
    nothing = [None] * count
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return nothing
    answers = document.get("answers") if isinstance(document, dict) else None
    if not isinstance(answers, list) or len(answers) != count:
        return nothing
    return [answer if isinstance(answer, dict) else None for answer in answers]


def _status(content: Mapping[str, object] | None, reply: Reply) -> int:
    own = content.get("status") if content is not None else None
    if isinstance(own, int) and not isinstance(own, bool) and 100 <= own < 1000:
        return own
    return reply.status


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_share(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= 1
    )
