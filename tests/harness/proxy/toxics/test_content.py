"""Corruption flips one bit and spares heads; a wrong answer is valid HTTP in the place of the right one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.proxy.http1 import Framer
from harness.proxy.toxics.base import Chain, Dice, Mark, Tally
from harness.proxy.toxics.content import Corrupt, Watch, WatchRequests, WrongBody

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Kept: yes\r\nContent-Length: %d\r\n\r\n"


def corrupting(opening=b"", share=1.0, seed=1, tally=None):
    chain = Chain()
    framer = Framer("downstream", opening)
    chain.add("t", Corrupt(tally or Tally(), framer, toxicity=share, number=1, dice=Dice(seed)))
    return chain


def replacing(body="html", watch=None):
    chain = Chain()
    stage = WrongBody(Tally(), Framer("downstream"), toxicity=1.0, number=1, dice=Dice(1))
    chain.add("t", stage.replace_by(body, watch or Watch()))
    return chain


def message(content):
    return HEAD % len(content) + content


def pushed(chain, data, cuts=()):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(edges) if a < b]
    return b"".join(piece for chunk in chunks for piece in chain.push(chunk, 0.0))


def flipped_bits(before, after):
    return [(i, (a ^ b).bit_count()) for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]


@given(st.binary(min_size=1, max_size=400), st.integers(0, 100))
def test_one_bit_of_a_chunk_is_flipped(data, seed):
    after = pushed(corrupting(opening=b"not http", seed=seed), data)
    assert [count for _, count in flipped_bits(data, after)] == [1]


@given(st.binary(min_size=1, max_size=200), st.lists(st.integers(0, 400), max_size=4), st.integers(0, 50))
def test_heads_are_spared_however_the_stream_is_cut(content, cuts, seed):
    before = message(content)
    after = pushed(corrupting(seed=seed), before, cuts)
    hits = flipped_bits(before, after)
    assert hits
    assert all(at >= len(before) - len(content) for at, _ in hits)


def test_a_stream_that_is_not_http_is_corrupted_from_its_first_byte_on():
    tally = Tally()
    assert pushed(corrupting(tally=tally), b"ping") != b"ping"
    assert tally.counters().chunks == tally.counters().connections == 1


def test_a_connection_joined_in_the_middle_is_spared_until_a_head_comes():
    chain = corrupting(opening=b"HTTP/1.1 200 OK")
    assert chain.push(b"rest of a body", 0.0) == [b"rest of a body"]
    assert b"".join(chain.push(message(b"content"), 0.0)) != message(b"content")


def test_the_share_of_chunks_is_that_of_the_toxicity():
    chain = corrupting(opening=b"raw", share=0.3)
    hit = sum(chain.push(b"chunk", 0.0) != [b"chunk"] for _ in range(2000))
    assert 500 < hit < 700


@given(st.binary(max_size=200), st.lists(st.integers(0, 400), max_size=4))
@pytest.mark.parametrize("body", ["html", "empty", "truncated", "status"])
def test_the_answer_is_replaced_however_it_is_cut(body, content, cuts):
    chain = replacing(body)
    first, second = (pushed(chain, message(content), cuts) for _ in range(2))
    assert first == second
    head, _, rest = first.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502" if body == "status" else b"HTTP/1.1 200")
    assert b"Content-Length: %d" % len(rest) in head
    expected = {"empty": b"", "truncated": content[: len(content) // 2]}
    assert rest == expected.get(body, rest)
    assert (b"X-Kept: yes" in head) == (body == "truncated")


def test_removal_in_the_middle_of_an_answer_replaces_that_one_and_no_other():
    chain, content = replacing("empty"), b"0123456789"
    assert chain.push(message(content)[:-4], 0.0) == []
    assert chain.remove("t", 0.0) == []
    assert b"".join(chain.push(content[-4:], 0.0)).endswith(b"Content-Length: 0\r\n\r\n")
    assert not chain
    assert chain.push(message(content), 0.0) == [message(content)]


def test_an_answer_that_ends_with_the_connection_is_replaced_before_the_end():
    chain = replacing("status")
    assert chain.push(b"HTTP/1.1 200 OK\r\n\r\nall until the end", 0.0) == []
    answer, end = chain.push(Mark.END, 0.0)
    assert answer.startswith(b"HTTP/1.1 502")
    assert end is Mark.END


def test_an_answer_to_head_and_an_interim_one_pass():
    watch = Watch()
    requests = Chain()
    requests.add("t", WatchRequests(Tally(), watch))
    chain = replacing("html", watch=watch)
    requests.push(b"HEAD / HTTP/1.1\r\n\r\n", 0.0)
    assert pushed(chain, HEAD % 100) == HEAD % 100
    requests.push(b"POST / HTTP/1.1\r\n\r\n", 0.0)
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert pushed(chain, interim) == interim
    assert pushed(chain, message(b"right")).endswith(b"</html>\n")


def test_what_is_not_http_passes_untouched_and_at_once():
    chain = replacing("html")
    assert chain.push(b"ping", 0.0) == [b"ping"]
