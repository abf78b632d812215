"""Scratch folders: only a usable place is used, and only what killed runners left is removed."""

from __future__ import annotations

import subprocess

import pytest

from harness.errors import Refused
from harness.run.scratch import scratch


@pytest.fixture
def gone_pid() -> int:
    """The pid of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


def test_what_a_killed_runner_left_is_removed_and_links_are_not_followed(tmp_path, monkeypatch, gone_pid):
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("stays")
    left = tmp_path / f"hormesis-{gone_pid}-left"
    left.mkdir()
    dangling = tmp_path / f"hormesis-{gone_pid}-dangling"
    dangling.symlink_to("/nowhere/at/all")
    (tmp_path / f"hormesis-{gone_pid}-link").symlink_to(other)
    with scratch() as folder:
        assert folder.parent == tmp_path
    assert not left.exists()
    assert dangling.is_symlink()
    assert (other / "file").read_text() == "stays"


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_named_scratch_that_is_no_folder_is_refused(tmp_path, monkeypatch, name):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path / name))
    with pytest.raises(Refused, match="HORMESIS_SCRATCH"), scratch():
        pass
