"""`hormesis halt` says which store it halted, what was under way in it, and what goes on elsewhere (SR-8)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.frontends.cli import main
from harness.guard.halt import halt_reason, is_halted
from harness.guard.lock import locked
from harness.run.scratch import scratch


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch) -> None:
    """A folder without a store, and a scratch folder of its own."""
    (tmp_path / "scratch").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.delenv("HORMESIS_STORE", raising=False)
    monkeypatch.chdir(tmp_path / "work")


def said(capsys, *words: str, code: int = 0) -> str:
    """What the command says, its absolute paths as they are; fails where it ends with another code."""
    ended = main(["halt", "--reason", "stop", *words])
    out, err = capsys.readouterr()
    assert ended == code, out + err
    return out + err


def test_the_default_store_that_is_not_there_is_refused_and_nothing_is_made(tmp_path, capsys):
    """SR-8: the runs that somebody wants to stop are in another store."""
    told = said(capsys, code=5)
    assert f"there is no store {tmp_path / 'work' / 'reports' / 'runs'}" in told
    assert "--store DIR, or HORMESIS_STORE" in told
    assert list((tmp_path / "work").iterdir()) == []


def test_a_store_that_the_environment_names_and_that_is_not_there_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HORMESIS_STORE", str(tmp_path / "typo"))
    assert f"there is no store {tmp_path / 'typo'}" in said(capsys, code=5)
    assert not (tmp_path / "typo").exists()


def test_a_new_store_that_is_named_is_halted_and_said_to_have_no_run(tmp_path, capsys):
    told = said(capsys, "--store", "new")
    assert f"{tmp_path / 'work' / 'new'} is halted" in told
    assert "no run is under way here" in told
    assert halt_reason(tmp_path / "work" / "new") == "stop"


def test_the_runs_under_way_are_counted_and_named(tmp_path, capsys):
    store = Path("reports/runs")
    store.mkdir(parents=True)
    with locked(store, "local"):
        told = said(capsys)
    assert f"{tmp_path / 'work' / 'reports' / 'runs'} is halted" in told
    assert "1 run under way here" in told
    assert f"local: pid {os.getpid()}, which runs" in told


def test_runs_in_other_stores_are_named_with_the_words_that_halt_them(tmp_path, capsys):
    """SR-8: by the file that every runner writes into its state folder."""
    other, mine = tmp_path / "an other" / "runs", tmp_path / "mine"
    with scratch(other), scratch(mine):
        told = said(capsys, "--store", str(mine))
        refused = said(capsys, code=5)
    line = f"under way elsewhere: pid {os.getpid()}: hormesis halt --store '{other}' --reason TEXT"
    assert line in told
    assert f"--store {mine} --reason" not in told
    assert line in refused
    assert f"--store {mine} --reason" in refused
    assert f"elsewhere: pid {os.getpid()}" not in said(capsys, "--store", str(mine))


def test_a_release_of_a_store_that_is_not_there_is_refused(tmp_path, capsys):
    assert f"there is no store {tmp_path / 'nowhere'}" in said(
        capsys, "--release", "--store", str(tmp_path / "nowhere"), code=5
    )
    assert not (tmp_path / "nowhere").exists()


def test_one_store_that_is_not_there_keeps_no_other_from_its_release(tmp_path, capsys):
    said(capsys, "--store", "one", "--store", "two")
    told = said(capsys, "--release", "--store", "one", "--store", "nowhere", "--store", "two", code=5)
    assert f"{tmp_path / 'work' / 'two'} is released" in told
    assert "there is no store" in told
    assert not any(is_halted(Path(name)) for name in ("one", "two"))
