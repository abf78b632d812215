"""Scratch folders: only a usable place is used, and only what killed runners left is removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import Refused
from harness.guard.records import ourselves
from harness.run.scratch import scratch

ROOT = Path(__file__).resolve().parents[3]


LEFT_BEHIND = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from harness.run.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "deep" / "er").mkdir(parents=True)
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def left(tmp_path, monkeypatch) -> Path:
    """What a killed runner left in the scratch folder ``tmp_path``."""
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path))
    words = [sys.executable, "-c", LEFT_BEHIND, str(ROOT)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -9
    return Path(done.stdout.strip())


def test_what_a_killed_runner_left_is_removed_and_links_are_not_followed(tmp_path, left):
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("stays")
    (left / "deep" / "link").symlink_to(other)
    link = left.with_name(left.name[:-8] + "linklink")
    link.symlink_to(left)
    dangling = left.with_name(left.name[:-8] + "danglink")
    dangling.symlink_to("/nowhere/at/all")
    with scratch(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert not left.exists()
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert (other / "file").read_text() == "stays"
    assert not folder.exists()


def test_a_users_folder_of_such_a_name_is_never_touched(tmp_path, left):
    """The name alone says nothing: the owner's file does, and only of a real process of the same name."""
    (marked,) = (path for path in left.iterdir() if path.is_file())
    kept = [tmp_path / name for name in ("hormesis-20260101-my-paper", "hormesis-20260101-my_paper")]
    for folder in kept:
        folder.mkdir()
        (folder / "thesis.tex").write_text("years")
    shutil.copy(marked, kept[1])
    open_to_all = left.with_name(left.name[:-8] + "opentoal")
    shutil.copytree(left, open_to_all)
    open_to_all.chmod(0o777)
    with scratch(tmp_path):
        pass
    assert not left.exists()
    assert all(folder.joinpath("thesis.tex").read_text() == "years" for folder in kept)
    assert open_to_all.is_dir()


def test_an_empty_folder_that_nobody_has_signed_for_a_minute_is_removed(tmp_path, monkeypatch):
    """Its runner was killed between the making of the folder and the writing of whose it is."""
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path))
    names = ("old_old_", "oldblank", "youngone", "fullfull")
    old, blank, young, full = (tmp_path / f"hormesis-123-{end}" for end in names)
    for folder in (old, blank, young, full):
        folder.mkdir(mode=0o700)
    with scratch(tmp_path) as mine:
        (marked,) = mine.iterdir()
    (blank / marked.name).touch(mode=0o600)
    (full / "thesis.tex").write_text("years")
    for folder in (old, blank, full):
        os.utime(folder, (0.0, 0.0))
    with scratch(tmp_path):
        pass
    assert not old.exists()
    assert not blank.exists()
    assert young.is_dir()
    assert (full / "thesis.tex").read_text() == "years"


def test_the_folder_of_a_runner_that_lives_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path))
    with scratch(tmp_path) as mine:
        (mine / "file").write_text("in use")
        with scratch(tmp_path) as other:
            assert other != mine
        assert (mine / "file").read_text() == "in use"


ELSEWHERE = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from harness.run.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    print(folder)
"""


def test_the_folder_of_a_runner_of_another_pid_namespace_stays(tmp_path, monkeypatch, in_other_pid_space):
    """From there its runner is not to be seen, and it lives."""
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path))
    with scratch(tmp_path) as mine:
        (mine / "file").write_text("in use")
        done = in_other_pid_space([sys.executable, "-c", ELSEWHERE, str(ROOT)])
        assert done.returncode == 0, done.stderr
        assert Path(done.stdout.strip()).parent == tmp_path
        assert (mine / "file").read_text() == "in use"


def test_the_folder_of_another_boot_is_left_to_undo(tmp_path, left):
    """A reboot or another machine: only the undo of its store knows."""
    (marked,) = (path for path in left.iterdir() if path.is_file())
    marked.write_text(marked.read_text().replace(ourselves().boot, "another boot"))
    with scratch(tmp_path):
        pass
    assert (left / "deep").is_dir()


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_named_scratch_that_is_no_folder_is_refused(tmp_path, monkeypatch, name):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path / name))
    with pytest.raises(Refused, match="HORMESIS_SCRATCH"), scratch(tmp_path):
        pass
