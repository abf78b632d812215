"""Faults in the records of a real driver against a real server that keeps what it was sent."""

from __future__ import annotations

import http.server
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from driver_kit import Driver
from outage_stub import answers

from harness.driver.orders import RecordFaults
from harness.driver.resends import read_resends
from harness.driver.sinks import FileSink
from harness.driver.spec import Span
from harness.driver.taint import read_taint
from harness.driver.workload import Change, Parcel, Reply
from harness.experiment.model import Profile
from harness.faults.effects import Mutate, Surge
from harness.history.observations import LOAD, WITNESS

PROFILE = Profile(rate_hz=100.0, load_batch=10, load_every_s=0.2)
DROP = Mutate(mutation="null", field="due_s")  # the stub decides by the amount alone


class Keeper(http.server.BaseHTTPRequestHandler):
    """Answers like the stub and keeps every record, in order of arrival."""

    protocol_version = "HTTP/1.1"
    kept: list[dict]
    decide = staticmethod(answers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.kept.extend(json.loads(body)["records"])
        reply = self.decide(body)
        self.send_response(200)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def keeper() -> Iterator[tuple[int, list[dict]]]:
    kept: list[dict] = []
    handler = type("OneKeeper", (Keeper,), {"kept": kept})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1], kept
        server.shutdown()
        thread.join()


def spans(effect: Mutate | Surge, until_s: float = 60.0) -> tuple[Span, ...]:
    return (Span(episode=3, from_s=0.0, until_s=until_s, effect=effect),)


def driver(folder: Path, port: int, effect: Mutate | Surge, **changes: object) -> Driver:
    given = {"profile": PROFILE, "mutations": spans(effect), "taint": str(folder / "taint.jsonl")}
    return Driver(folder, port, **given | changes)


def told_of_records(running: Driver, why: str) -> dict:
    while True:
        message = running.line()
        assert "done" not in message, "the driver ended first"
        if message.get("records", {}).get("why") == why:
            return message["records"]


def ledger(folder: Path) -> list[str]:
    lines, torn = read_taint((folder / "taint.jsonl").read_bytes())
    assert torn == 0
    return [line.id for line in lines]


@pytest.mark.live
def test_records_are_changed_from_on_to_off_and_every_one_of_them_is_in_the_ledger(
    tmp_path: Path, keeper: tuple[int, list[dict]]
) -> None:
    port, kept = keeper
    with driver(tmp_path, port, DROP) as running:
        assert running.line()["units"] == 200
        running.go()
        running.until_rows(20)
        running.say("on 3")
        assert told_of_records(running, "on") | {"at_s": 0} == {
            "episode": 3,
            "on": True,
            "why": "on",
            "touched": 0,
            "at_s": 0,
            "first": "",
        }
        first = told_of_records(running, "first")
        running.say("off 3")
        off = told_of_records(running, "off")
        running.until_rows(len(running.rows()) + 20)
        running.say("look 3")
        look = told_of_records(running, "look")
        running.until_done()
    assert (off["on"], look["on"], look["touched"]) == (False, False, off["touched"])
    touched = ledger(tmp_path)
    assert len(touched) == off["touched"] > 0
    assert first["first"] in touched
    assert {r["id"] for r in kept if r.get("due_s", 0) is None} == set(touched)
    assert len(kept) == len(running.rows()) == 200 + 100
    sent_s = {f"{'wl'[r['stream']]}7-{r['unit']}": r["sent"] for r in running.rows()}
    assert first["at_s"] == pytest.approx(sent_s[first["first"]], abs=1e-3)


@pytest.mark.live
def test_without_an_order_and_after_the_span_nothing_is_changed(
    tmp_path: Path, keeper: tuple[int, list[dict]]
) -> None:
    port, kept = keeper
    with driver(tmp_path, port, DROP, mutations=spans(DROP, until_s=0.3), duration_s=1.0) as running:
        running.line()
        running.go()
        running.until_rows(80)
        running.say("on 3")
        running.until_done()
    assert ledger(tmp_path) == []
    assert all(r.get("due_s", 0) is not None for r in kept)


