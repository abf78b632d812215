"""`hormesis calibrate`: what would be lost after a minute is looked at before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.frontends.cli import main
from harness.guard.halt import halt
from harness.run import calibrate

FILE = str(Path(__file__).resolve().parents[4] / "experiments" / "smoke" / "kill-one.yaml")


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object) -> None:
        raise AssertionError("it measured, and nobody can have it")

    monkeypatch.setattr(calibrate, "calibrate_here", started)


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("absent/c.json", "there is no folder"),
        ("folder", "it is a link, or no file"),
        ("link", "it is a link, or no file"),
        ("file/c.json", "there is no folder"),
        ("a\x00b", "null byte"),
        ("x" * 300, "file name too long"),
    ],
)
def test_a_place_where_no_file_can_be_is_refused_first(tmp_path: Path, capsys, out: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    words = ["calibrate", FILE, "--out", str(tmp_path / out), "--store", str(tmp_path / "store")]
    assert main(words) == 5
    told = capsys.readouterr().err
    assert why in told
    assert "name a file in a folder that you may write into; nothing was started" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link"]


def test_a_folder_that_takes_no_files_is_refused_first(capsys) -> None:
    assert main(["calibrate", FILE, "--out", "/proc/c.json"]) == 5
    assert "cannot write '/proc/c.json': " in capsys.readouterr().err


def test_a_store_that_takes_nothing_is_refused_first(tmp_path: Path, capsys) -> None:
    (tmp_path / "store").touch()
    words = ["calibrate", FILE, "--out", str(tmp_path / "c.json"), "--store"]
    assert main([*words, str(tmp_path / "store")]) == 5
    assert "cannot be written" in capsys.readouterr().err
    halt(tmp_path, "paging")
    assert main([*words, str(tmp_path)]) == 5
    assert "is halted: paging" in capsys.readouterr().err


def test_its_help_says_what_it_does_to_the_system_how_long_and_what_to_do_with_the_costs(capsys) -> None:
    assert main(["calibrate", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for words in (
        "each of its services killed several times",
        "a minute and a half",
        "'costs: COSTS' under 'simulation:'",
    ):
        assert words in told
