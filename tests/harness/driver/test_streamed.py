"""A stream's units on a wire that does what the test says: each is matched, judged and counted by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import pytest

from harness.driver.sinks import MemorySink
from harness.driver.stream_ledger import Accepted, Decided, Held, read_stream
from harness.driver.streamed import DECIDED, TAKEN, StreamWorkload
from harness.driver.workload import Finding, Parcel, Unit
from harness.errors import Untrustworthy
from harness.experiment.model import Workload
from harness.experiment.subjects import Subjects
from harness.history.observations import BAD, GOOD, UNKNOWN, WITNESS
from harness.run.audit import Answers, judge_ids
from harness.run.listing import LedgerReader

DEADLINE_S = 0.02
Does = Callable[["Stream", str], None]


class Stream:
    """A workload over a wire on which every record sent has the effect ``does``."""

    def __init__(self, does: Does, *, up: bool = True, place: str = "/id") -> None:
        subjects = Subjects(records="in", decisions="out", id=place)
        asked = Workload(archetype="stream", service="nats", subjects=subjects)
        self._does, self._up, self._place, self.sent = does, up, place, []
        self.ledger, self.seq = MemorySink(), 0
        now = asyncio.get_running_loop().time
        self.workload = StreamWorkload(asked, DEADLINE_S, self, ledger=self.ledger, now=now)

    def is_up(self) -> bool:
        return self._up

    async def send(self, key: str, body: bytes, headers: Mapping[str, str], /) -> None:
        self.sent.append((key, body, dict(headers)))
        self._does(self, key)

    def take(self, key: str) -> None:
        self.seq += 1
        self.workload.taken(key, self.seq)

    def decide(self, key: str, decision: str = "approve") -> None:
        self.seq += 1
        headers = {} if self._place.startswith("/") else {self._place: key}
        document = {"decision": decision} | ({} if headers else {"id": key})
        self.workload.decided(msgspec.json.encode(document), headers, self.seq)

    async def offer(self, number: int = 0, *, golden: str = "", again: bool = False) -> Finding:
        unit = Unit(number, f"w7-{number}", WITNESS, 0.0, golden=golden)
        parcel = Parcel(0.0, () if again else (unit,), b'{"amount":5}', keys=(unit.id,))
        reply = await self.workload.submit(parcel)
        (answer,) = self.workload.collect(Parcel(0.0, (unit,), b""), reply)
        return self.workload.check(unit, answer, reply.ended_s - reply.sent_s)

    @property
    def lines(self) -> tuple[Accepted | Decided, ...]:
        return read_stream(bytes(self.ledger.data))


def whole(stream: Stream, key: str) -> None:
    stream.take(key)
    stream.decide(key)


def on(does: Does, work: Callable[[Stream], Awaitable[object]], **settings: object):
    """Run ``work`` on a stream, without a wait for what never comes: giving up takes no time here."""

    async def main() -> tuple[Stream, object]:
        stream = Stream(does, **settings)
        stream.workload._give_up_s = DEADLINE_S
        return stream, await work(stream)

    return asyncio.run(main())


def test_a_record_that_is_taken_and_decided_is_good_and_owes_nothing() -> None:
    stream, found = on(whole, lambda stream: stream.offer())
    assert (found.outcome, found.accepted, found.status) == (GOOD, True, DECIDED)
    assert stream.sent == [("w7-0", b'{"amount":5,"id":"w7-0"}', {})]
    assert [type(line) for line in stream.lines] == [Accepted, Decided]
    assert stream.lines[1].digest == found.digest
    assert (stream.workload.owed().accepted, stream.workload.owed().owed) == (1, 0)


def test_an_id_may_stand_in_a_header_of_both_messages() -> None:
    stream, found = on(whole, lambda stream: stream.offer(), place="Nats-Msg-Id")
    assert found.outcome == GOOD
    assert stream.sent == [("w7-0", b'{"amount":5}', {"Nats-Msg-Id": "w7-0"})]


def test_what_is_taken_and_not_decided_is_unknown_and_owed() -> None:
    stream, found = on(Stream.take, lambda stream: stream.offer())
    assert (found.outcome, found.reason, found.accepted, found.status) == (UNKNOWN, "timeout", True, TAKEN)
    assert stream.workload.owed().owed == 1
    assert stream.workload.owed().binds


def test_what_nobody_acknowledged_is_unknown_and_not_owed() -> None:
    stream, found = on(lambda *_: None, lambda stream: stream.offer())
    assert (found.outcome, found.accepted, found.status) == (UNKNOWN, False, 0)
    assert stream.workload.owed().owed == 0


def test_what_the_server_does_not_keep_is_bad_at_once() -> None:
    stream, found = on(lambda stream, key: stream.workload.refused(key), lambda stream: stream.offer())
    assert (found.outcome, found.reason, found.accepted) == (BAD, "refused", False)
    assert stream.lines == ()


def test_without_a_connection_nothing_is_sent_and_the_unit_is_bad() -> None:
    stream, found = on(whole, lambda stream: stream.offer(), up=False)
    assert (found.outcome, found.reason, stream.sent) == (BAD, "refused", [])


def test_a_decision_after_its_unit_was_given_up_pays_the_debt_and_changes_no_row() -> None:
    async def late(stream: Stream) -> Finding:
        found = await stream.offer()
        stream.decide("w7-0")
        return found

    stream, found = on(Stream.take, late)
    assert found.outcome == UNKNOWN
    assert stream.workload.owed().owed == 0
    assert len(stream.lines) == 2


def test_a_decision_before_the_acknowledgement_owes_nothing_either() -> None:
    def eager(stream: Stream, key: str) -> None:
        stream.decide(key)
        stream.take(key)

    stream, found = on(eager, lambda stream: stream.offer())
    assert found.outcome == GOOD
    assert stream.workload.owed().owed == 0


def test_a_second_decision_is_a_line_of_its_own_and_the_same_message_again_is_none() -> None:
    def twice(stream: Stream, key: str) -> None:
        whole(stream, key)
        stream.decide(key, "decline")
        stream.seq -= 1
        stream.decide(key, "decline")  # delivered again: the same place

    stream, found = on(twice, lambda stream: stream.offer())
    assert found.outcome == GOOD
    decisions = [line for line in stream.lines if isinstance(line, Decided)]
    assert [line.seq for line in decisions] == [2, 3]
    assert decisions[0].digest != decisions[1].digest


def test_a_record_offered_again_is_sent_and_accepted_once() -> None:
    async def again(stream: Stream) -> Finding:
        first = await stream.offer()
        await stream.offer(again=True)
        return first

    stream, found = on(whole, again)
    assert found.outcome == GOOD
    assert len(stream.sent) == 2
    assert [type(line) for line in stream.lines] == [Accepted, Decided, Decided]
    assert stream.workload.owed().accepted == 1


def test_a_wrong_decision_about_a_golden_record_is_bad() -> None:
    _, found = on(whole, lambda stream: stream.offer(golden="decline"))
    assert (found.outcome, found.reason, found.accepted) == (BAD, "golden", True)


def test_what_is_no_decision_is_written_down_without_a_digest_and_names_nobody() -> None:
    async def nonsense(stream: Stream) -> None:
        stream.workload.decided(b"[1]", {}, 4)
        stream.workload.decided(b'{"id": 7}', {}, 5)

    stream, _ = on(whole, nonsense)
    assert [(line.id, line.digest) for line in stream.lines] == [("", 0), ("", 0)]


def test_what_is_no_decision_pays_no_debt_and_is_none_in_the_audit() -> None:
    def shrug(stream: Stream, key: str) -> None:
        stream.take(key)
        stream.workload.decided(msgspec.json.encode({"id": key, "decision": None}), {}, 9)

    stream, found = on(shrug, lambda stream: stream.offer())
    assert (found.outcome, found.reason) == (BAD, "schema")
    assert stream.workload.owed().owed == 1
    listings = LedgerReader(lambda: bytes(stream.ledger.data)).look()
    balance = judge_ids(Answers(frozenset({"w7-0"}), frozenset({"w7-0"}), {}), listings)
    assert (balance.missing, balance.delivered_once) == (1, 0)


def test_what_consumers_hold_is_written_down_when_it_changes() -> None:
    async def hold(stream: Stream) -> None:
        for count in (0, 3, 3, 1):
            stream.workload.held(count)

    stream, _ = on(whole, hold)
    assert stream.lines == (Held(count=0), Held(count=3), Held(count=1))


def test_a_ledger_with_a_line_that_is_none_is_not_trusted() -> None:
    with pytest.raises(Untrustworthy, match="no ledger"):
        read_stream(b'{"line":"taken","id":"w7-0","seq":1}\n')
