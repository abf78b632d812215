"""`hormesis campaign` as docs/campaigns.md shows it: verdict, table, folder; again without any work."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from harness.campaign import engine
from harness.campaign.table import Table
from harness.experiment.load import load_experiment
from harness.frontends.cli import main
from harness.guard.halt import halt
from harness.history.store import read_campaign
from harness.run.template import template_key
from harness.shell import ONE_THREAD
from harness.verdict.model import Verdict

ROOT = Path(__file__).resolve().parents[4]
FENCE = re.compile(r"^```(yaml|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Path:
    """A folder with the files of the document, and a store in which the system is prepared."""
    folder = tmp_path_factory.mktemp("asked")
    small, hang = [text for kind, text in FENCE.findall(_document()) if kind == "yaml"]
    (folder / "small.yaml").write_text(small)
    (folder / "hang.yaml").write_text(hang)
    templates = folder / "store" / ".templates"
    templates.mkdir(parents=True)
    (templates / template_key(load_experiment(folder / "hang.yaml"))).symlink_to(small_template)
    return folder


def _document() -> str:
    return (ROOT / "docs" / "campaigns.md").read_text("utf-8")


def _command() -> list[str]:
    (shown,) = [text for kind, text in FENCE.findall(_document()) if kind == "sh"]
    program, *words = shown.split()
    assert program == "hormesis"
    return words


@pytest.fixture
def campaign(asked: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command of the document, with more words, in its folder."""
    monkeypatch.chdir(asked)
    monkeypatch.setenv("HORMESIS_STORE", str(asked / "store"))
    monkeypatch.setenv("HORMESIS_SCRATCH", str(asked))
    for name in (
        "PYTHONHASHSEED",
        *ONE_THREAD,
    ):  # the command sets them for its children; here they are put back
        monkeypatch.setenv(name, "1")
    return lambda *words: main([*_command(), *words])


def folders(asked: Path) -> list[Path]:
    return sorted(path for path in (asked / "store").iterdir() if not path.name.startswith("."))


def test_the_example_of_the_document_ends_as_it_says_and_keeps_what_it_says(asked, campaign, capsys):
    assert campaign() == 3, capsys.readouterr()
    out, err = capsys.readouterr()
    assert out.startswith("INCONCLUSIVE: ")
    assert "INCONCLUSIVE: process.hang gateway, arm none, fast: served within 8.0 s in at least 90 %" in out
    assert "needs 3 / 29" in out
    assert '"needs 3 / 29"' in _document()
    assert "PASS: arm none, fast: every accepted transaction ends exactly once" in out
    assert "3 of at most 3 pairs" in err
    assert "of about" not in err, "nobody can know how long it takes"
    (folder,) = folders(asked)
    assert f"kept in: {folder}" in out
    table = msgspec.json.decode((folder / "table.json").read_bytes(), type=Table)
    assert (table.pairs, table.doubtful, table.doubts) == (3, 0, ())
    assert msgspec.json.decode((folder / "verdict.json").read_bytes(), type=Verdict).exit_code == 3
    kept = read_campaign(folder / "kept").runs
    assert sorted(run.plan.sham for run in kept) == [False, True]
    assert [run.cut for run in kept] == ["", ""]
    named = re.search(r"^<store>.*?^```", _document(), re.MULTILINE | re.DOTALL)
    assert named is not None
    shown = {line.split()[0].rstrip("/") for line in named[0].splitlines()[1:-1]}
    assert shown == {"question.json", "parts/0000000.jsonl.gz", "table.json", "verdict.json", "kept"}
    assert all((folder / name).exists() for name in shown)


def test_once_more_nothing_is_done_but_the_audit_and_the_table_is_the_same(asked, campaign, capsys):
    campaign()
    (folder,) = folders(asked)
    (part,) = (folder / "parts").iterdir()
    before = (folder / "table.json").read_bytes(), part.stat().st_mtime_ns
    capsys.readouterr()
    assert campaign("--json") == 3
    document = msgspec.json.decode(capsys.readouterr().out)
    assert sorted(document) == ["folder", "table", "verdict"]
    assert ((folder / "table.json").read_bytes(), part.stat().st_mtime_ns) == before


