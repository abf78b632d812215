"""The healer's words are read as far as they are understood, and whatever else stands there harms nothing."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from harness.history.journal import LINES_MAX, TEXT_MAX, read_journal


def _line(**changed: object) -> bytes:
    line = {
        "specversion": "1.0",
        "id": "h-1",
        "type": "io.hormesis.heal.action.started.v1",
        "subject": "model",
        "data": {"reason": "1.1.0 loses less", "target": "model", "at_s": 3.0},
    }
    return json.dumps({"received_s": 7.25, "line": {**line, **changed}}).encode() + b"\n"


def test_kind_target_and_reason_are_read() -> None:
    (said,) = read_journal(_line())
    assert (said.received_s, said.kind, said.target) == (7.25, "started", "model")
    assert said.reason == "1.1.0 loses less"


def test_what_is_no_event_is_left_out_and_the_rest_is_kept() -> None:
    data = b'{"received_s": "late"}\n' + _line() + b"\xff\xfe\n[" * 3 + b"\n" + _line(type="x", data={})
    kinds = [said.kind for said in read_journal(data)]
    assert kinds == ["started", "x"]


def test_long_words_and_endless_journals_are_cut() -> None:
    (said,) = read_journal(_line(data={"reason": "w" * 1000}))
    assert (len(said.reason), said.target) == (TEXT_MAX, "model")
    assert len(read_journal(_line() * (LINES_MAX + 5))) == LINES_MAX


@given(st.binary())
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    assert isinstance(read_journal(data), tuple)
