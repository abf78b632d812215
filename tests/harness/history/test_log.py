"""The history file: durable to write, impossible to shorten or edit unseen, never raising to read."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Untrustworthy
from harness.faults.effects import Kill
from harness.history.events import (
    BaselineMeasured,
    ControlRaised,
    Injected,
    NotClean,
    RunEnded,
    RunStarted,
    Undone,
)
from harness.history.log import GENESIS, LINE_BYTES_MAX, HistoryWriter, read_history

EVENTS = (
    RunStarted(run_id="r0001", plan_sha256="ab"),
    BaselineMeasured(units=400, bad=0, why=""),
    Injected(
        episode=0,
        effect=Kill(service="scorer-a"),
        sham=False,
        asked_at_s=1.0,
        effective_at_s=1.5,
        pid=7,
        proof=("pidfd",),
    ),
    Undone(episode=0, at_s=3.0, needed=False),
    ControlRaised(where="audit", error="naïve “quotes” and a \n newline"),
    RunEnded(state="complete", rows=0, rows_sha256="cd"),
)


def write(path: Path, events=EVENTS, genesis: str = GENESIS) -> bytes:
    ticks = iter(range(1, 1000))
    with HistoryWriter(path, lambda: (float(next(ticks)), "2026-01-01T00:00:00Z"), genesis) as writer:
        for event in events:
            writer.append(event)
    return path.read_bytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("log") / "history.jsonl")


def read(data: bytes, genesis: str = GENESIS):
    return read_history(io.BytesIO(data), genesis)


def test_a_complete_history_reads_back_as_written_and_is_not_cut(data: bytes) -> None:
    recorded = read(data)
    assert tuple(entry.event for entry in recorded.entries) == EVENTS
    assert [entry.seq for entry in recorded.entries] == [1, 2, 3, 4, 5, 6]
    assert (recorded.cut, recorded.torn_bytes) == ("", 0)


def test_a_history_cut_at_any_byte_is_readable_and_says_that_it_is_cut(data: bytes) -> None:
    for length in range(len(data)):
        recorded = read(data[:length])
        assert recorded.cut, length
        whole_lines = data[:length].count(b"\n")
        assert len(recorded.entries) == whole_lines
        assert recorded.torn_bytes == length - (data[:length].rfind(b"\n") + 1)
        assert ("torn" in recorded.cut) == (recorded.torn_bytes > 0)


@given(st.data())
def test_no_changed_byte_goes_unseen(data: bytes, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(data) - 1))
    byte = draw.draw(st.integers(0, 255).filter(lambda value: value != data[place]))
    recorded = read(data[:place] + bytes([byte]) + data[place + 1 :])
    assert recorded.cut
    assert len(recorded.entries) <= data[:place].count(b"\n")


@given(st.binary(max_size=3000))
def test_any_bytes_at_all_can_be_read_and_are_never_complete(noise: bytes) -> None:
    assert read(noise).cut


@given(st.binary(min_size=1, max_size=200))
def test_bytes_after_the_end_are_a_cut_history(data: bytes, noise: bytes) -> None:
    assert read(data + noise).cut


def test_a_removed_line_breaks_the_chain(data: bytes) -> None:
    lines = data.splitlines(keepends=True)
    recorded = read(b"".join(lines[:2] + lines[3:]))
    assert len(recorded.entries) == 2
    assert "line 3" in recorded.cut


def test_a_history_of_another_plan_is_cut_at_its_first_line(data: bytes) -> None:
    recorded = read(data, genesis="0" * 64)
    assert not recorded.entries
    assert "checksum" in recorded.cut


def chained(*heads: bytes) -> bytes:
    """Lines chained as docs/protocols/history.md says, by other code than the writer's."""
    chain, lines = GENESIS, []
    for head in heads:
        chain = hashlib.sha256(chain.encode() + head).hexdigest()
        lines.append(head + b',"chain":"' + chain.encode() + b'"}\n')
    return b"".join(lines)


def head(seq: int, event: bytes) -> bytes:
    return b'{"seq":%d,"mono_s":1.0,"wall":"w","event":%s' % (seq, event)


ENDED = b'{"kind":"run.ended","state":"ended","rows":0,"rows_sha256":""}'


def test_a_history_chained_by_the_document_alone_is_complete() -> None:
    assert read(chained(head(1, ENDED))).cut == ""


def test_a_well_chained_line_with_the_wrong_number_is_a_cut() -> None:
    assert "sequence number 3 instead of 1" in read(chained(head(3, ENDED))).cut


@pytest.mark.parametrize(
    "event", [b'{"kind":"run.exploded"}', b'{"kind":"run.ended"}', b'{"kind":' + b"[" * 50_000, b"\xff"]
)
def test_a_well_chained_line_that_holds_no_event_is_a_cut(event: bytes) -> None:
    recorded = read(chained(head(1, event)))
    assert "not an event of this version" in recorded.cut
    assert not recorded.entries


def test_an_event_after_the_end_is_named(tmp_path: Path) -> None:
    recorded = read(write(tmp_path / "h", (*EVENTS, NotClean(episode=0, why="late"))))
    assert "goes on after run.ended in line 6" in recorded.cut


def test_a_history_without_end_names_its_last_event(tmp_path: Path) -> None:
    assert "ends with fault.undone" in read(write(tmp_path / "h", EVENTS[:4])).cut


def test_a_line_that_is_too_long_is_a_cut_and_does_not_fill_the_memory(data: bytes) -> None:
    recorded = read(data + b"x" * (LINE_BYTES_MAX * 3))
    assert "longer than" in recorded.cut
    assert len(recorded.entries) == len(EVENTS)


def test_an_event_that_cannot_be_read_back_is_refused_and_leaves_the_file_whole(tmp_path: Path) -> None:
    with HistoryWriter(tmp_path / "h", lambda: (1.0, "w")) as writer:
        writer.append(EVENTS[0])
        with pytest.raises(Untrustworthy, match="read back"):
            writer.append(Undone(episode=0, at_s=float("nan"), needed=False))
        with pytest.raises(Untrustworthy, match="does not fit"):
            writer.append(NotClean(episode=0, why="x" * LINE_BYTES_MAX))
        writer.append(EVENTS[-1])
    assert read((tmp_path / "h").read_bytes()).cut == ""


def test_a_very_long_error_is_shortened_and_never_lost(tmp_path: Path) -> None:
    recorded = read(write(tmp_path / "h", (ControlRaised(where="run", error="e" * 200_000), EVENTS[-1])))
    assert recorded.cut == ""
    assert recorded.entries[0].event.error.endswith("(cut)")


def test_what_was_appended_is_readable_before_the_writer_is_closed(tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path / "h", lambda: (1.0, "w"))
    writer.append(EVENTS[0])
    assert len(read((tmp_path / "h").read_bytes()).entries) == 1
    writer.close()


def test_an_existing_history_is_never_written_over(tmp_path: Path) -> None:
    write(tmp_path / "h")
    with pytest.raises(FileExistsError):
        HistoryWriter(tmp_path / "h", lambda: (1.0, "w"))
