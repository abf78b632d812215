"""A record is whole or not there, and what cannot be read stays open (SR-3)."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.guard.records import close_record, open_records, write_record

ROOT = Path(__file__).resolve().parents[3]

KILLED = """
import os, signal, sys
sys.path[:0] = [{root!r}]
from pathlib import Path
from harness.guard.records import Owner, Record, close_record, write_record
record = Record(id="r1-1", run="c/r1", target="local", episode=0, fault="f", verb="end_run",
                arguments=dict(variable="V", token="t", folder="/nowhere"), promise_s=1.0, expires_s=1.0,
                opened="now", owner=Owner(pid=1, start_ticks=1, boot="b"))
left = {boundary}
def step(frame, event, argument):
    global left
    if event.startswith("c_") and "guard" in frame.f_code.co_filename:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.setprofile(step)
write_record(Path({folder!r}), record)
sys.setprofile(None)
print("written", flush=True)
sys.setprofile(step)
close_record(Path({folder!r}), "r1-1")
sys.setprofile(None)
print("closed", {boundary} - left, flush=True)
"""


def until_killed(folder: Path, boundary: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-S", "-c", KILLED.format(root=str(ROOT), folder=str(folder), boundary=boundary)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_record_comes_back_as_it_was_written(tmp_path, record):
    kept = record("remove_toxic", socket="/s", token="t", edge="e", name="n")
    write_record(tmp_path / ".undo", kept)
    assert open_records(tmp_path / ".undo") == (kept,)
    assert stat.S_IMODE((tmp_path / ".undo").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / ".undo" / "r1-1.json").stat().st_mode) == 0o600


def test_a_record_is_closed_once_and_an_open_one_is_never_written_over(tmp_path, record):
    kept = record("end_run", variable="V", token="t", folder="/nowhere")
    write_record(tmp_path, kept)
    with pytest.raises(FileExistsError):
        write_record(tmp_path, kept)
    assert (close_record(tmp_path, kept.id), close_record(tmp_path, kept.id)) == (True, False)
    assert open_records(tmp_path) == ()


@pytest.mark.parametrize("name", ["../r1", "R1", "", "r1/../../x", "r1\0"])
def test_a_name_that_is_none_is_refused(tmp_path, record, name):
    with pytest.raises(ValueError):
        write_record(tmp_path, record("end_run", record_id=name, variable="V", token="t", folder="/x"))


def test_records_come_oldest_first_and_only_those_of_the_run(tmp_path, record):
    for name, run in (("r1-2", "c/r1"), ("r1-1", "c/r1"), ("r2-1", "c/r2")):
        write_record(
            tmp_path, record("end_run", record_id=name, run=run, variable="V", token="t", folder="/x")
        )
    assert [one.id for one in open_records(tmp_path, "c/r1")] == ["r1-1", "r1-2"]
    assert len(open_records(tmp_path)) == 3


def edited(record, change) -> bytes:
    members = {"version": 1} | dataclasses.asdict(record("end_run", variable="V", token="t", folder="/x"))
    del members["broken"]
    change(members)
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("owner"),
        lambda m: m.update(version=2),
        lambda m: m.update(extra=1),
        lambda m: m.update(episode="0"),
        lambda m: m.update(id="r9-9"),
        lambda m: m["arguments"].update(token=["t"]),
        lambda m: m["owner"].update(pid=True),
        lambda m: m["owner"].update(space="1"),
        lambda m: m.update(promise_s=float("nan")),
        lambda m: m.update(expires_s=float("inf")),
        lambda m: m.update(promise_s=10**400),
    ],
)
def test_a_record_with_anything_wrong_is_open_and_says_so(tmp_path, record, change):
    (tmp_path / "r1-1.json").write_bytes(edited(record, change))
    (found,) = open_records(tmp_path, "c/r1")
    assert "r1-1.json cannot be read" in found.broken


def test_a_record_of_a_version_that_named_no_pid_namespace_is_read(tmp_path, record):
    (tmp_path / "r1-1.json").write_bytes(edited(record, lambda m: m["owner"].pop("space")))
    (found,) = open_records(tmp_path)
    assert (found.broken, found.owner.space) == ("", 0)
    assert found.owner.lives()


def test_seconds_that_are_no_number_are_not_written(tmp_path, record):
    kept = record("end_run", variable="V", token="t", folder="/x")
    with pytest.raises(ValueError):
        write_record(tmp_path, dataclasses.replace(kept, promise_s=float("nan")))
    assert open_records(tmp_path) == ()


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000, b'"' + b"x" * 70_000 + b'"'])
def test_a_file_that_is_no_record_is_open_and_says_so(tmp_path, data):
    (tmp_path / "r1-1.json").write_bytes(data)
    (found,) = open_records(tmp_path)
    assert found.broken


def test_a_link_and_a_pipe_are_no_records(tmp_path, record):
    (tmp_path / "real").write_bytes(edited(record, lambda _: None))
    (tmp_path / "r1-1.json").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "r1-2.json")
    assert all(found.broken for found in open_records(tmp_path))


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_record_that_others_may_write_is_open_and_says_so(tmp_path, record, mode):
    write_record(tmp_path, record("end_run", variable="V", token="t", folder="/x"))
    (tmp_path / "r1-1.json").chmod(mode)
    (found,) = open_records(tmp_path)
    assert "others may write it" in found.broken


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_folder_that_others_may_write_is_refused_and_nothing_in_it_is_read(tmp_path, record, mode):
    folder = tmp_path / ".undo"
    kept = record("end_run", variable="V", token="t", folder="/x")
    write_record(folder, kept)
    folder.chmod(mode)
    (found,) = open_records(folder)
    assert "others may write it" in found.broken
    assert found.verb == ""
    with pytest.raises(PermissionError, match="others may write it"):
        write_record(folder, record("end_run", record_id="r1-2", variable="V", token="t", folder="/x"))
    folder.chmod(0o700)
    assert open_records(folder) == (kept,)


def test_killed_between_any_two_calls_a_record_is_whole_or_not_there(tmp_path):
    """SR-3: the acts of writing and closing are cut at every call into the kernel."""
    code, out = until_killed(tmp_path / "whole", 10_000)
    assert code == 0
    calls = int(out.split()[-1])
    assert calls > 20
    seen = []
    for boundary in range(1, calls + 1, max(1, calls // 24)):
        folder = tmp_path / str(boundary)
        code, out = until_killed(folder, boundary)
        assert code == -9
        found = open_records(folder) if folder.is_dir() else ()
        assert not any(one.broken for one in found)
        assert found or "written" in out or True not in seen, "an open record was gone before it was closed"
        seen.append(bool(found))
    first, last = seen.index(True), len(seen) - seen[::-1].index(True)
    assert all(seen[first:last]), "it comes once and goes once"
    assert first > 0


def test_a_folder_that_is_none_or_leads_nowhere_is_open_and_not_empty(tmp_path):
    """SR-4: what cannot be seen is never called clean."""
    folder = tmp_path / ".undo"
    for make in (lambda: folder.symlink_to("/nonexistent"), lambda: folder.write_text("x")):
        make()
        (found,) = open_records(folder)
        assert found.broken
        folder.unlink()
    assert open_records(folder) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_may_not_be_looked_into_is_open_and_not_empty(tmp_path):
    """SR-4, as another user: root may look into everything."""
    words = "import os,sys; from pathlib import Path; from harness.guard.records import open_records; "
    words += "os.chdir(sys.argv[1]); os.setgroups([]); os.setgid(65534); os.setuid(65534); "
    words += "print([one.broken != '' for one in open_records(Path('.undo'))])"
    folder = tmp_path / ".undo"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    os.chown(tmp_path, 65534, 65534)
    folder.chmod(0)
    command = [sys.executable, "-c", words, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "[True]", done.stderr[-500:]
