"""docs/history.md: every command that it shows is run on such a store, and says what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.frontends.cli import main
from tests.harness.archive.archive_kit import stored, stories

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "history.md"
FENCE = re.compile(r"^```(sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWS = {
    "hormesis compare": "A  kill-",
    "hormesis history list": "begun",
    "hormesis history trend": "process.kill",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two campaigns of the document in its store."""
    where = tmp_path_factory.mktemp("weekly")
    for day, factor, lost, version in (("01", 1.0, (), "0.1.0"), ("08", 1.5, (3,), "0.2.0")):
        stored(
            where / "reports" / "runs",
            stories(factor, lost=lost),
            id=f"kill-202601{day}-040000000-s7",
            started_utc=f"2026-01-{day}T04:00:00.000+00:00",
            harness_version=version,
        )
    return where


def blocks(kind: str) -> list[str]:
    return [text for found, text in FENCE.findall(DOCUMENT.read_text("utf-8")) if found == kind]


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


def test_it_shows_a_command_of_each_kind() -> None:
    assert len(commands()) == 4
    assert len(blocks("text")) == len(SHOWS)


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_document_says_what_it_shows(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HORMESIS_STORE", raising=False)
    program, *words = command.split()
    assert program == "hormesis"
    assert main(words) == 0
    out = capsys.readouterr().out
    begins = next((start for shown, start in SHOWS.items() if command.startswith(shown)), "")
    if begins:
        assert out in [block for block in blocks("text") if block.startswith(begins)]
    else:
        assert out == "public/index.html\n"
        assert (folder / "public" / "index.html").is_file()


def test_it_stays_short() -> None:
    assert DOCUMENT.read_text("utf-8").count("\n") <= 80
