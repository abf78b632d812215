"""Messages are found where they begin and end, however the stream is cut; bytes are never lost."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.proxy.http1 import Framer, Role, begins, values

LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    b"4;x=y\r\nwiki\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: yes\r\n\r\n"
)
BODILESS = b"HTTP/1.1 204 No Content\r\n\r\n"
STREAM = LENGTH + CHUNKED + BODILESS + LENGTH


def split(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


def fed(framer, chunks):
    return [part for chunk in chunks for part in framer.feed(chunk)]


def content(parts):
    return b"".join(part.data for part in parts if part.role is Role.BODY)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_four_answers_are_four_answers_however_they_are_cut(cuts):
    framer = Framer("downstream")
    parts = fed(framer, split(STREAM, cuts))
    assert b"".join(part.data for part in parts) == STREAM
    assert sum(part.role is Role.DONE for part in parts) == 4
    assert content(parts) == b"hello" + b"wiki0123456789abcdef" + b"hello"
    assert framer.between


@given(
    st.binary(max_size=300),
    st.lists(st.integers(0, 300), max_size=5),
    st.sampled_from(["upstream", "downstream"]),
)
def test_no_byte_of_anything_is_lost(data, cuts, way):
    framer = Framer(way)
    parts = fed(framer, split(data, cuts)) + framer.finish()
    assert b"".join(part.data for part in parts) == data


def test_requests_with_and_without_a_body_follow_each_other():
    stream = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /p HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"
    parts = fed(Framer("upstream"), [stream])
    assert [part.role for part in parts] == [Role.HEAD, Role.DONE, Role.HEAD, Role.BODY, Role.DONE]


def test_an_answer_without_a_length_ends_with_the_connection():
    framer = Framer("downstream")
    parts = fed(framer, [b"HTTP/1.0 200 OK\r\n\r\nabc", b"def"])
    assert content(parts) == b"abcdef"
    assert [part.role for part in framer.finish()] == [Role.DONE]


def test_what_cannot_be_read_is_opaque_to_the_end():
    for broken in (
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        b"SSH-2.0-x\r\n\r\n",
    ):
        roles = {part.role for part in fed(Framer("downstream"), [broken, LENGTH])}
        assert roles == {Role.OPAQUE}


def test_after_an_upgrade_nothing_is_looked_into():
    parts = fed(Framer("downstream"), [b"HTTP/1.1 101 Switching Protocols\r\n\r\n", LENGTH])
    assert parts[-1].role is Role.OPAQUE


def test_the_beginning_of_a_stream_tells_whether_it_is_http():
    assert begins("upstream", b"OPTIONS * HTTP/1.1")
    assert not begins("upstream", b"get / HTTP/1.1")
    assert not begins("downstream", b"HTTP")
    assert values(CHUNKED, b"transfer-encoding") == [b"gzip, chunked"]
