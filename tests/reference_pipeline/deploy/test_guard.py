"""Who may change a service: its own callers, never a page in a browser, nor anybody without the secret."""

from __future__ import annotations

import pytest

from reference_pipeline.deploy.guard import Guard

HOST = (b"host", b"127.0.0.1:20000")
SHOWN = (b"authorization", b"Bearer s3cret")


@pytest.mark.parametrize(
    ("token", "headers", "words"),
    [
        ("s3cret", [HOST, SHOWN], ""),
        ("s3cret", [(b"host", b"localhost"), SHOWN], ""),
        ("s3cret", [HOST], "token"),
        ("s3cret", [HOST, (b"authorization", b"Bearer s3cre")], "token"),
        ("s3cret", [HOST, (b"authorization", b"s3cret")], "token"),
        ("s3cret", [HOST, SHOWN, (b"origin", b"http://127.0.0.1:20000")], "browser"),
        ("s3cret", [HOST, SHOWN, (b"origin", b"null")], "browser"),
        ("s3cret", [(b"host", b"rebound.example:20000"), SHOWN], "not this machine"),
        ("s3cret", [(b"host", b"127.0.0.1.example:20000"), SHOWN], "not this machine"),
        ("s3cret", [SHOWN], "not this machine"),
        ("", [HOST], "token"),
        ("", [HOST, (b"authorization", b"Bearer ")], "token"),
        (None, [HOST], ""),
        (None, [HOST, (b"origin", b"null")], "browser"),
    ],
)
def test_a_change_is_taken_only_from_one_of_us(token, headers, words):
    guard = Guard(("/switches/", "/replay"), token)
    for method, path in (
        ("PUT", "/switches/mapping"),
        ("DELETE", "/switches/mapping/a"),
        ("POST", "/replay"),
    ):
        why = guard.why_not(method, path, headers)
        assert words in why
        assert bool(why) == bool(words)


def test_reading_and_the_workloads_own_routes_are_open():
    guard = Guard(("/switches/", "/replay"), "s3cret")
    assert guard.why_not("GET", "/switches/mapping", []) == ""
    assert guard.why_not("POST", "/decide", []) == ""
    assert Guard().why_not("POST", "/replay", []) == ""