@pytest.mark.live
def test_duplicates_arrive_twice_and_are_in_no_row(tmp_path: Path, keeper: tuple[int, list[dict]]) -> None:
    port, kept = keeper
    effect = Mutate(mutation="duplicate", lag_s=0.1, share_ratio=0.5)
    with driver(tmp_path, port, effect, duration_s=1.0, resends=str(tmp_path / "again")) as running:
        running.line()
        running.go()
        running.say("on 3")
        running.until_done()
    counts = Counter(record["id"] for record in kept)
    twice = {name for name, count in counts.items() if count == 2}
    assert twice == set(ledger(tmp_path))
    assert max(counts.values()) == 2
    rows = running.rows()
    assert len(rows) == len(counts) == 150
    resends = read_resends((tmp_path / "again").read_bytes())
    first = {f"{'wl'[r['stream']]}7-{r['unit']}": int(r["digest"]) for r in rows}
    assert {resend.id for resend in resends} == twice
    assert all(resend.digest == first[resend.id] != 0 for resend in resends)


@pytest.mark.live
def test_what_a_duplicate_is_answered_is_kept_where_it_is_not_what_was_answered_first(
    tmp_path: Path, keeper: tuple[int, list[dict]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, kept = keeper

    def forgetful(body: bytes) -> bytes:
        seen = {record["id"] for record in kept[: -len(json.loads(body)["records"])]}
        records = json.loads(body)["records"]
        again = [{**r, "amount": 1000.0 - r["amount"]} if r["id"] in seen else r for r in records]
        return answers(json.dumps({"records": again}).encode())

    monkeypatch.setattr(Keeper, "decide", staticmethod(forgetful))
    effect = Mutate(mutation="duplicate", lag_s=0.2)
    with driver(tmp_path, port, effect, duration_s=1.0, resends=str(tmp_path / "again")) as running:
        running.line()
        running.go()
        running.say("on 3")
        running.until_done()
    resends = read_resends((tmp_path / "again").read_bytes())
    first = {f"{'wl'[r['stream']]}7-{r['unit']}": int(r["digest"]) for r in running.rows()}
    assert resends
    assert all(resend.digest not in (0, first[resend.id]) for resend in resends)


@pytest.mark.live
def test_a_surge_has_rows_of_its_own_and_leaves_the_witness_alone(
    tmp_path: Path, keeper: tuple[int, list[dict]]
) -> None:
    port, kept = keeper
    effect = Surge(factor=3.0)
    with driver(tmp_path, port, effect, mutations=spans(effect, until_s=1.0), duration_s=1.0) as running:
        running.line()
        running.go()
        running.say("on 3")
        done = running.until_done()[-1]["done"]
    rows = running.rows()
    extra = rows["unit"][(rows["stream"] == LOAD) & (rows["unit"] >= 50)]
    assert {f"l7-{unit}" for unit in extra} == set(ledger(tmp_path)) != set()
    assert (rows["stream"] == WITNESS).sum() == done["units"] == 100
    assert done["load_units"] == 50 + len(extra)
    assert len(kept) == len(rows)


@pytest.mark.live
def test_an_order_that_is_none_ends_the_driver_with_an_error(
    tmp_path: Path, keeper: tuple[int, list[dict]]
) -> None:
    with driver(tmp_path, keeper[0], DROP) as running:
        running.line()
        running.go()
        running.say("on 4")
        _, errors = running.process.communicate(timeout=30)
    assert running.process.returncode == 1
    assert "no such order" in errors


@pytest.mark.live
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mutations": spans(Mutate(mutation="drop", field="amonut"))}, "no record has a field 'amonut'"),
        ({"taint": ""}, "a place for their taint ledger"),
    ],
)
def test_a_fault_that_cannot_be_done_is_refused_at_the_start(tmp_path: Path, changes: dict, why: str) -> None:
    with driver(tmp_path, 1, DROP, **changes) as running:
        _, errors = running.process.communicate(timeout=30)
    assert running.process.returncode == 5
    assert why in errors
    assert "Traceback" not in errors


