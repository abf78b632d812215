"""A halt stays until it is released; both reasons are kept."""

from __future__ import annotations

import json

import pytest

from harness.guard.halt import halt, halt_file, halt_reason, is_halted, release


def test_a_halt_holds_until_it_is_released_and_both_reasons_stay(tmp_path):
    store = tmp_path / "store"
    assert not is_halted(store)
    assert halt_reason(store) == ""
    halt(store, "the pager\nrings")
    assert is_halted(store)
    assert halt_reason(store) == "the pager\nrings"
    assert release(store, "quiet again")
    assert not is_halted(store)
    assert not release(store, "quiet again")
    told = [json.loads(line) for line in (store / ".halt.log").read_text().splitlines()]
    assert [line.get("halted", line.get("released"))["reason"] for line in told] == [
        "the pager\nrings",
        "quiet again",
    ]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"reason"', b"\xff"])
def test_any_halt_file_halts_whatever_is_in_it(tmp_path, data):
    halt_file(tmp_path).write_bytes(data)
    assert is_halted(tmp_path)
    assert "does not say why" in halt_reason(tmp_path)


def test_a_halt_file_that_leads_nowhere_halts(tmp_path):
    halt_file(tmp_path).symlink_to(tmp_path / "nowhere")
    assert is_halted(tmp_path)
