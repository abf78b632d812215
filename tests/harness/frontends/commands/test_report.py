"""`hormesis report`: each format as a file, all of them at once, and nothing half written or replaced."""

from __future__ import annotations

import os
import re
from xml.etree import ElementTree

import msgspec
import pytest

from harness.campaign.judging import judge_campaign
from harness.campaign.parts import TABLE_FILE, VERDICT_FILE, held
from harness.campaign.table import Ending, encode, table_of
from harness.campaign.tally import Tally
from harness.frontends.cli import main
from harness.report.compose import compose
from harness.report.compose import encode as encode_document
from tests.harness.campaign.rows_kit import episode, question, row
from tests.traps.histories import killed, written

BEGINNINGS = {
    "html": "<!doctype html>",
    "json": "{",
    "junit": "<?xml",
    "markdown": "## ",
    "openmetrics": "# TYPE hormesis_verdict",
}


@pytest.fixture
def run(tmp_path):
    return written(tmp_path / "store", killed(), killed(sham=True))


@pytest.fixture
def pairs(tmp_path):
    tally = Tally()
    tally.add_pair([row(0, "none", episode(4000))])
    table = table_of(question(), tally, Ending(stopped="cap", digest="d"))
    folder = tmp_path / "store" / "a-kill-0123"
    folder.mkdir(parents=True)
    (folder / TABLE_FILE).write_bytes(encode(table))
    verdict = judge_campaign(tally, (), doubts=(), unequal=())
    (folder / VERDICT_FILE).write_bytes(msgspec.json.encode(verdict))
    return folder


