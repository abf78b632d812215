"""What is owed is counted by id from the system's own listings, and a failed look says nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.model import Audit
from harness.experiment.places import Observe
from harness.history.events import Owed
from harness.observers.owed import Account, can_be_seen
from harness.observers.watch import Observers

AUDIT = Audit(accepted="gateway:/accepted", sink="delivery:/sink", dead_letters="gateway:/dead")
PAGE = 2  # of the small service: a listing is read to its end whatever the size of its pages


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        listing = self.server.listings.get(url.path)  # type: ignore[attr-defined]
        after = int(parse_qs(url.query)["after"][0])
        ids = [{"seq": n, "id": one} for n, one in enumerate(listing or [], 1)][after : after + PAGE]
        page = {"ids": ids, "last": after + len(ids), "end": after + len(ids) >= len(listing or [])}
        body = json.dumps(page).encode()
        self.send_response(200 if listing is not None else 503)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def serving(listings: dict[str, list[str] | None]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.listings = listings  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def seen(url: str) -> list[Owed]:
    urls = {"gateway": url, "delivery": url}
    with Observers(Observe(), urls, AUDIT, every_s=0.01) as observers:
        pass
    return [one for one in observers.drain() if isinstance(one, Owed)]


def test_what_is_in_neither_sink_nor_dead_letters_is_owed() -> None:
    listings = {"/accepted": ["a", "b", "c", "d", "e"], "/sink": ["b", "a"], "/dead": ["e"]}
    with serving(listings) as url:
        looks = seen(url)
    assert looks
    assert {(one.accepted, one.owed) for one in looks} == {(5, 2)}


def test_a_listing_that_cannot_be_read_gives_no_look() -> None:
    with serving({"/accepted": ["a"], "/sink": None, "/dead": []}) as url:
        assert seen(url) == []


def test_without_a_sink_or_with_a_service_that_does_not_run_nothing_is_looked_at() -> None:
    urls = {"gateway": "", "delivery": ""}
    assert can_be_seen(AUDIT, urls)
    assert not can_be_seen(Audit(accepted="gateway:/accepted"), urls)
    assert not can_be_seen(AUDIT, {"gateway": ""})


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60))
def test_what_is_owed_was_accepted_and_has_not_ended_in_any_order(
    told: list[tuple[bool, int]],
) -> None:
    account, accepted, ended = Account(), set(), set()
    for is_end, number in told:
        one = str(number)
        if is_end:
            account.end([one])
            ended.add(one)
        elif one not in accepted:
            account.accept([one])
            accepted.add(one)
    assert account.owed == len(accepted - ended)
