"""The ledger is read strictly: a torn last line is told, anything else that is wrong is an error."""

from __future__ import annotations

import pytest

from harness.driver.taint import Taint, read_taint, taint_bytes
from harness.errors import Untrustworthy

LINES = [Taint(id=f"w7-{n}", episode=0, mutation="drop", field="amount", detail="") for n in range(3)]


def test_lines_read_back_and_a_ledger_without_lines_is_empty():
    assert read_taint(taint_bytes(LINES)) == (tuple(LINES), 0)
    assert read_taint(b"") == ((), 0)


def test_a_ledger_cut_anywhere_gives_its_whole_lines():
    data = taint_bytes(LINES)
    for end in range(len(data)):
        lines, torn = read_taint(data[:end])
        assert len(lines) == data[:end].count(b"\n")
        assert torn == int(end > 0 and data[end - 1 : end] != b"\n")


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b'{"id":"a","episode":"0"}', b"\xff", b"null"])
def test_a_whole_line_that_is_none_of_ours_is_an_error(line):
    with pytest.raises(Untrustworthy, match="taint ledger"):
        read_taint(taint_bytes(LINES) + line + b"\n")


def test_a_line_with_a_member_too_many_is_an_error():
    data = taint_bytes(LINES).replace(b'"detail":""', b'"detail":"","value":5')
    with pytest.raises(Untrustworthy):
        read_taint(data)
