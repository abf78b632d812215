"""The request archetype: a unit is a record posted to a route, its answer comes back on the call.

Pure but for the client passed in. In form batch bodies are ``{"records": [...]}`` and replies
``{"answers": [...]}`` in order of the records; in form single a record is the body, or stands in it where
the workload says, and the reply is its answer. Each answer is read by the JSON Pointers of the workload.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from harness.driver.workload import Answer, Finding, Parcel, Reply, Unit
from harness.experiment.model import Workload as Asked
from harness.experiment.pointers import ABSENT, parse_pointer, put_under, read_pointer
from harness.experiment.units import decision_problem
from harness.history.observations import BAD, DECLINE, DEGRADED, GOOD, UNKNOWN, answer_digest


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
    return parse_pointer(asked.under) if asked.body == "single" else None


def build_single(record: Mapping[str, object], keys: tuple[str, ...]) -> bytes:
    """Build the body of one record, which has no id: its answer comes back on the call.

    >>> build_single({"amount": 5.0}, ("instances", "0"))
    b'{"instances":[{"amount":5.0}]}'
    """
    return msgspec.json.encode(put_under(keys, record))


class RequestWorkload:
    """Judges answers of one system; an empty pointer means that the system does not tell."""

    def __init__(self, asked: Asked, deadline_s: float, client: Client) -> None:
        self._decision = parse_pointer(asked.pointer("decision"))
        self._score = parse_pointer(asked.pointer("score"))
        self._version = parse_pointer(asked.pointer("version"))
        self._degraded = parse_pointer(asked.pointer("degraded"))
        self._dead_letter = parse_pointer(asked.pointer("dead_letter"))
        self._asked, self._single = asked, asked.body == "single"
        self._deadline_s = deadline_s
        self._client = client

    async def submit(self, parcel: Parcel, /) -> Reply:
        """Post the parcel."""
        return await self._client.post(parcel.body, parcel.fresh)

    def collect(self, parcel: Parcel, reply: Reply, /) -> list[Answer]:
        """Split the reply; one of the wrong length or form gives answers without content."""
        if reply.fault:
            return [Answer(reply.fault, reply.status, None) for _ in parcel.units]
        if self._single:
            return [Answer("", reply.status, _object(_decoded(reply.body))) for _ in parcel.units]
        contents = _contents(reply.body, len(parcel.units))
        return [Answer("", _status(content, reply), content) for content in contents]

    def check(self, unit: Unit, answer: Answer, latency_s: float, /) -> Finding:
        """Judge by transport, status, schema, golden answer and deadline, in this order.

        A flagged degraded answer is judged for validity and time only.
        """
        if answer.fault:
            return Finding(UNKNOWN if answer.fault == "timeout" else BAD, answer.fault)
        content = answer.content
        if answer.status != 200:
            own = content if self._is_of(unit, content) and not self._single else None
            accepted = own is not None and own.get("accepted") is True
            dead = self._says_dead_letter(own)
            return Finding(BAD, "status", answer.status, accepted=accepted, dead_letter=dead)
        if content is None or not self._is_of(unit, content):
            return Finding(BAD, "schema", answer.status)
        return self._check_content(unit, content, latency_s)

    def _check_content(self, unit: Unit, content: Mapping[str, object], latency_s: float) -> Finding:
        decision = read_pointer(content, self._decision)
        score = read_pointer(content, self._score) if self._score else 0.0
        version = read_pointer(content, self._version) if self._version else ""
        degraded = read_pointer(content, self._degraded) if self._degraded else False
        degraded = False if degraded is ABSENT else degraded
        kept = not self._single  # a system that is told no id cannot say that it keeps it
        known = _is_share(score) and self._is_version(version) and isinstance(degraded, bool)
        if not known or decision_problem(decision, self._asked.decides, self._asked.within):
            return Finding(BAD, "schema", 200, accepted=kept)
        wrong = bool(unit.golden) and not degraded and not self._is_right(decision, unit.golden)
        reason = "golden" if wrong else "late" if latency_s > self._deadline_s else ""
        return Finding(
            outcome=BAD if reason else DEGRADED if degraded else GOOD,
            reason=reason,
            status=200,
            score=0.0 if wrong else 1.0,
            digest=answer_digest(decision_word(decision), _number(score)),
            version=str(version),
            accepted=kept,
            dead_letter=self._says_dead_letter(content),
            declined=decision == DECLINE,
            probability=_number(score) if self._score else math.nan,
        )

    def _is_of(self, unit: Unit, content: Mapping[str, object] | None) -> bool:
        """Whether an answer is this unit's: by its id, or because it came back on its call."""
        return content is not None and (self._single or content.get("id") == unit.id)

    def _is_version(self, version: object) -> bool:
        """A word; where nobody knew of us, a number will do."""
        number = self._single and isinstance(version, int | float) and not isinstance(version, bool)
        return isinstance(version, str) or number

    def _is_right(self, decision: object, golden: str) -> bool:
        if isinstance(decision, int | float) and not isinstance(decision, bool):
            return abs(decision - float(golden)) <= self._asked.tolerance
        return decision_word(decision) == golden

    def _says_dead_letter(self, content: Mapping[str, object] | None) -> bool:
        keys = self._dead_letter
        return bool(keys) and content is not None and read_pointer(content, keys) is True


def decision_word(decision: object) -> str:
    """Write a decision as golden units and digests hold it.

    >>> decision_word("approve"), decision_word(True), decision_word(2.5)
    ('approve', 'true', '2.5')
    """
    return str(decision).lower() if isinstance(decision, bool) else str(decision)


def _contents(body: bytes, count: int) -> Sequence[Mapping[str, object] | None]:
    document = _object(_decoded(body))
    answers = document.get("answers") if document is not None else None
    if not isinstance(answers, list) or len(answers) != count:
        return [None] * count
    return [_object(answer) for answer in answers]


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _object(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, dict) else None


def _status(content: Mapping[str, object] | None, reply: Reply) -> int:
    own = content.get("status") if content is not None else None
    if isinstance(own, int) and not isinstance(own, bool) and 100 <= own < 1000:
        return own
    return reply.status


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _is_share(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= 1
    )
