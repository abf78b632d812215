"""Undoing all records of a run: the run is ended first, every record is proven, twice is once."""

from __future__ import annotations

import dataclasses
import os
import socket

from harness.guard.records import open_records, ourselves, write_record
from harness.guard.undo import undo_all, undo_one

VARIABLE, TOKEN = "HORMESIS_RUN", f"{os.getpid():064x}"  # tests side by side end what carries theirs


def end_run(record, tmp_path, **more):
    return record("end_run", variable=VARIABLE, token=TOKEN, folder=str(tmp_path / "hormesis-1"), **more)


def test_where_the_run_can_be_ended_the_rest_is_only_looked_at(record, stopped, of, tmp_path):
    process = stopped()
    folder = tmp_path / ".undo"
    write_record(folder, end_run(record, tmp_path))
    write_record(folder, record("continue_process", record_id="r1-2", **of(process)))
    lost = record(
        "start_service", record_id="r1-3", port=1, token=TOKEN, service="s", ready_port=1, ready_route="/"
    )
    write_record(folder, lost)
    told = []
    outcomes = undo_all(folder, "c/r1", say=told.append)
    assert [o.record.id for o in outcomes] == ["r1-3", "r1-2", "r1-1"] == [o.record.id for o in told]
    assert all(o.clean for o in outcomes)
    assert [o.did for o in outcomes[:2]] == ["nothing: the run was ended"] * 2
    assert process.wait(10) == -9
    assert open_records(folder) == ()
    assert undo_all(folder, "c/r1") == ()


def test_a_single_fault_is_undone_and_the_process_lives_on(record, stopped, of, tmp_path, state_of):
    process = stopped()
    write_record(tmp_path, record("continue_process", **of(process)))
    (outcome,) = undo_all(tmp_path)
    assert outcome.clean
    assert state_of(process.pid) != "T"
    assert process.poll() is None


def test_an_undo_that_cannot_be_proven_stays_open_and_does_not_stop_the_others(record, tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(8)
        toxic = record("remove_toxic", record_id="r1-2", socket=str(path), token="t", edge="e", name="n")
        write_record(tmp_path / "u", dataclasses.replace(toxic, promise_s=0.0))
        write_record(tmp_path / "u", end_run(record, tmp_path, record_id="r2-1", run="c/r2"))
        outcomes = {o.record.id: o for o in undo_all(tmp_path / "u")}
    assert not outcomes["r1-2"].clean
    assert "does not answer" in outcomes["r1-2"].text
    assert outcomes["r2-1"].clean
    assert [one.id for one in open_records(tmp_path / "u")] == ["r1-2"]


def test_a_broken_record_and_an_unknown_verb_are_not_clean_and_stay(record, tmp_path):
    (tmp_path / "r1-1.json").write_text("{")
    write_record(tmp_path, record("remove_all", record_id="r1-2"))
    outcomes = undo_all(tmp_path, "c/r1")
    assert len(outcomes) == 2
    assert all("broken record" in o.text and not o.clean for o in outcomes)
    assert len(open_records(tmp_path)) == 2


def test_undoing_a_record_that_was_closed_meanwhile_is_clean(record, tmp_path):
    assert undo_one(tmp_path, end_run(record, tmp_path)).clean


def test_numbers_that_nothing_can_have_are_a_broken_record_and_keep_no_other_from_its_undo(
    record, stopped, of, tmp_path, state_of
):
    process = stopped()
    write_record(tmp_path, record("continue_process", **of(process)))
    odd = of(process) | {"pid": 2**40}
    write_record(tmp_path, record("stop_records", record_id="r1-2", **odd))
    outcomes = {o.record.id: o for o in undo_all(tmp_path)}
    assert outcomes["r1-1"].clean
    assert state_of(process.pid) != "T"
    assert (outcomes["r1-2"].clean, outcomes["r1-2"].text) == (
        False,
        "broken record: pid of stop_records is not in 1 to 4194304",
    )


def test_texts_that_nothing_can_have_are_not_clean_and_keep_no_other_from_its_undo(
    record, stopped, of, tmp_path, state_of
):
    process = stopped()
    write_record(tmp_path, record("continue_process", **of(process)))
    odd = record("remove_toxic", record_id="r1-2", socket="/s\0", token="\ud800", edge="e", name="n")
    write_record(tmp_path, dataclasses.replace(odd, promise_s=0.0))
    outcomes = {o.record.id: o for o in undo_all(tmp_path)}
    assert outcomes["r1-1"].clean
    assert state_of(process.pid) != "T"
    assert not outcomes["r1-2"].clean
    assert "does not answer" in outcomes["r1-2"].text


def test_a_record_of_another_pid_namespace_is_neither_done_nor_clean(record, stopped, of, tmp_path, state_of):
    """SR-4: whoever cannot see the process cannot say that it is gone."""
    process = stopped()
    apart = dataclasses.replace(ourselves(), space=ourselves().space + 1)
    kept = dataclasses.replace(record("continue_process", **of(process)), owner=apart)
    whole = dataclasses.replace(end_run(record, tmp_path, record_id="r1-2"), owner=apart)
    write_record(tmp_path, kept)
    write_record(tmp_path, whole)
    outcomes = undo_all(tmp_path)
    assert [o.clean for o in outcomes] == [False, False]
    assert all("cannot tell" in o.text for o in outcomes)
    assert state_of(process.pid) == "T"
    assert open_records(tmp_path) == (kept, whole)
