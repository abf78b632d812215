"""Observers see acts once, through hangs and restarts, say when they saw nothing, and block nobody."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.experiment.places import Observe
from harness.history.events import Acted, Blind, Looked
from harness.observers.fetch import Reply, Unseen, fetch
from harness.observers.reading import ActsReader, JournalReader, Lost
from harness.observers.watch import Observers
from tests.ports import free_ports

QUICK_S = 0.02


class Book:
    """What the small service lists; a test writes it while the service runs."""

    def __init__(self):
        self.acts, self.lines, self.version = [], [], "1.0.0"
        self.boot_id, self.status, self.limit, self.body = "a", 200, 1000, b""
        self.hang, self.asked = threading.Event(), threading.Event()
        self.let_go = threading.Event()

    def page(self, path):
        url = urlsplit(path)
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        if url.path == "/aliases/champion":
            return {"alias": "champion", "version": self.version}
        name = {"/acts": "acts", "/journal": "lines"}.get(url.path)
        if name is None:
            return None
        rows = [row for row in getattr(self, name) if row["seq"] > query["after"]][: query["limit"]]
        return {name: rows, "last": rows[-1]["seq"] if rows else len(getattr(self, name))}


def act(seq, name="breaker_opened", **fields):
    return {"seq": seq, "at_s": seq / 10, "act": name, "detail": f"d{seq}"} | fields


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        book = self.server.book
        book.asked.set()
        if book.hang.is_set():
            book.let_go.wait(20)
        page = book.page(self.path)
        body = book.body or json.dumps(page).encode()
        self.send_response(404 if page is None else book.status)
        self.send_header("x-boot-id", book.boot_id)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def serving(book, port=0):
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        server.book = book
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            book.let_go.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def book():
    return Book()


class Taken:
    """Everything that an observer has given so far."""

    def __init__(self, observers):
        self._observers, self.events = observers, []

    def take(self):
        self.events += self._observers.drain()
        return self

    @property
    def acts(self):
        return [event for event in self.events if isinstance(event, Acted)]

    @property
    def gaps(self):
        return [event for event in self.events if isinstance(event, Blind)]

    @property
    def counts(self):
        return [event for event in self.events if isinstance(event, Looked)]


ACTS = Observe(acts=("gateway:/acts",))


def test_acts_are_seen_once_with_the_systems_own_stamp(book, until):
    book.acts = [act(1), act(2, effect=False)]
    with serving(book) as url, Observers(ACTS, {"gateway": url}, every_s=QUICK_S) as observers:
        taken = Taken(observers)
        until(lambda: len(taken.take().acts) == 2)
        book.acts.append(act(3, "breaker_closed"))
        until(lambda: len(taken.take().acts) == 3)
    taken.take()
    assert [(one.at_s, one.act, one.detail, one.effect) for one in taken.acts] == [
        (0.1, "breaker_opened", "d1", True),
        (0.2, "breaker_opened", "d2", False),
        (0.3, "breaker_closed", "d3", True),
    ]
    assert {(one.observer, one.service) for one in taken.acts} == {("gateway:/acts", "gateway")}
    assert taken.gaps == []


def test_an_act_without_a_stamp_has_the_instant_at_which_it_was_received(book, until):
    book.acts = [{"seq": 1, "act": "switched"}]
    with serving(book) as url, Observers(ACTS, {"gateway": url}, every_s=QUICK_S) as observers:
        (one,) = until(observers.drain)
    assert one.at_s == one.received_s > 0


def test_long_listings_are_read_to_their_end(book, until):
    book.acts = [act(seq) for seq in range(1, 1202)]
    with serving(book) as url, Observers(ACTS, {"gateway": url}, every_s=QUICK_S) as observers:
        taken = Taken(observers)
        until(lambda: len(taken.take().acts) == 1201)
    assert [one.detail for one in taken.acts] == [f"d{seq}" for seq in range(1, 1202)]


@pytest.mark.parametrize("again", ["numbers from 1 again", "goes on with its numbers"])
def test_a_restarted_service_is_read_anew_and_nothing_is_given_twice(book, until, again):
    book.acts = [act(1), act(2)]
    with serving(book) as url, Observers(ACTS, {"gateway": url}, every_s=QUICK_S) as observers:
        taken = Taken(observers)
        until(lambda: len(taken.take().acts) == 2)
        new = act(1, at_s=7.5) if again == "numbers from 1 again" else act(3, at_s=7.5)
        book.acts, book.boot_id = ([new] if new["seq"] == 1 else [*book.acts, new]), "b"
        until(lambda: len(taken.take().acts) == 3)
    assert [one.at_s for one in taken.take().acts] == [0.1, 0.2, 7.5]


def test_a_list_that_began_again_and_grew_past_the_cursor_is_read_whole(book, until):
    book.acts = [act(1)]
    with serving(book) as url, Observers(ACTS, {"gateway": url}, every_s=QUICK_S) as observers:
        taken = Taken(observers)
        until(lambda: len(taken.take().acts) == 1)
        book.acts, book.boot_id = [act(seq, at_s=5.0 + seq) for seq in (1, 2, 3)], "b"
        until(lambda: len(taken.take().acts) == 4)
    assert [one.at_s for one in taken.acts] == [0.1, 6.0, 7.0, 8.0]


def test_a_service_that_is_away_leaves_one_gap_and_its_acts_are_seen_after_it(book, until):
    (port,) = free_ports(1)
    book.acts = [act(1)]
    with Observers(ACTS, {"gateway": f"http://127.0.0.1:{port}"}, every_s=QUICK_S) as observers:
        taken = Taken(observers)
        with serving(book, port):
            until(lambda: len(taken.take().acts) == 1)
        with socket.create_server(("127.0.0.1", port)) as closing:  # it is away when somebody else answers
            closing.accept()[0].close()
        book.acts.append(act(2))
        with serving(book, port):
            until(lambda: len(taken.take().acts) == 2)
            until(lambda: taken.take().gaps)
    first_s, second_s = (one.received_s for one in taken.acts)
    (gap,) = [one for one in taken.gaps if first_s < one.until_s <= second_s]
    assert gap.since_s < gap.until_s
    assert gap.observer == "gateway:/acts"
    assert gap.why


def test_a_hung_service_blocks_neither_the_caller_nor_the_other_observers(book, until):
    hung = Book()
    hung.hang.set()
    observed = Observe(acts=("gateway:/acts", "other:/acts"))
    with serving(book) as url, serving(hung) as hung_url:
        with Observers(observed, {"gateway": hung_url, "other": url}, every_s=QUICK_S) as observers:
            taken = Taken(observers)
            until(hung.asked.is_set)
            book.acts.append(act(1))
            until(lambda: taken.take().acts)
        taken.take()
    assert [one.service for one in taken.acts] == ["other"]
    assert {gap.observer for gap in taken.gaps} == {"gateway:/acts"}


def test_a_gap_that_is_open_at_the_end_is_told(until):
    (port,) = free_ports(1)
    observers = Observers(ACTS, {"gateway": f"http://127.0.0.1:{port}"}, every_s=QUICK_S)
    with observers:
        assert observers.drain() == []
    (gap,) = Taken(observers).take().gaps
    assert gap.since_s < gap.until_s
    assert "ConnectionRefused" in gap.why


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_is_a_gap_and_no_answer(book, status):
    book.status = status
    with serving(book) as url:
        observers = Observers(ACTS, {"gateway": url}, every_s=QUICK_S)
        with observers:
            pass
        (gap,) = Taken(observers).take().gaps
    assert gap.why == f"status {status}"


def test_an_answer_of_another_shape_is_a_gap(book):
    book.acts = [{"seq": 1}]
    with serving(book) as url:
        observers = Observers(ACTS, {"gateway": url}, every_s=QUICK_S)
        with observers:
            pass
        (gap,) = Taken(observers).take().gaps
    assert "not what the protocol says" in gap.why


def test_a_route_that_is_not_there_in_this_arm_is_no_blindness(book, until):
    with serving(book) as url:
        observers = Observers(Observe(acts=("gateway:/none",)), {"gateway": url}, every_s=QUICK_S)
        with observers:
            until(book.asked.is_set)
        taken = Taken(observers).take()
    assert (taken.acts, taken.gaps) == ([], [])
    (count,) = taken.counts
    assert (count.observer, count.looks, count.listed) == ("gateway:/none", 0, True)
    assert count.failures > 0


def test_a_route_that_comes_late_or_goes_again_was_not_seen_meanwhile(book, until):
    for first, then in (404, 200), (200, 404):
        book.status, book.asked = first, threading.Event()
        with serving(book) as url:
            observers = Observers(ACTS, {"gateway": url}, every_s=QUICK_S)
            with observers:
                until(book.asked.is_set)
                book.status = then
                book.asked.clear()
                until(book.asked.is_set)
                book.asked.clear()
                until(book.asked.is_set)
            (gap,) = Taken(observers).take().gaps
        assert gap.why == "status 404"


def test_how_many_looks_succeeded_is_told_once_at_the_end_for_each_place(book, until):
    observed = Observe(
        acts=("gateway:/acts", "gatewy:/acts"),
        aliases=("gateway:/aliases/champion",),
        journal="gateway:/journal",
    )
    with serving(book) as url:
        observers = Observers(observed, {"gateway": url}, every_s=QUICK_S)
        with observers:
            until(book.asked.is_set)
            assert Taken(observers).take().counts == []
        counts = {one.observer: one for one in Taken(observers).take().counts}
    assert set(counts) == {"gateway:/acts", "gatewy:/acts", "gateway:/aliases/champion"}
    assert counts["gateway:/acts"].looks > 0 < counts["gateway:/aliases/champion"].looks
    assert (counts["gatewy:/acts"].looks, counts["gatewy:/acts"].failures) == (0, 0)
    assert [counts[place].listed for place in sorted(counts)] == [True, False, True]
    assert observers.drain() == []


def test_an_answer_nested_without_end_is_a_gap_and_the_looks_go_on(book, until):
    book.body = b'{"acts":[],"last":0,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with serving(book) as url, Observers(ACTS, {"gateway": url}, every_s=QUICK_S) as observers:
        taken = Taken(observers)
        until(book.asked.is_set)
        book.asked.clear()
        until(book.asked.is_set)
        book.acts, book.body = [act(1)], b""
        until(lambda: taken.take().acts and taken.gaps)
    assert "RecursionError" in taken.gaps[0].why or "recursion" in taken.gaps[0].why


def test_whatever_breaks_a_look_is_told(book, until):
    with serving(book) as url:
        observers = Observers(ACTS, {"gateway": url.replace("127.0.0.1", "[::1")}, every_s=QUICK_S)
        with observers:
            pass
        (gap,) = Taken(observers).take().gaps
    assert "ValueError" in gap.why


def reply(boot_id, *acts, last=0):
    body = json.dumps({"acts": acts, "last": max([last, *(one["seq"] for one in acts)])}).encode()
    return Reply(status=200, boot_id=boot_id, body=body, received_s=1.0)


def test_a_restart_between_two_looks_may_have_taken_acts_with_it():
    reader = ActsReader("gateway:/acts", "gateway")
    assert reader.read(reply("a")) == ([], False)
    assert reader.read(reply("b")) == ([Lost("it started again")], False)
    assert reader.read(reply("b")) == ([], False)


def test_an_act_without_a_stamp_is_another_one_in_another_life():
    reader = ActsReader("gateway:/acts", "gateway")
    one = {"seq": 1, "act": "breaker_opened"}
    assert len(reader.read(reply("a", one))[0]) == 1
    assert reader.read(reply("b", one)) == ([Lost("it started again")], True)
    assert [item.act for item in reader.read(reply("b", one))[0]] == ["breaker_opened"]
    assert reader.read(reply("b", last=1)) == ([], False)


def test_numbers_that_are_missing_are_acts_that_nobody_has_seen():
    reader = ActsReader("gateway:/acts", "gateway")
    assert [type(item) for item in reader.read(reply("a", act(501), act(502)))[0]] == [Lost, Acted, Acted]
    assert [type(item) for item in reader.read(reply("a", act(503), act(505)))[0]] == [Lost, Acted, Acted]
    assert [type(item) for item in reader.read(reply("a", act(506)))[0]] == [Acted]


def test_what_is_lost_is_a_gap_from_the_last_look(book, until):
    with serving(book) as url, Observers(ACTS, {"gateway": url}, every_s=QUICK_S) as observers:
        taken = Taken(observers)
        until(book.asked.is_set)
        book.asked.clear()
        until(book.asked.is_set)
        book.boot_id = "b"
        until(lambda: taken.take().gaps)
    (gap,) = taken.take().gaps
    assert (gap.why, gap.since_s < gap.until_s, gap.lost) == ("it started again", True, True)


def test_a_head_that_drips_does_not_hold_the_looker():
    """Each byte comes in time; all of them would take a minute."""
    gone = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            with server.accept()[0] as connection, contextlib.suppress(OSError):
                connection.recv(999)
                for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 600:
                    connection.sendall(bytes([byte]))
                    if gone.wait(0.1):
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(Unseen, match=r"in time|timed out"):
            fetch(f"http://127.0.0.1:{server.getsockname()[1]}", "/", 0.3)
        assert thread.is_alive()
        gone.set()
        thread.join()


def test_a_service_that_does_not_run_in_this_arm_is_not_looked_at():
    observers = Observers(Observe(journal="healer:/journal"), {"gateway": "http://127.0.0.1:1"})
    with observers:
        pass
    assert observers.drain() == []
    assert observers.journal() == []


def test_another_version_of_an_alias_is_an_act_and_the_first_look_is_none(book, until):
    observed = Observe(aliases=("registry:/aliases/champion",))
    with serving(book) as url, Observers(observed, {"registry": url}, every_s=QUICK_S) as observers:
        until(book.asked.is_set)
        book.asked.clear()
        until(book.asked.is_set)
        book.version = "1.1.0"
        (one,) = until(observers.drain)
    assert (one.service, one.act, one.detail) == ("registry", "alias_changed", "champion 1.0.0 -> 1.1.0")
    assert one.at_s == one.received_s


def test_a_journal_line_of_many_lines_becomes_one():
    body = b'{"lines": [{"seq": 1, "line": {\r\n  "data": "a\\nb"\n}}], "last": 1}'
    told, _ = JournalReader().read(Reply(status=200, boot_id="a", body=body, received_s=1.0))
    (one,) = told
    assert one.line.splitlines() == [one.line]
    assert json.loads(one.line) == {"data": "a\nb"}


def test_the_journal_is_kept_as_it_came(book, until):
    book.lines = [{"seq": 1, "line": {"type": "io.hormesis.heal.detected.v1", "data": {"x": 1.50}}}]
    with serving(book) as url:
        observed = Observe(journal="healer:/journal")
        with Observers(observed, {"healer": url}, every_s=QUICK_S) as observers:
            (one,) = until(observers.journal)
    assert one.line == json.dumps(book.lines[0]["line"]).encode()
    assert one.received_s > 0


def _reply(acts, last, boot_id="a"):
    body = json.dumps({"acts": acts, "last": last}).encode()
    return Reply(status=200, boot_id=boot_id, body=body, received_s=1.0)


def test_a_list_that_is_shorter_than_before_has_lost_acts():
    reader = ActsReader("gateway:/acts", "gateway")
    reader.read(_reply([act(1), act(2)], 2))
    items, again = reader.read(_reply([], 1))
    assert again
    assert [type(item) for item in items] == [Lost]


def test_acts_that_are_counted_and_not_listed_are_lost():
    items, _ = ActsReader("gateway:/acts", "gateway").read(_reply([act(1)], 7))
    assert [type(item) for item in items] == [Lost, Acted]


def test_a_service_that_does_not_say_which_start_it_is_cannot_be_observed():
    with pytest.raises(Unseen, match="x-boot-id"):
        ActsReader("gateway:/acts", "gateway").read(_reply([act(1)], 1, boot_id=""))