def files_of(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("format_name", BEGINNINGS)
def test_a_run_is_written_in_each_format(run, tmp_path, capsys, format_name):
    file = tmp_path / "out"
    assert main(["report", str(run), f"--{format_name}", str(file)]) == 0
    assert file.read_text().lower().startswith(BEGINNINGS[format_name].lower())
    assert capsys.readouterr().out == f"{file}\n"


def test_all_formats_are_written_at_once(run, tmp_path, capsys):
    folder = tmp_path / "out"
    folder.mkdir()
    words = [word for name in BEGINNINGS for word in (f"--{name}", str(folder / name))]
    assert main(["report", str(run), *words]) == 0
    assert files_of(folder) == set(BEGINNINGS)
    assert capsys.readouterr().out.split() == [str(folder / name) for name in BEGINNINGS]
    assert (folder / "json").read_bytes() == encode_document(compose(run))


@pytest.mark.parametrize("format_name", BEGINNINGS)
def test_a_dash_is_standard_output_with_nothing_else_in_it(run, tmp_path, capsys, format_name):
    other = "html" if format_name != "html" else "json"
    file = tmp_path / "other"
    assert main(["report", str(run), f"--{format_name}", "-", f"--{other}", str(file)]) == 0
    out, err = capsys.readouterr()
    assert out.lower().startswith(BEGINNINGS[format_name].lower())
    assert str(file) not in out
    assert err == f"{file}\n"


@pytest.mark.parametrize("format_name", ["json", "junit", "markdown", "openmetrics"])
def test_a_campaign_of_pairs_has_the_same_formats(pairs, tmp_path, format_name):
    file = tmp_path / "out"
    assert main(["report", str(pairs), f"--{format_name}", str(file)]) == 0
    assert file.read_text().startswith(BEGINNINGS[format_name])
    by_id = ["report", pairs.name, "--store", str(pairs.parent), f"--{format_name}", str(tmp_path / "again")]
    assert main(by_id) == 0
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_campaign_of_pairs_has_no_page_and_says_what_it_has(pairs, tmp_path, capsys):
    assert (
        main(["report", str(pairs), "--html", str(tmp_path / "out"), "--junit", str(tmp_path / "two")]) == 2
    )
    assert "--markdown" in capsys.readouterr().err
    assert files_of(tmp_path) == {"store"}, "nothing was written"


@pytest.mark.parametrize("by_id", [True, False])
def test_pairs_that_are_not_over_are_told_with_how_far_they_are_and_what_goes_on(tmp_path, capsys, by_id):
    folder = tmp_path / "a-kill-0123456789ab"
    with held(folder, question(title="A \x1b[2Jkill")) as parts:
        parts.write(0, ())
        parts.write(7, ())
    name = folder.name if by_id else str(folder)
    assert main(["report", name, "--store", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert (
        f"error[HRM403]: {folder} is not over: of 'A \ufffd[2Jkill' 4 of at most 20 pairs are kept, in 2 of"
        in told
    )
    assert "help: the same command goes on: hormesis campaign 'kill.yaml' --seed 7 and what else" in told
    for command in (["analyse"], ["replay"], ["explain", "run"]):
        assert main([*command, str(folder)]) == 2
        assert "is a campaign of pairs that is not over, for `hormesis report`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage", ["{}", "\xff", "[" * 100_000, '"pairs_a_chunk": 0', '"pairs_max": 99999999999999999999999']
)
def test_a_question_that_is_damaged_is_told_where_pairs_are_not_over(tmp_path, capsys, damage):
    with held(tmp_path / "kept", question()) as parts:
        parts.write(0, ())
    file = tmp_path / "kept" / "question.json"
    key, colon, _ = damage.partition(":")
    whole = file.read_text()
    file.write_text(re.sub(f"{key}: [0-9]+", damage, whole) if colon else damage, encoding="latin-1")
    assert main(["report", str(tmp_path / "kept")]) == 2
    told = capsys.readouterr().err
    assert "kept is not over" in told
    assert "internal error" not in told


def test_the_json_of_a_campaign_of_pairs_is_its_table(pairs, tmp_path):
    assert main(["report", str(pairs), "--json", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_bytes() == (pairs / TABLE_FILE).read_bytes()


def test_strict_reaches_the_file_and_says_nothing_without_one(run, tmp_path, capsys):
    assert main(["report", str(run), "--strict"]) == 2
    assert "add --junit FILE" in capsys.readouterr().err
    assert main(["report", str(run), "--junit", str(tmp_path / "out"), "--strict"]) == 0
    assert ElementTree.parse(tmp_path / "out").getroot().tag == "testsuites"


def test_two_formats_into_one_file_are_refused(run, tmp_path, capsys):
    file = str(tmp_path / "out")
    for words in (["--json", "-", "--junit", "-"], ["--json", file, "--junit", file]):
        assert main(["report", str(run), *words]) == 2
        assert "two formats into one file" in capsys.readouterr().err
    assert files_of(tmp_path) == {"store"}


def test_what_stands_there_and_is_no_file_is_left_alone(run, tmp_path, capsys):
    held = tmp_path / "held"
    held.write_text("somebody's")
    (tmp_path / "link").symlink_to(held)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        assert main(["report", str(run), "--json", str(tmp_path / name)]) == 5
        assert "cannot write" in capsys.readouterr().err
    assert held.read_text() == "somebody's"
    assert files_of(tmp_path) == {"store", "held", "link", "pipe", "folder"}


@pytest.mark.parametrize("name", ["absent/out", "a\x00b", "x" * 300])
def test_a_name_that_cannot_be_written_is_refused_in_words(run, tmp_path, capsys, name):
    assert main(["report", str(run), "--markdown", str(tmp_path / name)]) == 5
    assert "cannot write" in capsys.readouterr().err
    assert files_of(tmp_path) == {"store"}


def test_an_older_file_is_replaced_whole(run, tmp_path):
    file = tmp_path / "out"
    file.write_text("old " * 100_000)
    assert main(["report", str(run), "--junit", str(file)]) == 0
    ElementTree.parse(file)
    assert files_of(tmp_path) == {"store", "out"}, "and nothing is left beside it"