@pytest.mark.slow
def test_a_figure_that_somebody_changed_in_a_part_is_told_and_nothing_is_made_of_it(asked, campaign, capsys):
    campaign()
    (folder,) = folders(asked)
    (part,) = (folder / "parts").iterdir()
    whole = part.read_bytes()
    try:
        rows = gzip.decompress(whole)
        part.write_bytes(gzip.compress(rows.replace(b"process.hang", b"process.kill", 1)))
        capsys.readouterr()
        assert campaign() == 4
        assert "was changed after it was written; remove it" in capsys.readouterr().err
    finally:
        part.write_bytes(whole)


@pytest.mark.slow
def test_rows_that_somebody_changed_and_sealed_again_are_found_by_the_audit(asked, campaign, capsys):
    """The only pair that is done again is the changed one: with three pairs one is drawn."""
    campaign()
    (folder,) = folders(asked)
    (part,) = (folder / "parts").iterdir()
    whole = part.read_bytes()
    try:
        text, mark, _ = gzip.decompress(whole).rpartition(b"sha256 ")
        digests = re.findall(rb'"([0-9a-f]{32})"', text)
        for digest in digests:
            text = text.replace(digest, digest[::-1])
        seal = hashlib.sha256(text).hexdigest().encode() + b"\n"
        part.write_bytes(gzip.compress(text + mark + seal))
        capsys.readouterr()
        assert campaign() == 4
        assert "VOID: done again with the same seed, another world came of pair " in capsys.readouterr().out
    finally:
        part.write_bytes(whole)


def test_a_halted_store_is_refused(asked, campaign, capsys, tmp_path):
    halt(tmp_path, "paging")
    assert campaign("--store", str(tmp_path)) == 5
    assert "is halted: paging" in capsys.readouterr().err


def test_a_store_that_is_none_is_refused(campaign, capsys, tmp_path):
    (tmp_path / "store").write_text("a file")
    assert campaign("--store", str(tmp_path / "store")) == 5
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--pairs", "0"), "is no count (a whole number from 1 on)"),
        (("--pairs", "x"), "is no count (a whole number from 1 on)"),
        (("--precision", "0.001"), "is no share (from 0.01 to below 1"),
        (("--precision", "much"), "is no share (from 0.01 to below 1"),
        (("--scheduler", "tcp://127.0.0.1:1"), "--workers counts processes of this machine"),
    ],
)
def test_words_that_mean_nothing_are_told_and_nothing_is_done(campaign, capsys, words, told):
    assert campaign(*words) == 2
    assert told in capsys.readouterr().err


@pytest.mark.slow
def test_a_campaign_that_was_kept_can_be_shown_again(asked, campaign, capsys):
    campaign()
    (folder,) = folders(asked)
    told = capsys.readouterr().out.partition("kept in: ")[0]
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out == told
    table = folder / "table.json"
    whole = table.read_bytes()
    try:
        for damaged in (whole[:100], whole.replace(b'"pairs"', b'"p\xffirs"')):
            table.write_bytes(damaged)
            assert main(["report", str(folder)]) == 4
            assert "cannot be read" in capsys.readouterr().err
    finally:
        table.write_bytes(whole)


@pytest.mark.slow
def test_a_gate_compares_what_real_worlds_did(asked, campaign, capsys, tmp_path):
    baseline = tmp_path / "baseline.json"
    campaign()
    (before,) = folders(asked)
    assert main(["gate", str(before), "--keep", str(baseline)]) == 0
    assert "process.hang gateway, fast: 3" in capsys.readouterr().out
    assert campaign("--seed", "8", "--baseline", str(baseline)) == 3
    (after,) = set(folders(asked)) - {before}
    capsys.readouterr()
    try:
        assert main(["gate", str(after), "--baseline", str(baseline)]) == 3
        assert "of 3, " in capsys.readouterr().out
        assert main(["gate", str(before), "--baseline", str(baseline)]) == 5
    finally:
        shutil.rmtree(after)


def test_who_interrupts_it_is_told_how_much_is_kept(asked, campaign, capsys, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "run_chunks", interrupted)
    assert campaign("--seed", "11", "--pairs", "20") == 130
    err = capsys.readouterr().err
    assert "0 of at most 20 pairs are kept, in whole parts of 10" in err
    assert "the same command with the same --seed goes on" in err