def faults(folder: Path, tell: Callable[[dict], None] = lambda _: None) -> RecordFaults:
    return RecordFaults(spans(DROP, 2.0), FileSink(folder / "taint.jsonl"), tell=tell, now=lambda: 5.0)


CHANGE = Change(3, Parcel(1.0, (), b"x"), ("w7-1", "w7-2"), b"a line\n")


def test_a_change_is_in_force_while_its_episode_is_on_and_inside_its_span(tmp_path: Path) -> None:
    board = faults(tmp_path)
    parcel = Parcel(1.0, (), b"", instead=CHANGE)
    assert board.in_force(parcel, 1.0) is None
    board.obey(b"on 3\n")
    assert board.in_force(parcel, 1.0) is CHANGE
    assert board.in_force(parcel, 2.0) is None  # due inside, sent behind the end
    assert board.in_force(Parcel(1.0, (), b"x"), 1.0) is None
    board.obey(b"off 3\n")
    board.obey(b"off 3\n")
    assert board.in_force(parcel, 1.0) is None
    board.close()


@pytest.mark.parametrize(
    "order", [b"on 4\n", b"off\n", b"hurt 3\n", b"on three\n", b"on 3 3\n", b"\n", b"\xff 3\n"]
)
def test_what_is_no_order_is_an_error(tmp_path: Path, order: bytes) -> None:
    board = faults(tmp_path)
    with pytest.raises(ValueError, match="no such order"):
        board.obey(order)
    board.close()


@pytest.mark.parametrize(
    ("fault", "handed", "proof"),
    [
        ("", True, True),
        ("reset", False, True),
        ("timeout", True, True),
        ("timeout", False, False),
        ("refused", False, False),
    ],
)
def test_the_first_record_is_told_once_and_only_when_it_was_sent_for_certain(
    tmp_path: Path, fault: str, handed: bool, proof: bool
) -> None:
    told: list[dict] = []
    board = faults(tmp_path, told.append)
    board.touch(CHANGE)
    assert (tmp_path / "taint.jsonl").read_bytes() == b"a line\n"
    for _ in range(2):
        board.answered(CHANGE, Reply(1.25, 1.5, fault, handed=handed))
    firsts = [m["records"] for m in told]
    expected = {"episode": 3, "on": False, "why": "first", "touched": 2, "at_s": 1.25, "first": "w7-1"}
    assert firsts == [expected] * proof
    board.close()


def change(number: int) -> Change:
    return Change(3, Parcel(number / 10, (), b"x"), (f"w7-{number}",), b"a line\n")


@pytest.mark.parametrize(
    ("before", "first", "at_s"),
    [
        (Reply(1.0, 3.0, "timeout", handed=True), "w7-1", 1.0),  # an outage that the fault made
        (Reply(1.0, 3.0, "reset"), "w7-1", 1.0),
        (Reply(1.0, 3.0, "timeout"), "w7-2", 2.0),  # nothing was handed over
        (Reply(1.0, 1.1, "refused"), "w7-2", 2.0),
    ],
)
def test_the_effect_begins_with_the_first_record_that_went_out_whichever_was_answered_first(
    tmp_path: Path, before: Reply, first: str, at_s: float
) -> None:
    told: list[dict] = []
    board = faults(tmp_path, told.append)
    earlier, later, last = change(1), change(2), change(3)
    for one in (earlier, later, last):
        board.touch(one)
    board.answered(later, Reply(2.0, 2.1, handed=True))
    assert told == []
    board.answered(earlier, before)
    board.answered(last, Reply(2.5, 2.6, handed=True))
    assert [(m["records"]["first"], m["records"]["at_s"]) for m in told] == [(first, at_s)]
    board.close()


def test_nothing_is_told_where_no_touched_record_went_out(tmp_path: Path) -> None:
    told: list[dict] = []
    board = faults(tmp_path, told.append)
    for number in (1, 2):
        board.touch(change(number))
        board.answered(change(number), Reply(1.0, 1.1, "refused"))
    assert told == []
    board.close()


def test_spans_are_decoded_from_json_with_their_effect() -> None:
    (span,) = spans(DROP)
    assert msgspec.json.decode(msgspec.json.encode(span), type=Span) == span
