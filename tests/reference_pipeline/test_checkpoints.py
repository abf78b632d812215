"""Checkpoints: the newest whole one counts."""

from __future__ import annotations

from pathlib import Path

from reference_pipeline.checkpoints import newest_checkpoint, save_checkpoint
from reference_pipeline.folders import DiskFolder


def test_the_newest_is_found_and_older_ones_are_removed(tmp_path: Path) -> None:
    save_checkpoint(DiskFolder(tmp_path), 4, b"four\nlines")
    save_checkpoint(DiskFolder(tmp_path), 12, b"")
    assert newest_checkpoint(DiskFolder(tmp_path)) == (12, b"")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_one_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    save_checkpoint(DiskFolder(tmp_path), 4, b"four")
    sound = (tmp_path / "checkpoint-000004.bin").read_bytes()
    (tmp_path / "checkpoint-000008.bin").write_bytes(sound[:-1])
    (tmp_path / "checkpoint-000009.bin.partial").write_bytes(sound)
    (tmp_path / "checkpoint-none.bin").write_bytes(sound)
    assert newest_checkpoint(DiskFolder(tmp_path)) == (4, b"four")


def test_without_any_there_is_none(tmp_path: Path) -> None:
    assert newest_checkpoint(DiskFolder(tmp_path)) is None
