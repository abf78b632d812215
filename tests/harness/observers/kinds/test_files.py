"""Files are told apart by content or by stamp; a missing one is nothing, an unreadable one unseen."""

from __future__ import annotations

import os

import pytest

from harness.observers.fetch import Unseen
from harness.observers.kinds import files
from harness.observers.kinds.files import FileState


def test_content_counts_and_a_touch_does_not(tmp_path):
    place = FileState(tmp_path, "champion", "content")
    assert place.look() is None
    (tmp_path / "champion").write_text("v1")
    first = place.look()
    os.utime(tmp_path / "champion", (1, 1))
    assert place.look() == first
    (tmp_path / "champion").write_text("v2")
    assert place.look() not in (None, first)


def test_by_stamp_a_touch_and_a_length_count(tmp_path):
    file = tmp_path / "model.bin"
    place = FileState(tmp_path, "model.bin", "stamp")
    seen = []
    for text, at_s in (("ab", 1), ("cd", 1), ("cd", 2), ("cde", 2)):
        file.write_text(text)
        os.utime(file, (at_s, at_s))
        seen.append(place.look())
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3


def test_a_glob_tells_what_came_went_and_moved(tmp_path):
    place = FileState(tmp_path, "models/*/meta", "content")
    assert place.look() is None
    for name in ("a", "b"):
        (tmp_path / "models" / name).mkdir(parents=True)
    (tmp_path / "models/a/meta").write_text("1")
    seen = [place.look()]
    (tmp_path / "models/a/meta").rename(tmp_path / "models/b/meta")
    seen.append(place.look())
    (tmp_path / "models/a/meta").write_text("1")
    seen.append(place.look())
    assert len(set(seen)) == 3
    assert seen[-1].startswith("2 files ")


def test_contents_are_not_run_together(tmp_path):
    """'ab' + 'c' is not 'a' + 'bc'."""
    place = FileState(tmp_path, "*", "content")
    seen = set()
    for one, other in (("ab", "c"), ("a", "bc")):
        (tmp_path / "1").write_text(one)
        (tmp_path / "2").write_text(other)
        seen.add(place.look())
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda f: (f / "x").mkdir(), "a folder"),
        (lambda f: (f / "x").write_bytes(b"0" * (files.BYTES_MAX + 1)), "by: stamp"),
    ],
)
def test_what_cannot_be_compared_is_unseen(tmp_path, made, why):
    made(tmp_path)
    with pytest.raises(Unseen, match=why):
        FileState(tmp_path, "x", "content").look()


def test_too_many_files_are_unseen(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FILES_MAX", 2)
    for name in "abc":
        (tmp_path / name).touch()
    with pytest.raises(Unseen, match="3 files"):
        FileState(tmp_path, "?", "stamp").look()


@pytest.mark.parametrize("pattern", ["/x/*", "x" * 300, "**x"])
def test_a_path_that_can_be_none_is_unseen(tmp_path, pattern):
    with pytest.raises(Unseen):
        FileState(tmp_path, pattern, "content").look()
