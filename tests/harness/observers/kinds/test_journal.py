"""A journal in a file or on a page is read on: each line once, whole, and none of an earlier run."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.observers.fetch import Unseen
from harness.observers.kinds.journal import BYTES_MAX, JournalFile, JournalPage

ONE, TWO, THREE = b'{"type": "one"}', b'{"type": "two"}', b'{"type": "three"}'


def appended(file, *parts):
    with file.open("ab") as opened:
        opened.writelines(parts)


def test_lines_come_once_and_whole(tmp_path):
    file = tmp_path / "journal.jsonl"
    journal = JournalFile(file)
    assert journal.look() is None
    appended(file, ONE + b"\n", TWO[:5])
    assert journal.look() == [ONE]
    assert journal.look() == []
    appended(file, TWO[5:], b"\r\n\n", b"no json\n", b"[1]\n", THREE + b"\n")
    assert journal.look() == [TWO, THREE]


def test_what_stood_there_before_is_of_an_earlier_run(tmp_path):
    file = tmp_path / "journal.jsonl"
    appended(file, ONE + b"\n")
    journal = JournalFile(file)
    assert journal.look() == []
    appended(file, TWO + b"\n")
    assert journal.look() == [TWO]


@pytest.mark.parametrize(("turned", "lines"), [("rename", 1), ("rename", 9), ("truncate", 1)])
def test_a_journal_that_begins_anew_is_read_from_its_start(tmp_path, turned, lines):
    file = tmp_path / "journal.jsonl"
    journal = JournalFile(file)
    journal.look()
    appended(file, ONE + b"\n", TWO + b"\n")
    journal.look()
    if turned == "rename":
        file.rename(tmp_path / "journal.1")
    else:
        file.write_bytes(b"")
    appended(file, *[THREE + b"\n"] * lines)
    assert journal.look() == [THREE] * lines


def test_a_line_without_an_end_does_not_hold_the_rest_up(tmp_path):
    file = tmp_path / "journal.jsonl"
    journal = JournalFile(file)
    journal.look()
    appended(file, b"x" * (BYTES_MAX + 9), b"\n" + ONE + b"\n")
    assert [journal.look(), journal.look()] == [[], [ONE]]


def test_what_can_be_no_file_is_no_journal(tmp_path):
    for place in (tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(Unseen):
            JournalFile(place).look()


@contextlib.contextmanager
def page():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(self.server.status)
            self.send_header("Content-Length", str(len(self.server.body)))
            self.end_headers()
            self.wfile.write(self.server.body)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.status, server.body = 404, b""
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_page_gives_each_line_once():
    with page() as server:
        journal = JournalPage(f"http://127.0.0.1:{server.server_address[1]}/journal", 2.0)
        assert journal.look() is None
        server.status, server.body = 200, ONE + b"\n" + ONE + b"\n" + TWO[:4]
        assert journal.look() == [ONE, ONE]
        server.body = ONE + b"\n" + ONE + b"\n" + TWO + b"\n"
        assert journal.look() == [TWO]
        server.status = 500
        with pytest.raises(Unseen, match="500"):
            journal.look()


def test_a_page_that_drops_its_oldest_lines_gives_none_again():
    with page() as server:
        journal = JournalPage(f"http://127.0.0.1:{server.server_address[1]}/journal", 2.0)
        journal.look()
        server.status, server.body = 200, ONE + b"\n" + TWO + b"\n"
        assert journal.look() == [ONE, TWO]
        server.body = TWO + b"\n" + THREE + b"\n"
        assert journal.look() == [THREE]


def test_what_a_page_held_at_first_is_of_an_earlier_run():
    with page() as server:
        journal = JournalPage(f"http://127.0.0.1:{server.server_address[1]}/journal", 2.0)
        server.status, server.body = 200, ONE + b"\n"
        assert journal.look() == []
        server.body += TWO + b"\n"
        assert journal.look() == [TWO]
